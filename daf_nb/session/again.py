"""A run from a spec as data, and a recorded run played again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.control import Controls
from daf_nb.errors import ConfigError, RecordError, unknown_name
from daf_nb.record import RunRecord, load_run
from daf_nb.record.status import LIVE
from daf_nb.session.launch import launch, make_trainer, train
from daf_nb.session.reproduction import Reproduction, boundaries
from daf_nb.session.run import Run
from daf_nb.session.spec import arguments_of

if TYPE_CHECKING:
    from daf_nb.learn import Event, RlTrainer

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
        trust: whether code may be imported by the names in it: worlds other than those of
            PettingZoo, mpe2 and daf_nb, functions and classes.
        name: what the run is called, where it is not what the spec says.
        tags: any texts to find it by.
        runs_dir: where it is recorded.
        **changes: arguments of `train` in place of the spec's, or beside it.

    Raises:
        ConfigError: a spec that cannot be read or trained.
        RecordError: the run cannot be recorded.
    """
    given = {**arguments_of(spec, trust=trust, given=changes), **changes}
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
    played from the journal, with what persons did. A run that ended early is played to its last
    boundary. Callbacks are no part of a spec: what they changed is not played.

    Args:
        id: the run.
        runs_dir: where it is, and where the new one goes.
        trust: whether code may be imported by the names in its spec; see `train_spec`.
        **given: what the spec holds by name only, such as `success=`, or hides as a secret.

    Raises:
        RecordError: no such run, one that still runs, that trained nothing, or that went on from
            an earlier training.
        ConfigError: a spec that cannot be read or trained.
    """
    for field in given:
        if field not in _GIVEN_AGAIN:
            raise ConfigError(unknown_name("argument of reproduce", field, _GIVEN_AGAIN))
    record = load_run(id, runs_dir=runs_dir)
    until = _last_boundary(record)
    fields = {**arguments_of(record.config, trust=trust, given=given), **_settled(record), **given}
    fields |= {"controller": None, "controls": Controls(script=_moves(record, until))}
    trainer = make_trainer(fields.pop("world"), **fields)
    _stop_at(trainer, until)
    try:
        run = launch(
            trainer,
            tags=(*record.tags, "reproduction"),
            runs_dir=record.folder.parent,
            observers=(),
            parent=record.id,
        )
    except BaseException:
        trainer.close()
        raise
    return Reproduction(record, run, until=until)


def _last_boundary(record: RunRecord) -> int:
    """The agent-step of the last update of the run."""
    if record.status in LIVE:
        raise RecordError(f"Run {record.id} is {record.status}: reproduce it when it has ended.")
    steps = boundaries(record)
    if "total_timesteps" not in record.config or not steps:
        raise RecordError(f"Run {record.id} holds no training that could be played again.")
    began = _start(record).get("step", 0)
    if began:
        raise RecordError(
            f"Run {record.id} went on from step {began:,} of an earlier training, which its record "
            "does not hold; reproduce that one."
        )
    return steps[-1]


def _moves(record: RunRecord, until: int) -> list[dict[str, Any]]:
    """The rows of the journal that came before the end."""
    rows: list[dict[str, Any]] = record.journal.to_dict("records")
    return [
        row for row in rows if row["step"] < until and not str(row["name"]).startswith(_ADAPTIVE)
    ]


def _settled(record: RunRecord) -> dict[str, Any]:
    """What was chosen by timing when the run began, and is not to be chosen again."""
    data = _start(record).get("data")
    if not isinstance(data, Mapping):
        return {}
    kept = {"torch_threads": data.get("threads"), "device": data.get("device")}
    return {field: value for field, value in kept.items() if value is not None}


def _start(record: RunRecord) -> Mapping[str, Any]:
    return next((event for event in record.events if event["kind"] == "start"), {})


def _stop_at(trainer: RlTrainer, until: int) -> None:
    """Ends training at a boundary before its goal: what follows progress sees the same progress."""

    def hear(event: Event) -> None:
        if event.kind == "metrics" and until <= event.step < trainer.config.total_timesteps:
            trainer.gate.stop()

    trainer.subscribe(hear)
