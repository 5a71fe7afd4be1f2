"""Films of one test are over before the next: they share the process's stage."""

from __future__ import annotations

import threading

import pytest

from daf_nb.notebook.replay import projector
from tests.notebook.helpers import until


@pytest.fixture(autouse=True)
def over(monkeypatch):
    """Waits for the threads of films, which give up soon when there is nothing to do."""
    monkeypatch.setattr(projector, "_LINGER", 0.2)
    yield
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("daf_nb-film")])
