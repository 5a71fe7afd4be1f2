from __future__ import annotations

import pytest

from daf_nb.logs import close_logging


@pytest.fixture(autouse=True)
def quiet_again():
    """What a test sets up ends with it."""
    yield
    close_logging()
