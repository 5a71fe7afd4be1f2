"""Checkpoints read back: checked by their hashes first, the newest that is whole, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.errors import CheckpointError, DafError
from daf_nb.record.checkpoints.manifest import MANIFEST, read_manifest, sha256
from daf_nb.record.checkpoints.members import MEMBERS, snapshot_of
from daf_nb.record.checkpoints.writing import checkpoint_folders, step_of
from daf_nb.record.files import read_regular
from daf_nb.record.saying import say

if TYPE_CHECKING:
    from daf_nb.learn.snapshot import Snapshot

__all__ = ["Checkpoint", "newest_checkpoint", "read_checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is whole.

    Attributes:
        folder: where it is.
        about: what its manifest says: step, positions in the logs, versions, device, score.
        snapshot: the trainer's state.
    """

    folder: Path
    about: Mapping[str, Any]
    snapshot: Snapshot

    @property
    def step(self) -> int:
        """Live agent-steps."""
        return self.snapshot.step


def read_checkpoint(folder: Path) -> Checkpoint:
    """A checkpoint from its folder. Nothing in it is executed.

    Raises:
        CheckpointError: something is missing, cut or changed.
    """
    try:
        about = read_manifest(read_regular(folder / MANIFEST))
        if step_of(folder) not in (None, about["step"]):
            raise ValueError(f"its name tells another step than its manifest, {about['step']:,}")
        members = {name: _member(folder, name, about["members"]) for name in MEMBERS}
        return Checkpoint(folder, about, snapshot_of(about["step"], members))
    except (OSError, ValueError, TypeError, KeyError, MemoryError, DafError) as error:
        raise CheckpointError(f"checkpoint {folder} is damaged: {error}.") from error


def newest_checkpoint(root: Path, *, step: int | None = None) -> Checkpoint | None:
    """The newest checkpoint that is whole; of those that are not it is said so.

    Args:
        root: a run's `checkpoints` folder.
        step: only those of this agent-step; None for all.

    Returns:
        None where there is none, or none that is whole.
    """
    told = set[Path]()
    while True:
        left = [
            folder
            for folder in checkpoint_folders(root)
            if folder not in told and step in (None, step_of(folder))
        ]
        if not left:
            return None
        told.add(left[-1])
        try:
            return read_checkpoint(left[-1])
        except CheckpointError as error:
            # Who writes there may have removed it, and made a newer one.
            if left[-1] in checkpoint_folders(root):
                say(f"{error} {'The one before it is used' if left[1:] else 'None is before it'}.")


def _member(folder: Path, name: str, told: Mapping[str, Any]) -> bytes:
    content = read_regular(folder / name)
    size, digest = told[name]["size"], told[name]["sha256"]
    if len(content) != size:
        raise ValueError(f"{name} has {len(content)} of {size} bytes")
    if sha256(content) != digest:
        raise ValueError(f"{name} was changed")
    return content
