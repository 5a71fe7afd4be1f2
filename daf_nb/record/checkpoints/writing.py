"""A checkpoint's folder on disk: made beside its place, moved there whole; and which are kept."""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daf_nb.record.checkpoints.manifest import MANIFEST, manifest_bytes, read_manifest
from daf_nb.record.files import read_regular, sync_folder

__all__ = ["checkpoint_folders", "keep_newest", "remove_partials", "step_of", "write_checkpoint"]

KEPT = 2
"""The newest so many are kept, and the best."""

_NAME = re.compile(r"step-(\d{12,18})(?:-(\d{1,9}))?")
_PARTIAL = re.compile(r"\.step-[\d-]+\.partial")


def write_checkpoint(
    root: Path, *, step: int, about: Mapping[str, Any], members: Mapping[str, bytes]
) -> Path:
    """Writes a checkpoint's folder; after any death it is there whole, or not at all.

    Args:
        root: the run's `checkpoints` folder, made if absent.
        step: live agent-steps; the folder is named after them.
        about: what its manifest says.
        members: name -> content.

    Raises:
        OSError: the disk refuses; what was there before is as it was.
    """
    if root.is_symlink():
        raise OSError(f"{root} is a link; it is not followed")
    root.mkdir(parents=True, exist_ok=True)
    remove_partials(root)
    folder = _free(root, step)
    partial = root / f".{folder.name}.partial"
    files = {**members, MANIFEST: manifest_bytes({**about, "step": step}, members)}
    try:
        partial.mkdir()
        for name, content in files.items():
            _write(partial / name, content)
        sync_folder(partial)
        partial.rename(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(partial)
        raise
    sync_folder(root)
    return folder


def checkpoint_folders(root: Path) -> list[Path]:
    """The folders with a checkpoint's name, the oldest first; whatever is in them."""
    found = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(root) as entries:
        for entry in entries:
            name = _NAME.fullmatch(entry.name)
            if name and entry.is_dir(follow_symlinks=False):
                found.append((int(name[1]), int(name[2] or 1), root / entry.name))
    return [folder for *_, folder in sorted(found)]


def step_of(folder: Path) -> int | None:
    """The agent-step that a checkpoint's name tells; None of another name."""
    name = _NAME.fullmatch(folder.name)
    return None if name is None else int(name[1])


def keep_newest(root: Path, *, kept: int = KEPT) -> None:
    """Removes all but the newest and the best, the newest of equals."""
    folders = checkpoint_folders(root)
    best = max(folders, key=lambda folder: (_score(folder), folders.index(folder)), default=None)
    for folder in folders[:-kept]:
        if folder != best:
            # Out of the way first: what is half removed must not look like a checkpoint.
            gone = root / f".{folder.name}.partial"
            folder.rename(gone)
            shutil.rmtree(gone)


def remove_partials(root: Path) -> None:
    """Removes what a death in the middle of a writing or a removal left behind."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in list(root.iterdir()):
            if _PARTIAL.fullmatch(path.name) and not path.is_symlink():
                shutil.rmtree(path)


def _free(root: Path, step: int) -> Path:
    """A name of its own: at one step there may be several, as while a run is paused."""
    folder, number = root / f"step-{step:012d}", 1
    while folder.exists() or folder.is_symlink():
        number += 1
        folder = root / f"step-{step:012d}-{number}"
    return folder


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _score(folder: Path) -> tuple[bool, float]:
    """Success before return: an unknown success is worse than any."""
    try:
        told = read_manifest(read_regular(folder / MANIFEST))["score"]
        score = float(told["value"])
        return (told["of"] == "success", -math.inf if math.isnan(score) else score)
    except (OSError, ValueError, TypeError, KeyError):
        return (False, -math.inf)
