"""A log record as one line: JSON for programs, a sentence for people."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from daf_nb.logs.context import run_id
from daf_nb.logs.logger import FIELDS, component_of
from daf_nb.logs.plain import as_text, encodable, one_line, plain, shown

__all__ = ["json_line", "text_line"]

_COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_DIM, _END = "\x1b[2m", "\x1b[0m"
_TRACEBACKS = logging.Formatter()


def json_line(record: logging.LogRecord) -> str:
    """A record as one line of strict JSON in ASCII.

    Its keys: time (ISO 8601, UTC), level, component, message, run, process, thread, fields, and
    exception (a traceback) where there is one.
    """
    line: dict[str, Any] = {
        "time": _moment(record),
        "level": record.levelname,
        "component": encodable(component_of(record.name)),
        "message": encodable(_message(record)),
        "run": run_id.get(),
        "process": record.process or os.getpid(),
        "thread": encodable(str(record.threadName)),
        "fields": _fields(record),
    }
    if traceback := _traceback(record):
        line["exception"] = encodable(traceback)
    return json.dumps(line, allow_nan=False)


def text_line(record: logging.LogRecord, *, colours: bool = False, full: bool = False) -> str:
    """A record as a line that people read, control characters escaped.

    The lines of a traceback follow, each indented, so that none can pass for another record's.

    Args:
        record: what to show.
        colours: with the colours of a terminal.
        full: with the date in UTC, and the process, as files need it.
    """
    when = _moment(record) if full else time.strftime("%H:%M:%S", time.localtime(record.created))
    level, component = f"{record.levelname:<8}", one_line(component_of(record.name))
    if colours:
        when = f"{_DIM}{when}{_END}"
        level = f"{_COLOURS.get(record.levelname, '')}{level}{_END}"
    parts = [when, level, component, one_line(_message(record)).strip() or "(no message)"]
    parts += [f"{one_line(name)}={shown(value)}" for name, value in _fields(record).items()]
    run = run_id.get()
    if run is not None:
        parts.append(f"[run {run}]")
    if full:
        parts.insert(3, f"[{record.process}]")
    lines = ["  ".join(parts)]
    lines += [f"    {one_line(line)}" for line in _traceback(record).splitlines()]
    return "\n".join(lines)


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # its arguments do not fit it, or cannot be shown
        return f"{as_text(record.msg)} (cannot be said in full: {type(error).__name__})"


def _traceback(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[0] is not None:
        return _TRACEBACKS.formatException(record.exc_info)
    return record.exc_text or ""


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    given, more = getattr(record, FIELDS, (None, {}))
    try:
        if given is None:
            own = {}
        else:
            own = dict(given) if isinstance(given, Mapping) else {"fields": given}
        return plain({**own, **more})
    except Exception as error:  # a mapping that raises
        return {"fields": f"(cannot be shown: {type(error).__name__})"}
