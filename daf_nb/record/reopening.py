"""A run's folder taken up again: locked, and cut back to where a checkpoint was taken."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from daf_nb.errors import RecordError
from daf_nb.record.checkpoints.taking import FOLDER
from daf_nb.record.checkpoints.writing import checkpoint_folders
from daf_nb.record.cutting import cut_log
from daf_nb.record.document import utc_now
from daf_nb.record.facts import versions
from daf_nb.record.files import (
    TEARS,
    open_regular,
    read_json,
    sync_folder,
)
from daf_nb.record.locks import MOMENT, FolderLock, holder, is_held
from daf_nb.record.output import OUTPUT
from daf_nb.record.store import LOGS, RunStore
from daf_nb.record.trashed import told_of_trash

__all__ = ["PARTS", "reopened", "take_up"]

PARTS = "parts"


def take_up(folder: Path) -> FolderLock:
    """Locks the folder of a run that is to go on, before anything that decides how is read.

    Raises:
        RecordError: another process records there, or the folder is there no more.
    """
    deadline = time.monotonic() + MOMENT
    while is_held(folder):
        if time.monotonic() > deadline:
            raise _refusal(folder)
        time.sleep(0.02)
    try:
        lock = FolderLock(folder, patience=MOMENT)
    except OSError as error:
        raise _missing(folder, error) from error
    if not lock.works and is_held(folder):
        lock.release()
        raise _refusal(folder)
    if not lock.here:
        lock.release()
        raise _missing(folder, "it was moved away")
    return lock


def reopened(
    folder: Path,
    *,
    lock: FolderLock,
    step: int,
    positions: Mapping[str, int],
    checkpoint: str | None,
    hide: Callable[[bytes], bytes],
) -> tuple[RunStore, int]:
    """The store of a run that goes on, as a new part of it; and that part's number, from 1.

    What the logs have beyond the positions is moved to `parts/<number>/`: training writes it again.
    So are checkpoints beyond the one that it goes on from, which are damaged, or of no use.

    Args:
        folder: the run's.
        lock: from `take_up`; freed where this fails, and else with the store.
        step: agent-steps at which it goes on.
        positions: what `Marks.mark` gave then; 0 for all where it starts over.
        checkpoint: name of the folder that it goes on from; None where it starts over.
        hide: takes secrets out of whatever is written.

    Raises:
        RecordError: the folder is there no more.
        OSError, ValueError: the folder cannot be read or written.
    """
    try:
        if not lock.here:
            raise _missing(folder, "it was moved away")
        document = _document(folder)
        store = RunStore(folder, document=document, hide=hide, lock=lock)
    except BaseException:
        lock.release()
        raise
    try:
        number = _free(folder / PARTS)
        # First: logs that are cut already must not meet a checkpoint that knows more of them.
        _set_aside(folder / FOLDER, checkpoint, folder / PARTS / str(number) / FOLDER)
        ours = document.get("daf_nb") or {}
        parts = ours.get("parts") or [_first(folder, document)]
        parts = [*parts, {**_here(step), "part": number}]
        rows = {
            # Older checkpoints know of no tapes: there were none.
            name: cut_log(folder / name, positions.get(name, 0), folder / PARTS / str(number))
            for name in LOGS
        }
        store.reopen(rows=rows, output=_whole(folder / OUTPUT), parts=parts)
    except BaseException:
        store.abandon()
        raise
    return store, number


def _refusal(folder: Path) -> RecordError:
    return RecordError(
        f"Run {folder.name} in {folder.parent} is being recorded by {holder(folder)}: stop it "
        "there, or wait for its end."
    )


def _document(folder: Path) -> dict[str, Any]:
    """What `run.json` says, where it is one of ours.

    Raises:
        OSError, ValueError: it is none, or cannot be read.
    """
    document = read_json(folder / "run.json")
    try:
        ours, meta = document["daf_nb"], document["meta"]
        lists = [*map(ours.get, ("children", "parts", "tags")), document.get("artifacts")]
        fits = isinstance(meta["queue_time"], str)
        fits &= all(one is None or isinstance(one, list) for one in lists)
        fits &= all(isinstance(name, str) for name in lists[-1] or ())
        fits &= all(
            isinstance(one or {}, dict) for one in (document.get("host"), ours.get("forked"))
        )
    except TEARS as error:
        raise ValueError(f"run.json is not one that daf_nb wrote: {error!r}") from error
    if not fits:
        raise ValueError("run.json is not one that daf_nb wrote")
    return document


def _missing(folder: Path, why: object) -> RecordError:
    gone = told_of_trash(folder.parent, int(folder.name))
    return RecordError(f"Run {folder.name} in {folder.parent} cannot go on: {why}.{gone}")


def _first(folder: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """The part that the run began with."""
    try:
        its = read_json(folder / "facts.json")["versions"]
    except (OSError, *TEARS):
        its = None
    host = document.get("host") or {}
    forked = document["daf_nb"].get("forked") or {}
    told = {"from_step": forked.get("step", 0), "started": document.get("start_time")}
    return {**told, "host": host.get("hostname"), "versions": its}


def _here(step: int) -> dict[str, Any]:
    told = {"from_step": step, "started": utc_now(), "host": platform.node()}
    return {**told, "versions": versions()}


def _free(root: Path) -> int:
    """The number of a folder that is not there yet; it is made.

    Raises:
        OSError: it cannot be, or the root is a link, which could lead anywhere.
    """
    if root.is_symlink():
        raise OSError(f"{root} is a link; it is not followed")
    number = 1
    while True:
        try:
            (root / str(number)).mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            sync_folder(root.parent)
            return number


def _set_aside(root: Path, used: str | None, aside: Path) -> None:
    """Moves the checkpoints behind the one that is used to a folder."""
    if root.is_symlink():
        raise OSError(f"{root} is a link; it is not followed")
    folders = checkpoint_folders(root)
    names = [folder.name for folder in folders]
    later = folders[names.index(used) + 1 if used in names else 0 :]
    for folder in later:
        aside.mkdir(exist_ok=True)
        folder.rename(aside / folder.name)
    if later:
        sync_folder(aside)
        sync_folder(aside.parent)
        sync_folder(root)


def _whole(path: Path) -> int:
    """The size of what was printed, which is no part of what is trained again."""
    try:
        with open_regular(path) as file:
            return os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        path.touch()
        return 0
