"""Runs that are deleted go to a trash folder beside the others, and can come back from there."""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daf_nb.errors import ConfigError, RecordError
from daf_nb.record.files import read_json
from daf_nb.record.folders import run_ids, runs_root
from daf_nb.record.locks import holder, is_held, nobody_writes
from daf_nb.record.status import LIVE, LOST_AFTER, true_status
from daf_nb.record.trashed import TRASH, TrashedRun, entry_name, trashed_runs

__all__ = ["Moved", "TrashedRun", "delete_runs", "empty_trash", "list_trash", "restore_runs"]

_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")
_DOOMED = re.compile(r"doomed-[0-9TZ.]+-[0-9]+")


@dataclass(frozen=True)
class Moved:
    """What became of runs that were to be moved into the trash or out of it.

    Attributes:
        runs: those that were moved, as they lie or lay in the trash.
        refused: run -> why it stayed where it was.
    """

    runs: tuple[TrashedRun, ...]
    refused: Mapping[int, str]

    @property
    def ids(self) -> list[int]:
        """The numbers of those that were moved."""
        return [run.id for run in self.runs]


def delete_runs(
    ids: int | str | Iterable[int | str], *, runs_dir: Path | str | None = None
) -> Moved:
    """Moves runs to the trash, `<runs folder>/.trash`. `restore_runs` brings them back.

    Those that can be are moved; `refused` says of the others why not. A run that is alive stays.

    Args:
        ids: one number or several.
        runs_dir: see `runs_root`.

    Raises:
        ConfigError: `ids` is neither a number nor several.
        RecordError: none of them could be moved; says why of each.
    """
    root, wanted = runs_root(runs_dir), _numbers(ids)
    trash, known = root / TRASH, set(run_ids(root))

    def move(number: int) -> TrashedRun:
        folder = root / str(number)
        if number not in known:
            raise RecordError(f"there is no run {number} in {root}; list_runs() shows all")
        if why := _why_it_stays(folder):
            raise RecordError(why)
        if trash.is_symlink():
            raise RecordError(f"{trash} is a link, which could lead anywhere; remove the link")
        trash.mkdir(exist_ok=True)
        now = datetime.datetime.now(datetime.UTC)
        place = trash / entry_name(number, now)
        with nobody_writes(folder) as still:  # nor begins to, before it is moved
            if not still:
                raise RecordError(f"it is being taken up by {holder(folder)}; stop it first")
            folder.rename(place)
        return TrashedRun(number, now, place)

    return _each(wanted, move, what="moved to the trash")


def restore_runs(
    ids: int | str | TrashedRun | Iterable[int | str | TrashedRun],
    *,
    runs_dir: Path | str | None = None,
) -> Moved:
    """Moves runs out of the trash, back to their old numbers.

    Those that can be are moved; `refused` says of the others why not.

    Args:
        ids: numbers, of which the newest that lies in the trash is meant, or what `delete_runs`
            and `list_trash` told: `restore_runs(delete_runs([3, 4]).runs)` is an undo.
        runs_dir: see `runs_root`.

    Raises:
        ConfigError: `ids` is neither a number nor several.
        RecordError: none of them could be moved; says why of each.
    """
    root = runs_root(runs_dir)
    lying = list_trash(runs_dir=root)
    newest = {run.id: run for run in reversed(lying)}
    given = _listed(ids)
    exact = {one.id: one for one in given if isinstance(one, TrashedRun)}

    def move(number: int) -> TrashedRun:
        run = exact.get(number) or newest.get(number)
        if run is None or run not in lying:
            raise RecordError(f"there is no run {number} in the trash; list_trash() shows all")
        place = root / str(number)
        if os.path.lexists(place):
            raise RecordError(
                f"another run has the number {number} by now; move {place} away or delete it, "
                f"then restore again; until then its files are in {run.folder}"
            )
        run.folder.rename(place)
        return run

    numbers = [one.id if isinstance(one, TrashedRun) else one for one in given]
    return _each(_numbers(numbers), move, what="restored")


def list_trash(*, runs_dir: Path | str | None = None) -> list[TrashedRun]:
    """The runs in the trash, the newest deletion first.

    Raises:
        RecordError: the trash cannot be listed.
    """
    root = runs_root(runs_dir)
    try:
        return trashed_runs(root)
    except OSError as error:
        raise RecordError(f"The trash in {root} cannot be listed: {error}.") from error


def empty_trash(*, older_than: float, runs_dir: Path | str | None = None) -> list[TrashedRun]:
    """Removes runs from the trash for good; nothing else ever does. Those that were removed.

    What somebody else removes or brings back meanwhile is left to them.

    Args:
        older_than: days since they were deleted, at least; 0 removes all.
        runs_dir: see `runs_root`.

    Raises:
        ConfigError: `older_than` is no number from 0 on.
        RecordError: something cannot be removed.
    """
    is_number = isinstance(older_than, int | float) and not isinstance(older_than, bool)
    if not (is_number and 0 <= older_than < math.inf):
        raise ConfigError(f"older_than={older_than!r}: give a number of days, 0 for all runs.")
    root = runs_root(runs_dir)
    now = datetime.datetime.now(datetime.UTC)
    old = [
        run
        for run in list_trash(runs_dir=root)
        if (now - run.deleted).total_seconds() >= older_than * 86_400
    ]
    removed = []
    try:
        for run in old:
            # What is half removed when this process dies must not be taken for a run.
            with contextlib.suppress(FileNotFoundError):
                run.folder.rename(run.folder.with_name(f"doomed-{run.folder.name}"))
                removed.append(run)
        for folder in _doomed(root / TRASH):
            _remove(folder)
    except OSError as error:
        raise RecordError(f"The trash in {root} cannot be emptied: {error}.") from error
    return removed


def _remove(folder: Path) -> None:
    """Removes a folder, at which others may be as well."""
    while folder.exists():
        # Something in it was gone before we came to it; what is left is still to be removed.
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _doomed(trash: Path) -> list[Path]:
    if trash.is_symlink() or not trash.is_dir():
        return []
    entries = (entry for entry in trash.iterdir() if _DOOMED.fullmatch(entry.name))
    return [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]


def _each(numbers: list[int], move: Callable[[int], TrashedRun], *, what: str) -> Moved:
    """Moves what can be moved."""
    moved: list[TrashedRun] = []
    refused: dict[int, str] = {}
    for number in numbers:
        try:
            moved.append(move(number))
        except (RecordError, OSError) as error:
            refused[number] = f"{error}."
    if refused and not moved:
        reasons = " ".join(f"Run {number}: {why}" for number, why in [*refused.items()][:10])
        raise RecordError(f"Nothing was {what}. {reasons}")
    return Moved(tuple(moved), refused)


def _listed(ids: Any) -> list[Any]:
    """What was given, as a list.

    Raises:
        ConfigError: it is neither one nor several.
    """
    if isinstance(ids, int | str | TrashedRun):
        return [ids]
    try:
        return list(ids)
    except TypeError:
        raise ConfigError(
            f"ids={ids!r:.100}: give a run's number or several, as in list_runs()."
        ) from None


def _numbers(ids: int | str | Iterable[int | str]) -> list[int]:
    """Each number once."""
    given = _listed(ids)
    for one in given:
        if isinstance(one, bool) or not _NUMBER.fullmatch(str(one)):
            raise RecordError(f"{str(one)[:100]!r} is no run; give numbers as in list_runs().")
    return list(dict.fromkeys(int(one) for one in given))


def _why_it_stays(folder: Path) -> str:
    """Why a run must not be moved; empty where it may be."""
    if folder.is_symlink():
        return f"{folder} is a link to another folder; remove the link itself"
    try:
        document = read_json(folder / "run.json")
    except (OSError, ValueError):
        document = None
    if is_held(folder):
        return "it is alive: its writer holds it; stop it first"
    if not isinstance(document, dict):
        young = time.time() - folder.stat().st_mtime < LOST_AFTER
        return "it may be about to start; try again in 30 s" if young else ""
    status = true_status(folder, document)
    return f"it is {status}; stop it first" if status in LIVE else ""
