"""A log cut back to where a checkpoint was taken."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from daf_nb.record.files import TEARS, read_regular, sync, sync_folder, write_atomic
from daf_nb.record.plain import loads
from daf_nb.record.saying import say
from daf_nb.record.series import METRICS, TAPES
from daf_nb.record.tapes.rows import parse_tape

__all__ = ["cut_log"]


def cut_log(path: Path, position: int, aside: Path) -> int:
    """Moves what is behind a position to a folder; the lines that stay.

    Args:
        path: the log, which may be missing.
        position: entries to stay: values of metrics, lines of the others.
        aside: the folder.
    """
    try:
        content = read_regular(path)
    except FileNotFoundError:
        content = b""
    at = lines = seen = 0
    while seen < position and at < len(content):
        end = content.find(b"\n", at) + 1
        try:
            count = _entries(path.name, loads(content[at:end])) if end else 0
        except TEARS:
            count = 0
        if not count or seen + count > position:
            break
        at, lines, seen = end, lines + 1, seen + count
    if seen < position:
        say(f"{path} has {seen} of the {position} entries that its checkpoint knew of.")
    if at < len(content):
        write_atomic(aside / path.name, content[at:])
        sync_folder(aside.parent)
        os.truncate(path, at)
        sync(path)
    return lines


def _entries(log: str, row: Any) -> int:
    """What a line counts for; what is written behind one that makes no sense could not be read."""
    if log == TAPES:
        parse_tape(row)
    return len(row["values"]) if log == METRICS else 1
