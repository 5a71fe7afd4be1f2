"""A recorded run's trainer made anew, and the state of a checkpoint put into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daf_nb.control import Controls
from daf_nb.errors import CheckpointError, DafError
from daf_nb.learn import RlTrainer
from daf_nb.record import RunRecord
from daf_nb.record.checkpoints import Checkpoint, differences, stamp
from daf_nb.record.files import TEARS
from daf_nb.session.settled import settled
from daf_nb.session.spec import arguments_of
from daf_nb.session.starting import make_trainer

__all__ = ["again_trainer", "check_here", "load"]


def again_trainer(
    record: RunRecord,
    changes: Mapping[str, Any],
    *,
    trust: bool,
    controls: Controls | None = None,
    exact: bool = True,
) -> RlTrainer:
    """A trainer as the run's, before it trained.

    Args:
        record: the run.
        changes: arguments of `train` in place of the spec's.
        trust: see `resume`.
        controls: with the script that it follows.
        exact: on the device and threads that were chosen for it.
    """
    left_out = set(changes)
    if "curriculum" in changes:
        left_out |= {"curriculum_config", "curriculum_state"}
    if "controller" in changes:
        left_out.add("adaptive_config")
    kept = {field: value for field, value in record.config.items() if field not in left_out}
    chosen = settled(record) if exact else {}
    given = {**arguments_of(kept, trust=trust, given=changes), **chosen, **changes}
    return make_trainer(given.pop("world"), controls=controls, **given)


def load(
    trainer: RlTrainer,
    record: RunRecord,
    checkpoint: Checkpoint,
    *,
    exact: bool,
    leave: Sequence[str] = (),
) -> None:
    """Puts a checkpoint's state into a trainer.

    Raises:
        CheckpointError: it cannot go on from there.
    """
    try:
        trainer.load_state(checkpoint.snapshot, exact=exact, leave=leave)
    except DafError as error:
        told = f"Run {record.id} cannot go on from {checkpoint.folder.name}: {error}"
        raise CheckpointError(f"{told}{_warmly(record) if exact else ''}") from error
    except TEARS as error:
        raise CheckpointError(
            f"Run {record.id} cannot go on from {checkpoint.folder.name}, whose state is not one "
            f"that daf_nb wrote: {error!r}. Move that folder away to go on from the one before."
        ) from error


def check_here(record: RunRecord, checkpoint: Checkpoint) -> None:
    """Whether a run can go on exactly with what is installed, on this machine.

    Raises:
        CheckpointError: it cannot; the message says what differs.
    """
    import torch

    was = checkpoint.about
    machine = was.get("machine")
    device = str(machine.get("device")) if isinstance(machine, Mapping) else "cpu"
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    device = device if there.get(device) else "cpu"
    if found := differences(was, stamp(str(record.config.get("world")), device)):
        raise CheckpointError(
            f"Run {record.id} cannot be resumed exactly here: {'; '.join(found)}.{_warmly(record)}"
        )


def _warmly(record: RunRecord) -> str:
    return (
        f" resume({record.id}, mode='warm') goes on from its policies and optimisers, with other "
        "episodes and noise."
    )
