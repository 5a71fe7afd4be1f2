"""A trainer connected to its controls and its adaptive controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daf_nb.learn.curriculum_knobs import curriculum_knobs
from daf_nb.learn.knobs import interval_knobs, model_knobs

if TYPE_CHECKING:
    from daf_nb.control import Controls
    from daf_nb.learn.loop import TrainingLoop
    from daf_nb.learn.trainer import RlTrainer

__all__ = ["TrainerHost", "connect"]


def connect(trainer: RlTrainer, loop: TrainingLoop) -> None:
    """Gives the trainer's knobs to its controls, and the trainer to its controller.

    Raises:
        ConfigError: the controls belong to another trainer.
        AdaptiveControllerError: the controller does.
    """
    controller = trainer.adaptive_controller
    knobs = [*model_knobs(trainer.policies), *interval_knobs(loop.due)]
    if trainer.curriculum is not None:
        knobs += curriculum_knobs(trainer.curriculum)
    if controller is not None:
        knobs += controller.knobs()
    trainer.controls.attach(
        knobs,
        door=loop.gate.change,
        step=lambda: loop.progress.step,
        record=lambda entry: loop.emit("journal", entry.to_plain()),
    )
    if controller is not None:
        controller.attach(TrainerHost(trainer, loop))
        if trainer.config.integrate_with_adaptive:
            loop.watcher = controller.look


class TrainerHost:
    """What a controller may ask of a trainer.

    Args:
        trainer: whose.
        loop: its loop, which tells what is decided.

    Attributes:
        controls: the one door.
        looks: the trainer shows every update's metrics by itself.
    """

    def __init__(self, trainer: RlTrainer, loop: TrainingLoop) -> None:
        self.controls: Controls = trainer.controls
        self.looks = trainer.config.integrate_with_adaptive
        self._trainer, self._loop = trainer, loop

    def status(self) -> dict[str, Any]:
        """How far training has come, by the names of `RlTrainer.get_training_summary`."""
        trainer = self._trainer
        return {
            "experiment_name": trainer.config.experiment_name,
            "total_timesteps": trainer.config.total_timesteps,
            "updates": trainer.progress.updates,
            **trainer.progress.results(),
        }

    def train(self) -> dict[str, Any]:
        """`RlTrainer.train`."""
        return self._trainer.train()

    def train_elsewhere(self, env: Any, env_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
        """`RlTrainer.train_elsewhere`."""
        return self._trainer.train_elsewhere(env, env_kwargs=env_kwargs)

    def stop(self) -> None:
        """Training ends at the next boundary."""
        self._trainer.gate.stop()

    def pause(self) -> None:
        """Training waits at the next boundary."""
        self._trainer.gate.pause()

    def checkpoint(self) -> None:
        """Who records is told to save the policies."""
        self._trainer.gate.change(lambda: self._loop.emit("checkpoint"))

    def tell(self, kind: str, data: Mapping[str, Any]) -> None:
        """Who listens to the trainer hears of it."""
        self._loop.emit(kind, data)
