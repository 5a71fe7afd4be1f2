"""One look at a run for the list of all: what the file says is remembered, who lives is not."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daf_nb.record.files import read_json
from daf_nb.record.reading.summary import Summary, summarise
from daf_nb.record.status import LIVE, UNREADABLE, true_status

__all__ = ["glance_all"]

ROOTS = 8  # that are remembered
SETTLED = 2 * 10**9  # nanoseconds; some file systems date a file by two seconds

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A `run.json` as it was read.

    Attributes:
        stamp: of the file that was read.
        vital: what decides whether the run lives; of an ended run only the status.
    """

    stamp: Stamp
    vital: Mapping[str, Any]
    summary: Summary


_seen: dict[str, dict[int, _Seen]] = {}
"""Runs root -> run -> what was read there."""


def glance_all(root: Path, numbers: Iterable[int]) -> dict[int, tuple[str, Summary]]:
    """Status and summary of runs, by number; one whose folder is gone meanwhile is left out.

    A `run.json` is read again when it is another file than before. The lock and the age of the
    heartbeat of a run that says it is alive are looked at every time.
    """
    known = _seen.pop(str(root), {})
    fresh: dict[int, _Seen] = {}
    found: dict[int, tuple[str, Summary]] = {}
    for number in numbers:
        folder = f"{root}{os.sep}{number}"
        seen, settled = _look(folder, known.get(number))
        if seen is None:
            if os.path.isdir(folder):  # noqa: PTH112 - a Path for each run costs a third of the time
                found[number] = UNREADABLE, _NOTHING
            continue
        if settled:
            fresh[number] = seen
        status = seen.vital["status"]
        if status in LIVE:
            status = true_status(Path(folder), seen.vital)
        found[number] = status, seen.summary
    _seen[str(root)] = fresh
    for old in list(_seen)[:-ROOTS]:
        _seen.pop(old, None)
    return found


_NOTHING = summarise({})


def _look(folder: str, known: _Seen | None) -> tuple[_Seen | None, bool]:
    """What the folder's `run.json` says, and whether a later change would show in its stamp."""
    path = f"{folder}{os.sep}run.json"
    try:
        stamp = _stamp(path)
        if known is not None and known.stamp == stamp:
            return known, True
        document = read_json(Path(path))
        # Replaced while it was read: the newer content goes with the older stamp, which never
        # comes again.
    except (OSError, ValueError):
        return None, False
    if not isinstance(document, dict):
        return None, False
    summary = summarise(document)
    settled = time.time_ns() - max(stamp[0], stamp[1]) > SETTLED
    return _Seen(stamp=stamp, vital=_vital(document), summary=summary), settled


def _stamp(path: str) -> Stamp:
    is_now = os.lstat(path)  # of a link its own; it is not read
    return is_now.st_mtime_ns, is_now.st_ctime_ns, is_now.st_size, is_now.st_ino


def _vital(document: Mapping[str, Any]) -> Mapping[str, Any]:
    status = document.get("status")
    if not isinstance(status, str) or not status:
        return {"status": UNREADABLE}
    if status not in LIVE:
        return {"status": status}
    keys = ("status", "heartbeat", "start_time", "host", "daf_nb")
    return {key: document.get(key) for key in keys}
