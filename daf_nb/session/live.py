"""The runs that train in this process, and how they end with it."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from daf_nb.session.interrupting import PATIENCE, end_at_once
from daf_nb.session.signals import Signals

if TYPE_CHECKING:
    from daf_nb.session.run import Run

__all__ = ["begun", "ended", "live_run", "settle"]

_live: weakref.WeakSet[Run] = weakref.WeakSet()
_GRACE = 7.0
"""Seconds that a process which ends leaves its runs; whoever sent SIGTERM often kills after ten."""


def begun(run: Run) -> None:
    """From now on the process ends the run before it ends itself."""
    atexit.unregister(_end_all)  # or it would be called once for every run
    atexit.register(_end_all)
    _live.add(run)
    _signals.listen()


def ended(run: Run) -> None:
    """The run needs nothing more."""
    _live.discard(run)
    settle()


def settle() -> None:
    """Where nothing lives any more, in the main thread: signals are as they were."""
    if not _live:
        _signals.forget()


def live_run(folder: Path) -> Run | None:
    """The run that trains in this process and records there."""
    return next((run for run in list(_live) if run.folder == folder), None)


def _end_all() -> None:
    """Ends all runs within a step, so that their records are true and whole."""
    runs, deadline = list(_live), time.monotonic() + _GRACE
    for run in runs:
        run.stop(now=True)
    for run in runs:
        run.finished.wait(max(0.0, deadline - PATIENCE - time.monotonic()))
    for run in runs:
        if not run.finished.is_set():
            end_at_once(run, patience=max(0.0, deadline - time.monotonic()))


def _end_all_beside() -> None:
    """As `_end_all`, from a signal: what it broke into may hold a lock that is needed for it."""
    if _live:
        thread = threading.Thread(target=_end_all, name="daf_nb-end", daemon=True)
        thread.start()
        thread.join(_GRACE + PATIENCE / 2)


_signals = Signals(_end_all_beside)
