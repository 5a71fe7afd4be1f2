"""Copies that are closed behind every test, and leave no process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from daf_nb.envs import Copies, World
from tests.envs.acting import copies_of
from tests.envs.workers.helpers import children


@pytest.fixture
def made() -> Iterator[Callable[..., Copies]]:
    """Makes copies, here or in workers, and closes them; no process is left."""
    before, all_made = children(), list[Copies]()

    def make(world: World, **kwargs: Any) -> Copies:
        all_made.append(copies_of(world, **kwargs))
        return all_made[-1]

    yield make
    for copies in all_made:
        copies.close()
    assert children() == before
