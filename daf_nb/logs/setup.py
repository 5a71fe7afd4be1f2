"""`setup_logging`: where all that daf_nb says goes, for the whole process."""

from __future__ import annotations

import logging
import threading
from functools import partial
from pathlib import Path
from typing import Literal

from daf_nb.errors import ConfigError, unknown_name
from daf_nb.logs.console import Console, Onward
from daf_nb.logs.levels import level_name
from daf_nb.logs.lines import json_line, text_line
from daf_nb.logs.logger import TREE
from daf_nb.logs.rotating import BACKUPS, MAX_BYTES, RotatingFile
from daf_nb.logs.swapping import swap

__all__ = ["FORMATS", "close_logging", "setup_logging"]

FORMATS = {"json": json_line, "text": partial(text_line, full=True)}

_changing = threading.Lock()
_ours: list[logging.Handler] = []


def setup_logging(
    log_level: str | int = "INFO",
    log_file: Path | str | None = None,
    console_output: bool = True,
    *,
    log_format: Literal["json", "text"] = "json",
    max_bytes: int = MAX_BYTES,
    backups: int = BACKUPS,
) -> None:
    """Says where all that daf_nb says goes, from now on and in this process.

    It touches the logger "daf_nb" alone, never the root logger. What was set up before is replaced,
    its file closed. While the console is on, handlers of the root logger that write to the console
    too get nothing from daf_nb, so that nothing is printed twice; its other handlers get all.

    Args:
        log_level: the least level that is said: DEBUG, INFO, WARNING, ERROR or CRITICAL.
        log_file: a file to append to, rotated by size; None for none.
        console_output: readable lines on standard error.
        log_format: lines of the file: "json", one object a line, or "text".
        max_bytes: from which size on the file is rotated.
        backups: how many older files are kept.

    Raises:
        ConfigError: no such level or format, or a file that cannot be written; what was set up
            before stays.
    """
    level = level_name(log_level)
    if log_format not in FORMATS:
        raise ConfigError(unknown_name("log format", log_format, FORMATS))
    with _changing:
        handlers: list[logging.Handler] = []
        if log_file is not None:
            line = FORMATS[log_format]
            handlers.append(
                RotatingFile(Path(log_file), line, max_bytes=max_bytes, backups=backups)
            )
        if console_output:
            handlers.append(Console())
        for handler in handlers:
            # A component with a lower level of its own fills its own file, not these.
            handler.setLevel(level)
        # Without any handler, the standard library would print warnings after all.
        handlers.append(Onward() if console_output else logging.NullHandler())
        _replace(handlers, level=level, propagate=not console_output)


def close_logging() -> None:
    """Takes back what `setup_logging` set up, and closes its file. Files of components stay."""
    with _changing:
        _replace([], level="NOTSET", propagate=True)


def _replace(handlers: list[logging.Handler], *, level: str, propagate: bool) -> None:
    logger = logging.getLogger(TREE)
    logger.setLevel(level)
    logger.propagate = propagate
    swap(logger, _ours, handlers)
    _ours[:] = handlers
