"""A run from a spec as data, and a recorded run made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daf_nb.control import Controls
from daf_nb.errors import ConfigError, RecordError, unknown_name
from daf_nb.learn import RlTrainer
from daf_nb.record import RunRecord, load_run
from daf_nb.record.status import LIVE
from daf_nb.session.differences import boundaries, is_of_rules, training_difference
from daf_nb.session.forked import Beginning, take_up
from daf_nb.session.launch import launch, train
from daf_nb.session.reproduction import Reproduction
from daf_nb.session.run import Run
from daf_nb.session.settled import settled, start_of, stop_at
from daf_nb.session.spec import arguments_of
from daf_nb.session.starting import let_go, make_trainer

__all__ = ["reproduce", "settled", "train_spec"]

_GIVEN_AGAIN = (
    "algorithm_kwargs",
    "env_kwargs",
    "num_workers",
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
    timeout: float | None = None,
    **given: Any,
) -> Reproduction[Any]:
    """Makes a recorded run again, as a new one whose parent is the old one; returns at once.

    A training is played from its spec, its seed and its journal. Rules do not decide again: what
    they did is played from the journal, with what persons did. A run that ended early is played to
    its last boundary, a fork from its checkpoint, and one that went on warm to where it did.
    Callbacks are no part of a spec: what they changed is not played.

    A cell (what `%%experiment` or `daf.experiment` recorded) is executed in a kernel of its own,
    with the cells that it needs before it, in the folder where its kernel was started, with the
    seeds that were recorded. Of printed lines and of the result, memory addresses and the numbers
    of runs are not compared. One that was stopped is stopped once it has come as far.

    Args:
        id: the run.
        runs_dir: where it is, and where the new one goes.
        trust: whether code of the record may run: of a training functions and classes that its spec
            names, see `train_spec`; of a cell its source, without which nothing can be done.
        timeout: seconds that a cell may take, with those before it; None for five minutes and ten
            times as long as it took.
        **given: what the spec holds by name only, such as `success=`, or hides as a secret; and
            `num_workers`, which changes nothing but the speed.

    Raises:
        RecordError: no such run, one that still runs, that trained nothing, that went on from
            an earlier training, or whose record holds no code.
        ConfigError: a spec that cannot be read or trained, or a cell that is not trusted.
    """
    record = load_run(id, runs_dir=runs_dir)
    if record.status in LIVE:
        raise RecordError(f"Run {record.id} is {record.status}: reproduce it when it has ended.")
    if record.kind == "experiment":
        from daf_nb.session.cells import reproduce_cell

        if given:
            raise ConfigError(unknown_name("argument of reproduce for a cell", next(iter(given)),
                                           ("runs_dir", "timeout", "trust")))  # fmt: skip
        return reproduce_cell(record, trust=trust, timeout=timeout)
    for field in given:
        if field not in _GIVEN_AGAIN:
            raise ConfigError(unknown_name("argument of reproduce", field, _GIVEN_AGAIN))
    if timeout is not None:
        raise ConfigError("timeout is for recorded cells; .run.stop() ends a training.")
    return _reproduce_training(record, trust=trust, given=given)


def _reproduce_training(
    record: RunRecord, *, trust: bool, given: Mapping[str, Any]
) -> Reproduction[Run]:
    beginning = take_up(record)
    until, note = _last_boundary(record, beginning)
    # What a fork's curriculum had been through is in the checkpoint.
    left_out = {"curriculum_state"} if beginning else set()
    spec = {field: value for field, value in record.config.items() if field not in left_out}
    fields = {**arguments_of(spec, trust=trust, given=given), **settled(record), **given}
    moves = _moves(record, until, beginning)
    fields |= {"controller": None, "controls": Controls(script=moves)}
    trainer: RlTrainer = make_trainer(fields.pop("world"), **fields)
    try:
        if beginning is not None:
            beginning.play_into(trainer, moves)
        stop_at(trainer, until)
        run = launch(
            trainer,
            tags=(*record.tags, "reproduction"),
            runs_dir=record.folder.parent,
            observers=(),
            parent=record.id,
        )
    except BaseException:
        let_go(trainer)
        raise
    compare = partial(training_difference, until=until)
    return Reproduction(record, run, compare=compare, until=until, notes=(note,) if note else ())


def _last_boundary(record: RunRecord, beginning: Beginning | None) -> tuple[int, str]:
    """The agent-step of the last update that can be played, and why it is not the run's last."""
    steps = boundaries(record)
    if "total_timesteps" not in record.config or not steps:
        raise RecordError(f"Run {record.id} holds no training that could be played again.")
    began = start_of(record).get("step", 0)
    if began and beginning is None:
        raise RecordError(
            f"Run {record.id} went on from step {began:,} of an earlier training, which its record "
            "does not hold; reproduce that one."
        )
    warm = next((int(r["step"]) for r in _rows(record, beginning) if _is_warm(r)), None)
    if warm is None:
        return steps[-1], ""
    before = [step for step in steps if step <= warm]
    if not before:
        raise RecordError(
            f"Run {record.id} went on warm, with other episodes and noise, before its first update."
        )
    note = f"only up to step {before[-1]:,}, from where it went on warm, with other episodes"
    return before[-1], note


def _rows(record: RunRecord, beginning: Beginning | None) -> list[dict[str, Any]]:
    """The journal, from where the run began by itself."""
    rows: list[dict[str, Any]] = record.journal.to_dict("records")  # pyright: ignore[reportAssignmentType] - names are texts
    return rows[beginning.rows :] if beginning else rows


def _is_warm(row: Mapping[str, Any]) -> bool:
    return row["name"] == "resume" and row["new"] == "warm"


def _moves(record: RunRecord, until: int, beginning: Beginning | None) -> list[dict[str, Any]]:
    """The rows of the journal that came before the end."""
    rows = _rows(record, beginning)
    return [row for row in rows if row["step"] < until and not is_of_rules(row["name"])]
