"""A recorded run that stopped early goes on: from its newest checkpoint, as a new part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from daf_nb.control import Controls
from daf_nb.curriculum.state import of_data
from daf_nb.errors import CheckpointError, ConfigError, RecordError, unknown_name
from daf_nb.learn import RlTrainer
from daf_nb.learn.hooks import Callbacks, check_callbacks
from daf_nb.learn.snapshot import CONTROLLER
from daf_nb.record import Recorder, RunRecord, load_run
from daf_nb.record.checkpoints import Checkpoint, newest_checkpoint
from daf_nb.record.checkpoints.taking import FOLDER
from daf_nb.record.files import TEARS, read_json
from daf_nb.record.listener import SCRIPT, run_spec
from daf_nb.record.locks import FolderLock, holder
from daf_nb.record.reopening import take_up
from daf_nb.record.saying import say
from daf_nb.record.series import EVENTS, JOURNAL, METRICS
from daf_nb.record.status import LIVE
from daf_nb.session import forked
from daf_nb.session.remade import again_trainer, check_here, load
from daf_nb.session.run import Run
from daf_nb.session.starting import let_go, start

if TYPE_CHECKING:
    from daf_nb.record.sacred_api import RunObserver

__all__ = ["GIVEN_AGAIN", "resume"]

MODES = ("exact", "warm")
GIVEN_AGAIN = (
    "num_workers",
    *("algorithm_kwargs", "controller", "curriculum", "env_kwargs", "policy", "policy_kwargs"),
    *("success", "world", "wrappers"),
)
_NOTHING = {METRICS: 0, EVENTS: 0, JOURNAL: 0}


def resume(
    id: int | str,
    *,
    runs_dir: Path | str | None = None,
    trust: bool = False,
    mode: Literal["exact", "warm"] = "exact",
    callback: Callbacks = None,
    observers: Sequence[str | RunObserver] = (),
    **given: Any,
) -> Run:
    """Goes on with a run that was stopped, failed or was killed; returns at once.

    From its newest checkpoint that is whole; what its logs have of later is kept in its folder
    under `parts/`, and trained again. Where there is none, from its beginning, which of a fork is
    its parent's checkpoint. What was moved by
    hand after that checkpoint is to be moved again. A run saves its state when it stops, and
    otherwise every ten seconds or more, so that this takes less than 2 % of the time; and wherever
    `checkpoint_interval` or `run.checkpoint()` asks for it.

    Args:
        id: the run.
        runs_dir: where it is.
        trust: whether functions and classes may be imported by the names in its spec.
        mode: "exact" goes on as if it had never stopped, to the last bit on a CPU; it needs the
            same versions and kind of machine. "warm" has the policies, optimisers, knobs,
            curriculum and rules, and plays other episodes with other noise; the journal says so.
            With `controller=None` it has no rules any more, with `controller=...` others.
        callback: SB3 callbacks; what they remember is not saved.
        observers: who else is told from now on. `deliver` hands over the whole run later.
        **given: what the spec holds by name only, such as `success=`, or hides as a secret; and
            `num_workers`, which changes nothing but the speed.

    Raises:
        RecordError: no such run, one that still runs or is taken up by another process, which is
            named, or one that is complete.
        CheckpointError: what it ran on is not here; the message says what differs.
        ConfigError: a spec that cannot be read or trained.
    """
    if mode not in MODES:
        raise ConfigError(unknown_name("mode", mode, MODES))
    for field in given:
        if field not in GIVEN_AGAIN:
            raise ConfigError(unknown_name("argument of resume", field, GIVEN_AGAIN))
    record = load_run(id, runs_dir=runs_dir)
    _refuse(record, record.status)
    lock = take_up(record.folder)
    try:
        # Until it was locked another process may have resumed it, or have come to its end.
        record = load_run(id, runs_dir=runs_dir)
        _refuse(record, "LOST" if lock.works and record.status in LIVE else record.status)
        return _resume(record, lock, given, trust, mode, callback, observers)
    except BaseException:
        lock.release()
        raise


def _resume(
    record: RunRecord,
    lock: FolderLock,
    given: Mapping[str, Any],
    trust: bool,
    mode: str,
    callback: Callbacks,
    observers: Sequence[Any],
) -> Run:
    exact = mode == "exact"
    checkpoint = newest_checkpoint(record.folder / FOLDER)
    beginning = None if checkpoint else forked.take_up(record)
    if checkpoint is None:
        _say_beginning(record)
    if exact and (loaded := checkpoint or (beginning and beginning.checkpoint)):
        check_here(record, loaded)
    script = () if checkpoint or beginning else _script(record.folder)
    controls = Controls(script=script)
    trainer = again_trainer(record, given, trust=trust, controls=controls, exact=exact)
    try:
        anew = [CONTROLLER] if CONTROLLER in given and not exact else []
        if checkpoint is not None:
            load(trainer, record, checkpoint, exact=exact, leave=anew)
        elif beginning is not None:
            beginning.put_into(trainer, exact=exact, leave=anew)
        check_callbacks(callback, trainer.policies)
        return start(
            trainer,
            partial(_recorder, record, lock, trainer, checkpoint, mode, observers),
            partial(_play, trainer, callback, warm=not exact and bool(checkpoint or beginning)),
            again=checkpoint is not None,
        )
    except BaseException:
        let_go(trainer)
        raise


def _refuse(record: RunRecord, status: str) -> None:
    if status in LIVE:
        raise RecordError(
            f"Run {record.id} is {status}, recorded by {holder(record.folder)}: it can be resumed "
            "once it has stopped."
        )
    if status == "COMPLETED":
        raise RecordError(
            f"Run {record.id} is COMPLETED. fork({record.id}, total_timesteps=...) trains on from "
            "its last checkpoint, as a new run."
        )
    if "total_timesteps" not in record.config:
        raise RecordError(f"Run {record.id} is no training that could go on.")


def _say_beginning(record: RunRecord) -> None:
    told, steps = record.forked, record.metrics.index
    if len(steps):
        whence = f"step {told['step']:,} of run {told['run']}" if told else "its spec"
        say(
            f"Run {record.id} has no checkpoint that is whole: it starts over, from {whence}; what "
            f"came until step {int(steps[-1]):,} is trained again, without what was moved by hand."
        )


def _script(folder: Path) -> Any:
    """What the run was given to follow beside its spec."""
    try:
        return of_data(read_json(folder / SCRIPT))
    except FileNotFoundError:
        return ()
    except (OSError, *TEARS) as error:
        raise RecordError(f"{folder / SCRIPT} cannot be read: {error}.") from error


def _positions(checkpoint: Checkpoint) -> Mapping[str, int]:
    told = checkpoint.about.get("positions", {})
    if not _NOTHING.keys() <= told.keys():
        raise CheckpointError(
            f"{checkpoint.folder} does not say where in the run's logs it was taken: it is not one "
            "that daf_nb wrote. Move that folder away to go on from the one before."
        )
    return told


def _recorder(
    record: RunRecord,
    lock: FolderLock,
    trainer: RlTrainer,
    checkpoint: Checkpoint | None,
    mode: str,
    observers: Sequence[Any],
) -> Recorder:
    recorder = Recorder.again(
        record.folder,
        spec=run_spec(trainer),
        step=trainer.progress.step,
        positions=_positions(checkpoint) if checkpoint else _NOTHING,
        observers=observers,
        lock=lock,
        checkpoint=checkpoint.folder.name if checkpoint else None,
    )
    how = {"resumed": f"{mode}, from step {trainer.progress.step:,}"}
    recorder.log_event("note", trainer.progress.step, how)
    return recorder


def _play(trainer: RlTrainer, callback: Callbacks, *, warm: bool) -> dict[str, Any]:
    if warm:
        trainer.controls.note("resume", "exact", "warm", by="resume", own=True)
    return trainer.train(callback=callback)
