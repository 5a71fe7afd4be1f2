"""What every run begins with: its trainer, and the thread that trains it in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from daf_nb.config import AdaptiveConfig, CurriculumConfig, RlConfig
from daf_nb.control import AdaptiveController, Controls
from daf_nb.curriculum import CurriculumManager
from daf_nb.errors import ConfigError
from daf_nb.learn import RlTrainer
from daf_nb.learn.success import SuccessLike
from daf_nb.record import Recorder
from daf_nb.record.cells.scope import current
from daf_nb.session.defaults import default_fields
from daf_nb.session.interrupting import see_out, uninterrupted
from daf_nb.session.run import Run

if TYPE_CHECKING:
    from pettingzoo.utils.env import ParallelEnv

    from daf_nb.envs import WorldLike, Wrapper

__all__ = ["let_go", "make_trainer", "start"]

STARTING = 0.1  # seconds between two looks whether a run ended that never started


def make_trainer(
    world: WorldLike | ParallelEnv,
    *,
    curriculum: CurriculumManager | CurriculumConfig | None = None,
    controller: AdaptiveController | AdaptiveConfig | None = None,
    name: str | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    wrappers: Sequence[Wrapper] = (),
    policy: str | type[Any] = "MlpPolicy",
    success: SuccessLike = None,
    controls: Controls | None = None,
    **fields: Any,
) -> RlTrainer:
    """The trainer that `train` launches; arguments and errors as there."""
    if name is not None:
        if "experiment_name" in fields:
            raise ConfigError("name and experiment_name are one thing; give one of them.")
        fields["experiment_name"] = name
    scope = current()
    if scope is not None and fields.get("seed") is None:
        fields["seed"] = scope.child_seed()
    if isinstance(curriculum, CurriculumConfig):
        curriculum = CurriculumManager(curriculum)
    return RlTrainer(
        RlConfig(**default_fields(fields)),
        env=world,
        env_kwargs=env_kwargs,
        wrappers=wrappers,
        policy=policy,
        success=success,
        curriculum_manager=curriculum,
        adaptive_controller=controller,
        controls=controls,
    )


def start(
    trainer: RlTrainer,
    recorder_of: Callable[[], Recorder],
    play: Callable[[], dict[str, Any]],
    *,
    again: bool = False,
) -> Run:
    """Starts a trainer in the background, with a record that is made once it is claimed.

    Args:
        trainer: what trains.
        recorder_of: makes its record.
        play: trains until the end; its results.
        again: the record is of earlier parts of the run too.

    Raises:
        ConfigError: the trainer trains already.
        AdaptiveControllerError: its controller steers another trainer by now.
        RecordError: the run cannot be recorded.
    """
    run: Run | None = None
    try:
        with uninterrupted():
            run = _begun(trainer, recorder_of, play, again=again)
        # Sacred seeds the global generators when it starts a run, and they are put back: the cell
        # goes on when that is over.
        while not run.wait_started(STARTING) and not run.done:
            pass
    except BaseException:
        if run is not None:
            see_out(run)
        raise
    return run


def _begun(
    trainer: RlTrainer,
    recorder_of: Callable[[], Recorder],
    play: Callable[[], dict[str, Any]],
    *,
    again: bool,
) -> Run:
    with ExitStack() as claim:
        # From here on nothing changes until the run's thread comes: spec and journal agree.
        claim.enter_context(trainer.gate.claim())
        recorder = recorder_of()
        try:
            return Run(trainer, recorder, play, claim, again=again)
        except BaseException as error:
            recorder.abandon(f"the run could not be started: {error!r}")
            raise


def let_go(trainer: RlTrainer) -> None:
    """Closes a trainer whose run could not be had; a thread that was given up keeps its own."""
    if not trainer.gate.taken:
        trainer.close()
    trainer.controls.detach()
