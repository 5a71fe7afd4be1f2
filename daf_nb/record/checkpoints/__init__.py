"""Checkpoints of a run: written beside the training, whole or not at all, and read as data."""

from daf_nb.record.checkpoints.reading import Checkpoint, newest_checkpoint, read_checkpoint
from daf_nb.record.checkpoints.taking import Checkpointing
from daf_nb.record.checkpoints.versions import differences, stamp

__all__ = [
    "Checkpoint",
    "Checkpointing",
    "differences",
    "newest_checkpoint",
    "read_checkpoint",
    "stamp",
]
