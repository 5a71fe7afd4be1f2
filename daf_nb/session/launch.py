"""`train` and `launch`: a run from what a user types, started in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.config import AdaptiveConfig, CurriculumConfig, RlConfig
from daf_nb.control import AdaptiveController, Controls
from daf_nb.curriculum import CurriculumManager
from daf_nb.errors import ConfigError
from daf_nb.learn import Evaluation, RlTrainer
from daf_nb.learn.hooks import Callbacks, check_callbacks
from daf_nb.learn.success import SuccessLike
from daf_nb.record import Source, launching_source
from daf_nb.record.cells.scope import child_recorder, current
from daf_nb.record.listener import run_spec
from daf_nb.session.defaults import default_fields, default_observers
from daf_nb.session.run import Run

if TYPE_CHECKING:
    from pettingzoo.utils.env import ParallelEnv

    from daf_nb.envs import WorldLike, Wrapper
    from daf_nb.record.sacred_api import RunObserver

__all__ = ["launch", "make_trainer", "train"]

STARTING = 0.1  # seconds between two looks whether a run ended that never started


def train(
    world: WorldLike | ParallelEnv,
    *,
    env_kwargs: Mapping[str, Any] | None = None,
    wrappers: Sequence[Wrapper] = (),
    policy: str | type[Any] = "MlpPolicy",
    success: SuccessLike = None,
    curriculum: CurriculumManager | CurriculumConfig | None = None,
    controller: AdaptiveController | AdaptiveConfig | None = None,
    controls: Controls | None = None,
    callback: Callbacks = None,
    name: str | None = None,
    tags: Sequence[str] = (),
    runs_dir: Path | str | None = None,
    observers: Sequence[str | RunObserver] | None = None,
    source: Source | None = None,
    **fields: Any,
) -> Run:
    """Trains on a world in the background, recorded; returns at once.

    Inside an experiment the run is linked to it, and may outlive it.

    Args:
        world: a PettingZoo registry id (`sisl/pursuit-v5`), a module path
            (`mpe2.simple_spread_v3`), a function that makes a world, or an instance.
        env_kwargs: the world's constructor arguments.
        wrappers: SuperSuit wrappers, innermost first, as in `make_env`.
        policy: SB3's policy name or class.
        success: an episode's success in [0, 1], as `RlTrainer` takes it.
        curriculum: which tasks are played; a curriculum runs on success. One that has been played
            goes on from there, with a warning.
        controller: rules that watch the training and change its knobs, or the config of such.
        controls: the door to the knobs, where it has a script to follow.
        callback: SB3 callbacks; a dict of group -> callbacks where there are several groups.
        name: what the run is called.
        tags: any texts to find it by.
        runs_dir: where runs are recorded; by default where the experiment around this is, else
            the lab's `runs_dir`, else `runs/` in the project.
        observers: who else is told, beside the folder: "mongo", "wandb", or Sacred's own observers;
            None for the lab's.
        source: what asks for it; by default the cell or script that is being executed.
        **fields: fields of `RlConfig`: `total_timesteps`, `num_envs`, `seed`, `device`, ... The
            seed that is not given is derived from that of the experiment around this, or drawn.
            `ConfigManager.explain` shows the lab's defaults for some others.

    Raises:
        ConfigError: anything that cannot be trained as asked; nothing is recorded then.
        RecordError: the run cannot be recorded. Controller and controls can be given again.
    """
    trainer = make_trainer(
        world,
        env_kwargs=env_kwargs,
        wrappers=wrappers,
        policy=policy,
        success=success,
        curriculum=curriculum,
        controller=controller,
        controls=controls,
        name=name,
        **fields,
    )
    try:
        return launch(
            trainer,
            tags=tags,
            runs_dir=runs_dir,
            callback=callback,
            observers=observers,
            source=source,
        )
    except BaseException:
        trainer.close()
        trainer.controls.detach()
        raise


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


def launch(
    trainer: RlTrainer,
    *,
    tags: Sequence[str] = (),
    runs_dir: Path | str | None = None,
    callback: Callbacks = None,
    observers: Sequence[str | RunObserver] | None = None,
    parent: int | None = None,
    source: Source | None = None,
    on_training_complete: Callable[[dict[str, Any]], None] | None = None,
    on_evaluation_complete: Callable[[Evaluation], None] | None = None,
) -> Run:
    """Starts a trainer in the background, recorded.

    One that has trained goes on from there. When the run ends, the trainer is closed; it can be
    launched again.

    Args:
        trainer: what trains.
        tags: see `train`, as for all others.
        runs_dir: see there.
        callback: see there.
        observers: see there.
        parent: the run that this one comes from; by default the experiment around it.
        source: see there.
        on_training_complete: see `RlTrainer.train`; called in the run's thread.
        on_evaluation_complete: see there; called so too.

    Raises:
        ConfigError: callbacks that fit no group, or the trainer trains already.
        AdaptiveControllerError: its controller steers another trainer by now.
        RecordError: the run cannot be recorded.
    """
    check_callbacks(callback, trainer.policies)
    with ExitStack() as claim:
        # From here on nothing changes until the run's thread comes: spec and journal agree.
        claim.enter_context(trainer.gate.claim())
        recorder = child_recorder(
            spec=run_spec(trainer),
            name=trainer.config.experiment_name,
            runs_dir=runs_dir,
            tags=tags,
            source=source or launching_source(),
            return_metric="rollout/return_mean",
            observers=default_observers(observers, trainer.adaptive_controller),
            parent=parent,
        )
        play = partial(
            trainer.train, on_training_complete, on_evaluation_complete, callback=callback
        )
        try:
            run = Run(trainer, recorder, play, claim)
        except BaseException as error:
            recorder.abandon(f"the run could not be started: {error!r}")
            raise
    try:
        # Sacred seeds the global generators when it starts a run, and they are put back: the cell
        # goes on when that is over.
        while not recorder.wait_started(STARTING) and not run.done:
            pass
    except BaseException:
        run.stop()
        run._finished.wait()
        raise
    return run
