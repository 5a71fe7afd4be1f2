"""The runs folder: whether it can be written, has room, and whether its locks hold."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from daf_nb.cli.checks.finding import Finding
from daf_nb.record.files import write_atomic
from daf_nb.record.folders import run_ids, runs_root
from daf_nb.record.locks import FolderLock, is_held

__all__ = ["runs_folder"]

_FULL = 100 * 2**20
_LITTLE = 2**30
"""Bytes free under which recording stops soon, and under which it is worth a warning."""


def runs_folder(runs_dir: Path | None) -> Iterator[Finding]:
    """Of the folder itself, or of the nearest one above it while it does not exist.

    What is tried is tried in a temporary folder inside it, which is removed.
    """
    root = runs_root(runs_dir)
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    said = f"{root}: {len(run_ids(root)):,} runs" if there == root else f"{root}, not made yet"
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=there) as name:
            folder = Path(name)
            write_atomic(folder / "file", b"x" * 4096)
            locks = _locks(folder)
    except OSError as error:
        advice = "Choose another folder with --runs-dir, or the environment's DAF_NB_RUNS_DIR."
        yield Finding("runs folder", "wrong", f"{root} takes no files: {error}", advice)
        return
    yield Finding("runs folder", "ok", said)
    yield _room(there)
    yield locks


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    said = f"{free / 2**30:.1f} GiB free"
    advice = "Free some space, or record elsewhere: DAF_NB_RUNS_DIR."
    if free < _FULL:
        return Finding("disk", "wrong", said, advice)
    return (
        Finding("disk", "warning", said, advice) if free < _LITTLE else Finding("disk", "ok", said)
    )


def _locks(folder: Path) -> Finding:
    """A lock that is held is seen, and one that is freed is free."""
    lock = FolderLock(folder)
    try:
        works, seen = lock.works, is_held(folder)
    finally:
        lock.release()
    if works and seen and is_held(folder) is False:
        return Finding("locks", "ok", "file locks work: a killed run is seen at once")
    said = "this file system has no file locks"
    advice = "Runs are recorded all the same; a killed one is told by its heartbeat, after 30 s."
    return Finding("locks", "warning", said, advice)
