"""What lies in the trash of a runs folder: entries whose names only we give."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TRASH", "TrashedRun", "entry_name", "told_of_trash", "trashed_runs"]

TRASH = ".trash"
_MOMENT = "%Y%m%dT%H%M%S.%fZ"
_ENTRY = re.compile(r"([0-9]{8}T[0-9]{6}\.[0-9]{6}Z)-([1-9][0-9]{0,14})")


@dataclass(frozen=True)
class TrashedRun:
    """A run in the trash.

    Attributes:
        id: the number that it had, and that nobody else is given while it lies here.
        deleted: when it was moved here; UTC.
        folder: where its files are now.
    """

    id: int
    deleted: datetime.datetime
    folder: Path


def entry_name(id: int, moment: datetime.datetime) -> str:
    """What a run is called in the trash. `moment` knows its time zone."""
    return f"{moment.astimezone(datetime.UTC).strftime(_MOMENT)}-{id}"


def told_of_trash(root: Path, id: int) -> str:
    """Where a run that is not there has gone, as the end of a message; else nothing."""
    with contextlib.suppress(OSError):
        if any(run.id == id for run in trashed_runs(root)):
            return f" It lies in the trash; restore_runs({id}) brings it back."
    return ""


def trashed_runs(root: Path) -> list[TrashedRun]:
    """The runs in the trash of a runs folder, the newest first.

    Links, files, and folders with names of another kind are not ours, and are left out.

    Raises:
        OSError: the trash is there and cannot be listed.
    """
    trash, found = root / TRASH, []
    if trash.is_symlink():
        return []
    try:
        with os.scandir(trash) as entries:
            for entry in entries:
                match = _ENTRY.fullmatch(entry.name)
                if match is None or not entry.is_dir(follow_symlinks=False):
                    continue
                with contextlib.suppress(ValueError):  # no such day
                    deleted = datetime.datetime.fromisoformat(match[1])
                    found.append(TrashedRun(int(match[2]), deleted, trash / entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found, key=lambda run: (run.deleted, run.id), reverse=True)
