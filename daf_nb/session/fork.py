"""A new run that goes on from a checkpoint of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daf_nb.config import RlConfig
from daf_nb.errors import CheckpointError, ConfigError, unknown_name
from daf_nb.learn.hooks import Callbacks, check_callbacks
from daf_nb.record import RunRecord, load_run
from daf_nb.record.cells.beginning import child_recorder
from daf_nb.record.checkpoints import Checkpoint, newest_checkpoint
from daf_nb.record.checkpoints.taking import FOLDER
from daf_nb.record.checkpoints.writing import checkpoint_folders
from daf_nb.record.listener import run_spec
from daf_nb.session.remade import again_trainer, check_here, load
from daf_nb.session.resume import GIVEN_AGAIN
from daf_nb.session.run import Run
from daf_nb.session.starting import let_go, start

__all__ = ["fork"]

_MOVES_NOTHING = frozenset(
    {
        *("algorithm_kwargs", "batch_size", "checkpoint_interval", "evaluation_episodes"),
        *(
            "evaluation_interval",
            "experiment_name",
            "num_workers",
            "on_failure",
            "step_deadline",
            "strict",
        ),
        *("tape_interval", "total_timesteps"),
    }
)
"""Changes with which the episodes in progress and the noise can go on."""
_LEFT = ("batch_size", "checkpoint_interval", "controller", "evaluation_interval")


def fork(
    id: int | str,
    *,
    step: int | None = None,
    runs_dir: Path | str | None = None,
    trust: bool = False,
    name: str | None = None,
    tags: Sequence[str] = (),
    callback: Callbacks = None,
    **changes: Any,
) -> Run:
    """Trains a new run on from a checkpoint of another; returns at once.

    Its record names the other as its parent. Policies, optimisers, knobs, curriculum and rules go
    on as they were, and so do episodes and noise, unless the changes are to the world or to what is
    trained. `controller=None` trains on without rules, `controller=...` with others.

    Args:
        id: the run to go on from, whatever its status.
        step: of the checkpoint; None for the newest.
        runs_dir: where it is, and where the new one goes.
        trust: whether functions and classes may be imported by the names in its spec.
        name: what the new run is called, where it is not what the spec says.
        tags: any texts to find it by.
        callback: SB3 callbacks.
        **changes: arguments of `train` in place of the spec's: `total_timesteps=...`.

    Raises:
        RecordError: no such run.
        CheckpointError: no such checkpoint, or none that the changed training could go on from.
        ConfigError: a spec that cannot be read or trained.
    """
    known = sorted({*RlConfig.model_fields, *GIVEN_AGAIN})
    for field in changes:
        if field not in known:
            raise ConfigError(unknown_name("change", field, known))
    if name is not None:
        changes["experiment_name"] = name
    record = load_run(id, runs_dir=runs_dir)
    checkpoint = _checkpoint(record, step)
    exact = not changes.keys() - _MOVES_NOTHING
    if exact:
        check_here(record, checkpoint)
    trainer = again_trainer(record, changes, trust=trust, exact=exact)
    try:
        leave = _changed_knobs(record, changes)
        load(trainer, record, checkpoint, exact=exact, leave=leave)
        if trainer.progress.step >= trainer.config.total_timesteps:
            raise ConfigError(
                f"total_timesteps={trainer.config.total_timesteps:,}: the checkpoint is of step "
                f"{checkpoint.step:,}; a larger number is needed."
            )
        check_callbacks(callback, trainer.policies)
        recorder = partial(
            child_recorder,
            spec=run_spec(trainer),
            name=trainer.config.experiment_name,
            runs_dir=record.folder.parent,
            tags=(*record.tags, *tags),
            parent=record.id,
            forked={
                "run": record.id,
                "step": checkpoint.step,
                "from": checkpoint.folder.name,
                "exact": exact,
                "leave": leave,
            },
        )
        return start(trainer, recorder, partial(trainer.train, callback=callback))
    except BaseException:
        let_go(trainer)
        raise


def _checkpoint(record: RunRecord, step: int | None) -> Checkpoint:
    root = record.folder / FOLDER
    found = newest_checkpoint(root, step=step)
    if found is None:
        steps = sorted({int(folder.name.split("-")[1]) for folder in checkpoint_folders(root)})
        which = "" if step is None else f" of step {step!r}"
        have = f"; there are those of steps {', '.join(map(str, steps))}" if steps else ""
        raise CheckpointError(f"Run {record.id} has no whole checkpoint{which}{have}.")
    return found


def _changed_knobs(record: RunRecord, changes: Mapping[str, Any]) -> list[str]:
    """Those that a change sets; "controller" where there is another one."""
    was, now = record.config.get("algorithm_kwargs"), changes.get("algorithm_kwargs")
    changed = [name for name in _LEFT if name in changes]
    if isinstance(now, Mapping):
        before = was if isinstance(was, Mapping) else {}
        changed += [name for name, value in now.items() if before.get(name) != value]
    return changed
