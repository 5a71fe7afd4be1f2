"""A recorded run's policies as players: made from its spec, their parameters read as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.config import RlConfig
from daf_nb.envs import World, WorldLike
from daf_nb.errors import CheckpointError, RecordError
from daf_nb.learn import RlTrainer
from daf_nb.learn.players import Players
from daf_nb.record import RunRecord
from daf_nb.record.checkpoints import read_checkpoint
from daf_nb.record.checkpoints.taking import FOLDER
from daf_nb.record.checkpoints.writing import checkpoint_folders, step_of
from daf_nb.session.spec import arguments_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["recorded_players", "recorded_world"]

_WORLD = ("env_kwargs", "world", "world_instance", "wrappers")
_PLAYED = ("algorithm", "curriculum_config", "policy", "policy_kwargs", "seed", "share")
"""All of a spec that decides what is played; how it was trained is of no matter."""


@dataclass(frozen=True, eq=False)
class _Saved:
    """Parameters of every group at an agent-step, read when they are wanted."""

    step: int
    read: Callable[[], dict[str, dict[str, Tensor]]]


def recorded_world(
    record: RunRecord, *, trust: bool = False, world: World | WorldLike | None = None
) -> World:
    """What a run played in, tasks aside.

    Args:
        record: the run.
        trust: whether the world may be imported by its name, whatever that is.
        world: what to build in its place, with the same arguments and wrappers; a `World` has its
            own.

    Raises:
        ConfigError: a world that is not trusted, or that the record does not hold.
    """
    if isinstance(world, World):
        return world
    spec = {name: value for name, value in record.config.items() if name in _WORLD}
    told = arguments_of(spec, trust=trust, given=() if world is None else ("world",))
    named = told["world"] if world is None else world
    return World(named, told.get("env_kwargs") or {}, told.get("wrappers") or ())


def recorded_players(
    record: RunRecord,
    *,
    step: int | None = None,
    trust: bool = False,
    world: World | WorldLike | None = None,
) -> Players:
    """The policies that a run saved nearest to an agent-step. Nothing that is saved is executed.

    Args:
        record: the run.
        step: near which; None for the newest.
        trust: whether worlds, functions and classes may be imported by the names in its spec.
        world: see `recorded_world`.

    Raises:
        RecordError: no training, or none that saved policies of this make.
        ConfigError: a spec that cannot be read or built.
    """
    if "total_timesteps" not in record.config:
        raise RecordError(f"Run {record.id} is no training, so that it has no policies.")
    built = recorded_world(record, trust=trust, world=world)
    spec = {name: value for name, value in record.config.items() if name in _PLAYED}
    fields = arguments_of(spec, trust=trust, given=("world",))
    policy, curriculum = fields.pop("policy", "MlpPolicy"), fields.pop("curriculum")
    fields.pop("controller")
    # Nothing is trained: one copy and the shortest rollout will do.
    config = RlConfig(**fields, num_envs=1, device="cpu", algorithm_kwargs={"n_steps": 2})
    trainer = RlTrainer(config, env=built, policy=policy, curriculum_manager=curriculum)
    try:
        saved = _load(record, trainer.policies, step)
        trainer.progress.step = saved
        return trainer.players()
    finally:
        trainer.close()
        trainer.controls.detach()


def _load(record: RunRecord, models: Mapping[str, Any], step: int | None) -> int:
    """Puts the nearest parameters that are whole into the models; their agent-step."""
    found = [*_final(record, models), *_checkpoints(record, models)]
    target = max((one.step for one in found), default=0) if step is None else step
    trouble: Exception | None = None
    for one in sorted(found, key=lambda one: abs(one.step - target)):
        try:
            states = one.read()
            for group, model in models.items():
                model.policy.load_state_dict(states[group], strict=True)
        except (CheckpointError, RecordError, KeyError, RuntimeError) as error:
            trouble = error
            continue
        return one.step
    why = f": {trouble}" if trouble else ""
    raise RecordError(f"Run {record.id} has saved no policies that fit its spec{why}.") from trouble


def _final(record: RunRecord, models: Mapping[str, Any]) -> Iterator[_Saved]:
    """SB3's own archives, of which there is the newest."""
    steps = [event["step"] for event in record.events if event["kind"] == "saved"]
    if steps and record.checkpoints:
        yield _Saved(steps[-1], lambda: {group: record.policy_state(group) for group in models})


def _checkpoints(record: RunRecord, models: Mapping[str, Any]) -> Iterator[_Saved]:
    """The states from which a run can go on; the optimisers' tensors are left out."""

    def read(folder: Path) -> dict[str, dict[str, Tensor]]:
        tensors = read_checkpoint(folder).snapshot.tensors
        return {group: _under(f"{group}/policy/", tensors) for group in models}

    for folder in checkpoint_folders(record.folder / FOLDER):
        step = step_of(folder)
        assert step is not None, "its name is one of a checkpoint"
        yield _Saved(step, partial(read, folder))


def _under(start: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(start) :]: one for name, one in tensors.items() if name.startswith(start)}
