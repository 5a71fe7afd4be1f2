"""What a forked run began with: the checkpoint of another, as it is still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from daf_nb.curriculum.state import of_data
from daf_nb.errors import DafError, RecordError
from daf_nb.learn import RlTrainer
from daf_nb.record import RunRecord, load_run
from daf_nb.record.checkpoints import Checkpoint, read_checkpoint
from daf_nb.record.checkpoints.taking import FOLDER
from daf_nb.record.checkpoints.writing import checkpoint_folders
from daf_nb.record.files import TEARS
from daf_nb.session.remade import load

__all__ = ["Beginning", "take_up"]


@dataclass(frozen=True)
class Beginning:
    """The state that a run was forked from.

    Attributes:
        parent: the record that has the checkpoint.
        checkpoint: the state.
        exact: episodes and noise went on.
        leave: knobs that the fork set anew.
        rows: rows of the fork's journal that are its parent's.
    """

    parent: RunRecord
    checkpoint: Checkpoint
    exact: bool
    leave: tuple[str, ...]
    rows: int

    def put_into(
        self, trainer: RlTrainer, *, exact: bool = True, leave: Sequence[str] = ()
    ) -> None:
        """Has a trainer go on from there, as the fork did.

        Args:
            trainer: made as the fork's was.
            exact: with the same episodes and noise as the fork; else with others.
            leave: what is to stay as it is, beside what the fork set anew.

        Raises:
            CheckpointError: it cannot go on from there.
        """
        self._load(trainer, self.checkpoint, exact=exact, leave=leave)

    def play_into(self, trainer: RlTrainer, moves: Sequence[Mapping[str, Any]]) -> None:
        """The same without the parent's script and a controller's rules: a script in their place.

        Raises:
            CheckpointError: it cannot go on from there.
        """
        snapshot = self.checkpoint.snapshot
        ruled = replace(snapshot, state={**snapshot.state, "controller": None})
        self._load(trainer, replace(self.checkpoint, snapshot=ruled), exact=True)
        trainer.controls.follow(moves)

    def _load(
        self,
        trainer: RlTrainer,
        checkpoint: Checkpoint,
        *,
        exact: bool,
        leave: Sequence[str] = (),
    ) -> None:
        exact = exact and self.exact
        load(trainer, self.parent, checkpoint, exact=exact, leave=(*self.leave, *leave))


def take_up(record: RunRecord) -> Beginning | None:
    """What a run was forked from; None for a run that was not.

    Raises:
        RecordError: the checkpoint is not there any more, or not whole.
    """
    told = record.forked
    if told is None:
        return None
    try:
        parent = load_run(told["run"], runs_dir=record.folder.parent)
        found = checkpoint_folders(parent.folder / FOLDER)
        # The name comes from a file: it is looked up among those that are there, never followed.
        folder = next((one for one in found if one.name == told.get("from")), None)
        if folder is None:
            raise RecordError(f"run {parent.id} has no checkpoint {str(told.get('from'))[:100]!r}")
        checkpoint = read_checkpoint(folder)
        rows = len(of_data(checkpoint.snapshot.state["told"])["controls"]["journal"])
    except (DafError, *TEARS) as error:
        why = str(error) if isinstance(error, DafError) else f"its state lacks a journal: {error!r}"
        raise RecordError(
            f"Run {record.id} was forked from run {told['run']} at step {told['step']:,}, from a "
            f"checkpoint that cannot be had any more: {why.rstrip('.')}. Reproduce that run, and "
            "fork it again."
        ) from error
    leave = told.get("leave")
    return Beginning(
        parent=parent,
        checkpoint=checkpoint,
        exact=told.get("exact") is not False,
        leave=tuple(map(str, leave)) if isinstance(leave, list) else (),
        rows=rows,
    )
