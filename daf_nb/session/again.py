"""A run from a spec as data, and a recorded run played again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from daf_nb.config import RlConfig
from daf_nb.control import Controls
from daf_nb.errors import ConfigError, RecordError, unknown_name
from daf_nb.record import RunRecord, load_run
from daf_nb.record.status import LIVE
from daf_nb.session.launch import train
from daf_nb.session.reproduction import Reproduction
from daf_nb.session.run import Run
from daf_nb.session.spec import arguments_of

__all__ = ["reproduce", "train_spec"]

_ADAPTIVE = "adaptive."
"""Knobs of a controller; what its rules did is in the journal too, so it need not be there."""
_GIVEN_AGAIN = (
    "algorithm_kwargs",
    "env_kwargs",
    "policy",
    "policy_kwargs",
    "success",
    "world",
    "wrappers",
)


def train_spec(
    spec: Mapping[str, Any],
    *,
    trust: bool = False,
    name: str | None = None,
    tags: Sequence[str] = (),
    runs_dir: Path | str | None = None,
    **changes: Any,
) -> Run:
    """Trains what a spec says, as `train` does; returns at once.

    Args:
        spec: `load_run(id).config`, or a mapping like it: `world`, and what is not the default.
        trust: whether functions and classes may be imported by the names in it.
        name: what the run is called, where it is not what the spec says.
        tags: any texts to find it by.
        runs_dir: where it is recorded.
        **changes: arguments of `train` in place of the spec's, or beside it.

    Raises:
        ConfigError: a spec that cannot be read or trained.
        RecordError: the run cannot be recorded.
    """
    kept = {field: value for field, value in spec.items() if field not in changes}
    kept.setdefault("world", changes.get("world"))
    given = {**arguments_of(kept, trust=trust), **changes}
    if name is not None:
        given["experiment_name"] = name
    world = given.pop("world")
    return train(world, tags=tags, runs_dir=runs_dir, **given)


def reproduce(
    id: int | str,
    *,
    runs_dir: Path | str | None = None,
    trust: bool = False,
    **given: Any,
) -> Reproduction:
    """Plays a recorded training again, from its spec, its seed and its journal; returns at once.

    It is a new run, whose parent is the old one. Rules do not decide again: what they did is
    played from the journal, with what persons did. A run that ended early is played to where it
    ended.

    Args:
        id: the run.
        runs_dir: where it is, and where the new one goes.
        trust: whether functions and classes may be imported by the names in its spec.
        **given: what the spec holds by name only, such as `success=`, or hides as a secret.

    Raises:
        RecordError: no such run, one that still runs, or one that trained nothing.
        ConfigError: a spec that cannot be read or trained.
    """
    for field in given:
        if field not in _GIVEN_AGAIN:
            raise ConfigError(unknown_name("argument of reproduce", field, _GIVEN_AGAIN))
    record = load_run(id, runs_dir=runs_dir)
    steps = _steps_to_play(record)
    journal = record.journal
    rows = journal[(journal["step"] < steps) & ~journal["name"].str.startswith(_ADAPTIVE)]
    run = train_spec(
        record.config,
        trust=trust,
        name=record.name,
        tags=(*record.tags, "reproduction"),
        runs_dir=record.folder.parent,
        **{**_settled(record), **given},
        total_timesteps=steps,
        controller=None,
        controls=Controls(script=rows),
        parent=record.id,
    )
    return Reproduction(record, run)


def _steps_to_play(record: RunRecord) -> int:
    """Where the run ended: its last boundary."""
    if record.status in LIVE:
        raise RecordError(f"Run {record.id} is {record.status}: reproduce it when it has ended.")
    steps = record.metrics.index
    if "total_timesteps" not in record.config or not len(steps):
        raise RecordError(f"Run {record.id} holds no training that could be played again.")
    if record.status == "COMPLETED":
        return RlConfig(total_timesteps=record.config["total_timesteps"]).total_timesteps
    return int(steps[-1])


def _settled(record: RunRecord) -> dict[str, Any]:
    """What was chosen by timing when the run began, and is not to be chosen again."""
    start = next((event["data"] for event in record.events if event["kind"] == "start"), None)
    if not isinstance(start, Mapping):
        return {}
    kept = {"torch_threads": start.get("threads"), "device": start.get("device")}
    return {field: value for field, value in kept.items() if value is not None}
