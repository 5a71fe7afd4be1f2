"""Lines on the console, and what of the root logger goes on when the console is ours."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import Any

from daf_nb.logs.lines import text_line

__all__ = ["Console", "Onward"]


class Console(logging.Handler):
    """Writes one line a record to what is standard error at that moment.

    Colours where it is a terminal and NO_COLOR is not set.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record; one that cannot be written is dropped."""
        with contextlib.suppress(Exception):  # no console, or a closed one
            stream = sys.stderr
            colours = stream.isatty() and not os.environ.get("NO_COLOR")
            stream.write(text_line(record, colours=colours) + "\n")
            stream.flush()


class Onward(logging.Handler):
    """Passes records to the root logger's handlers, except to those that write to the console.

    In place of `propagate`, so that a user's own files, and pytest's caplog, still get every
    record, while nothing is printed twice.
    """

    def emit(self, record: logging.LogRecord) -> None:
        for handler in logging.getLogger().handlers:
            if record.levelno >= handler.level and not _writes_to_console(handler):
                handler.handle(record)


def _writes_to_console(handler: logging.Handler) -> bool:
    stream: Any = getattr(handler, "stream", None)
    if stream is None:  # rich's handler has a console that has a file
        stream = getattr(getattr(handler, "console", None), "file", None)
    consoles = (sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__)
    return stream is not None and any(stream is console for console in consoles)
