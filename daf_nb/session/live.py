"""The runs that train in this process, and how they end with it."""

from __future__ import annotations

import atexit
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daf_nb.session.run import Run

__all__ = ["begun", "ended", "live_run"]

_live: weakref.WeakSet[Run] = weakref.WeakSet()
_GRACE = 10.0
"""Seconds that a process which ends waits for its runs to reach a boundary and be recorded."""


def begun(run: Run) -> None:
    """From now on the process takes the run to a boundary before it ends."""
    atexit.unregister(_stop_all)  # or it would be called once for every run
    atexit.register(_stop_all)
    _live.add(run)


def ended(run: Run) -> None:
    """The run needs nothing more."""
    _live.discard(run)


def live_run(folder: Path) -> Run | None:
    """The run that trains in this process and records there."""
    return next((run for run in list(_live) if run.folder == folder), None)


def _stop_all() -> None:
    """A process that ends takes its runs to a boundary, so that their records are true."""
    runs = list(_live)
    for run in runs:
        run.stop()
    for run in runs:
        run._finished.wait(_GRACE)
