"""`train` and `launch`: a run from what a user types, started in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.config import AdaptiveConfig, CurriculumConfig
from daf_nb.control import AdaptiveController, Controls
from daf_nb.curriculum import CurriculumManager
from daf_nb.learn import Evaluation, RlTrainer
from daf_nb.learn.hooks import Callbacks, check_callbacks
from daf_nb.learn.success import SuccessLike
from daf_nb.record import Recorder, Source, launching_source
from daf_nb.record.cells.beginning import child_recorder
from daf_nb.record.cells.remaking import recalled
from daf_nb.record.listener import run_spec
from daf_nb.session.defaults import default_observers
from daf_nb.session.run import Run
from daf_nb.session.settled import as_it_was, stop_as_it_did
from daf_nb.session.starting import let_go, make_trainer, start

if TYPE_CHECKING:
    from pettingzoo.utils.env import ParallelEnv

    from daf_nb.envs import WorldLike, Wrapper
    from daf_nb.record.sacred_api import RunObserver

__all__ = ["launch", "train"]


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
    was = recalled("training", name or fields.get("experiment_name"))
    fields = as_it_was(fields, was)
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
    stop_as_it_did(trainer, was)
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
        let_go(trainer)
        raise


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

    def recorder() -> Recorder:
        return child_recorder(
            spec=run_spec(trainer),
            name=trainer.config.experiment_name,
            runs_dir=runs_dir,
            tags=tags,
            source=source or launching_source(),
            return_metric="rollout/return_mean",
            observers=default_observers(observers, trainer.adaptive_controller),
            parent=parent,
        )

    play = partial(trainer.train, on_training_complete, on_evaluation_complete, callback=callback)
    return start(trainer, recorder, play)
