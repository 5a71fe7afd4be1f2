"""A Sacred run held open in a thread of its own while a block of code runs somewhere else."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any

from daf_nb.errors import RecordError
from daf_nb.record.recorder import Recorder

__all__ = ["Background"]

STOPS = (KeyboardInterrupt, SystemExit, GeneratorExit, CancelledError)


class Background:
    """Sacred's run of one recorder, from `start` to `end`.

    Sacred is not re-entrant and needs a main function to execute: here one that waits. It waits in
    the process that made it: a forked child has no such thread, and nothing to end.

    Args:
        recorder: a run that has not started.

    Attributes:
        foreign: this process is a forked child of the one that records.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._process = os.getpid()
        self._over, self._finished = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._result: Any = None
        self._trouble: BaseException | None = None

    @property
    def foreign(self) -> bool:
        return os.getpid() != self._process

    def start(self, *, begin: Callable[[], None]) -> None:
        """Returns once Sacred has started the run and its seeding is undone.

        Args:
            begin: called in the thread, as the first thing that the run does.

        Raises:
            BaseException: whatever kept the run from starting, for `give_up`.
        """
        self._begin = begin
        atexit.unregister(_end_all)  # or it would be called once for every run
        atexit.register(_end_all)
        _live.add(self)
        name = f"daf_nb-cell-{self._recorder.id}"
        threading.Thread(target=self._work, name=name, daemon=True).start()
        self._recorder.wait_started()
        if self._recorder.status != "RUNNING":
            self._finished.wait()
            raise self._trouble or RecordError(f"Run {self._recorder.id} could not be started.")

    def give_up(self, error: BaseException) -> None:
        """Ends a run whose block was kept from beginning, however far `start` had come.

        Args:
            error: what kept it.
        """
        status = "INTERRUPTED" if isinstance(error, STOPS) else "FAILED"
        try:
            what = f"the experiment could not be started: {error!r}"
            self._recorder.abandon(what, status=status)
        except RecordError:  # the thread was faster, or the run has ended
            self.end(error)
        else:
            self._finished.set()
            _live.discard(self)

    def end(self, error: BaseException | None, result: Any = None) -> None:
        """Ends the run as the block ended; returns when its record is whole, or in a forked child.

        Args:
            error: what the block raised. It is left as it was.
            result: what the block has to show, as plain JSON.

        Raises:
            KeyboardInterrupt: it came while this waited, and was kept until the record was whole.
        """
        if self.foreign:
            return
        trace = error.__traceback__ if error is not None else None
        self._error, self._result = error, result
        self._over.set()
        try:
            self._finished.wait()
        except KeyboardInterrupt:
            self._finished.wait()
            raise
        finally:
            _live.discard(self)
            if error is not None:
                error.__traceback__ = trace  # without the frames of this run's own thread

    def _work(self) -> None:
        try:
            self._recorder.run(self._main)
        except BaseException as error:
            if error is not self._error:
                self._trouble = error
        finally:
            self._finished.set()

    def _main(self) -> Any:
        self._begin()
        self._over.wait()
        if isinstance(self._error, STOPS):
            from daf_nb.record.sacred_run import Interrupted

            raise Interrupted(self._result)
        if self._error is not None:
            raise self._error
        return self._result


_live: weakref.WeakSet[Background] = weakref.WeakSet()


def _end_all() -> None:
    """A block that is open when its process ends, in a thread or a generator, was interrupted."""
    for one in list(_live):
        one.end(SystemExit("the process ended"))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_live.clear)
