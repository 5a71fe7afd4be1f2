"""`train_many`: the same training on several seeds, at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from daf_nb.config import RlConfig
from daf_nb.errors import ConfigError, DafError
from daf_nb.record import launching_source, runs_root
from daf_nb.record.cells.scope import Scope, current
from daf_nb.scale.many import ManyRuns
from daf_nb.scale.parcel import Parcel, pack
from daf_nb.scale.process import ChildRun
from daf_nb.session.defaults import default_fields, default_observers
from daf_nb.session.spec import arguments_of

if TYPE_CHECKING:
    from pettingzoo.utils.env import ParallelEnv

    from daf_nb.envs import WorldLike

__all__ = ["train_many"]

_TRAINER = ("controller", "controls", "curriculum", "env_kwargs", "policy", "success", "wrappers")
_RECORD = ("callback", "observers", "source", "tags")


def train_many(
    world: WorldLike | ParallelEnv | Mapping[str, Any],
    *,
    seeds: Iterable[int],
    workers: int | Literal["auto"] | None = "auto",
    trust: bool = False,
    runs_dir: Path | str | None = None,
    **given: Any,
) -> ManyRuns:
    """Trains on several seeds at once, each run recorded by itself; returns at once.

    Every run trains in a process of its own, on one thread of torch unless `torch_threads` says
    otherwise, and is what `train(..., seed=seed)` would give, to the last bit. On a GPU the
    processes share the device. What was defined in a cell goes to the processes by value, as it is
    now. They end with this one, their runs as INTERRUPTED.

    Args:
        world: as in `train`; or a spec, as in `train_spec`.
        seeds: of the runs, each once, in the order in which they begin.
        workers: how many train at once; "auto", or None, for as many as keep the cores busy that
            this process may use, with the `num_workers` of each counted in.
        trust: as in `train_spec`, for what a spec names.
        runs_dir: as in `train`.
        **given: further arguments of `train`; of a spec, in place of what it says.

    Raises:
        ConfigError: seeds or arguments that cannot be, or that cannot be sent to another process.
            What only a look at the world can tell, `ManyRuns.wait` raises.
    """
    chosen = _seeds(seeds)
    if isinstance(world, Mapping):
        read = arguments_of(world, trust=trust, given=given)
        left_out = {"seed", "experiment_name"} if given.get("name") is not None else {"seed"}
        given = {name: value for name, value in read.items() if name not in left_out} | given
        world = given.pop("world")
    record = {name: given.pop(name) for name in _RECORD if name in given}
    trainer = {name: given.pop(name) for name in _TRAINER if name in given}
    fields, config = _fields(given, chosen)
    record["source"] = record.get("source") or launching_source()
    record["observers"] = default_observers(record.get("observers"), trainer.get("controller"))
    scope = current()
    root = scope.folder.parent if scope and runs_dir is None else runs_root(runs_dir)
    linked = scope if scope and root == scope.folder.parent else None
    record |= {"runs_dir": root, "parent": linked.id if linked else None}
    parcel = pack(Parcel(trainer={"world": world, **trainer, **fields}, record=record))
    children = [ChildRun(seed, root=root, on_begun=_linking(linked)) for seed in chosen]
    assert config.num_workers != "auto", "settled in _fields"
    count = _workers(workers, config.num_workers)
    name = config.experiment_name
    return ManyRuns(children, parcel=parcel, workers=count, name=name, runs_dir=root)


def _fields(given: dict[str, Any], seeds: list[int]) -> tuple[dict[str, Any], RlConfig]:
    """The fields of `RlConfig` for all runs, with the lab's; and the config of the first.

    Raises:
        ConfigError: one that cannot be.
    """
    if "seed" in given:
        raise ConfigError(f"seed={given['seed']!r}: train_many takes seeds=[...] in its place.")
    name = given.pop("name", None)
    if name is not None:
        if "experiment_name" in given:
            raise ConfigError("name and experiment_name are one thing; give one of them.")
        given["experiment_name"] = name
    fields = default_fields(given)
    if fields.get("torch_threads", "auto") == "auto":
        fields["torch_threads"] = 1
    if fields.get("num_workers") == "auto":
        fields["num_workers"] = 0  # a choice by timing would be upset by the runs beside it
    if fields.get("num_envs") == "auto":
        raise ConfigError(
            "num_envs='auto' would be timed by each run beside the others, and the seeds could "
            "train on different numbers of copies: give a number."
        )
    configs = [RlConfig(**fields, seed=seed) for seed in seeds]
    return fields, configs[0]


def _seeds(seeds: Iterable[int]) -> list[int]:
    if isinstance(seeds, int):
        raise ConfigError(f"seeds={seeds}: give them one by one, such as seeds=range({seeds}).")
    chosen = list(seeds)
    if not chosen:
        raise ConfigError("seeds is empty: give at least one.")
    twice = sorted({seed for seed in chosen if chosen.count(seed) > 1})
    if twice:
        raise ConfigError(f"seeds has {twice} more than once: equal seeds give equal runs.")
    return chosen


def _workers(workers: int | str | None, each: int) -> int:
    """How many runs train at once, each with so many processes beside its own."""
    if workers in ("auto", None):
        usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        return max(1, (len(usable) or os.cpu_count() or 1) // (1 + each))
    if not isinstance(workers, int) or workers < 1:
        raise ConfigError(f"workers={workers!r}: at least 1, or 'auto'.")
    return workers


def _linking(scope: Scope | None) -> Any:
    """What tells the experiment around the call of its runs, as long as it is open."""

    def begun(number: int) -> None:
        if scope is not None and not scope.closed:
            with suppress(DafError):
                scope.add_child(number)

    return begun
