"""What ties a worker to its trainer: it ends with it, and has it log what is logged here."""

from __future__ import annotations

import fcntl
import logging
import os
import pickle
import select
import signal
from collections.abc import Callable

__all__ = ["TrainersLog", "end_with_the_trainer"]


def end_with_the_trainer(line: int) -> None:
    """The kernel ends this process when nobody holds the other end of the pipe `line`.

    Whatever it is doing then, a call of C included.
    """
    if hasattr(fcntl, "F_SETOWN"):
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | os.O_ASYNC)
    gone = select.poll()
    gone.register(line, 0)
    if gone.poll(0):  # it went before that
        os._exit(1)


class TrainersLog(logging.Handler):
    """Has the trainer log warnings and errors: it knows where they are to go.

    Args:
        say: sends a message of a kind.
    """

    def __init__(self, say: Callable[[bytes, bytes], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = say

    def emit(self, record: logging.LogRecord) -> None:
        """Sends it; one that cannot be written harms nobody."""
        try:
            told = record.name, record.levelno, self.format(record)
            self._tell(b"l", pickle.dumps(told))
        except Exception:
            self.handleError(record)
