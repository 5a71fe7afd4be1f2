"""A trainer connected to its controls, its curriculum and its adaptive controller."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from daf_nb.config import AdaptiveConfig
from daf_nb.control import AdaptiveController, Controls
from daf_nb.errors import ConfigError, DafWarning
from daf_nb.learn.curriculum_knobs import curriculum_knobs
from daf_nb.learn.knobs import interval_knobs, model_knobs
from daf_nb.learn.machine_knobs import machine_knobs

if TYPE_CHECKING:
    from daf_nb.curriculum import Change
    from daf_nb.learn.curriculum import CurriculumCourse
    from daf_nb.learn.loop import TrainingLoop
    from daf_nb.learn.trainer import RlTrainer

__all__ = ["Connection", "TrainerHost", "chosen_controller", "chosen_controls"]


class Connection:
    """What ties a trainer to its controls, its controller and its curriculum.

    The controls get its knobs, and hear what others change about the curriculum; the controller
    steers it until `close`.

    Args:
        trainer: whose.
        loop: its loop; whoever claims its gate has the curriculum with it.
        course: the curriculum as it is played, or None.
        changes: of the curriculum, made for this trainer before there was a journal.

    Raises:
        ConfigError: the controls belong to another trainer, or a rule moves a knob that is not
            there.
        AdaptiveControllerError: the controller steers another trainer.
    """

    def __init__(
        self,
        trainer: RlTrainer,
        loop: TrainingLoop,
        course: CurriculumCourse | None,
        changes: Sequence[Change] = (),
    ) -> None:
        self._controls, self._controller = trainer.controls, trainer.adaptive_controller
        self._loop, self._course = loop, course
        self._host = TrainerHost(trainer, loop)
        self._open = False
        knobs = [
            *model_knobs(trainer.policies),
            *machine_knobs(loop.learner),
            *interval_knobs(loop.due),
        ]
        if course is not None:
            knobs += curriculum_knobs(course.manager, self)
        if self._controller is not None:
            knobs += self._controller.knobs()
        self._controls.attach(
            knobs,
            door=loop.gate.change,
            step=lambda: loop.progress.step,
            record=lambda entry: loop.emit("journal", entry.to_plain()),
            inside=lambda: loop.gate.inside,
        )
        try:
            self._open_up()
        except BaseException:
            self.close()
            self._controls.detach()
            raise
        for change in changes:
            self._note(change)
        if course is not None:
            self._listen(course)
        if self._controller is not None and trainer.config.integrate_with_adaptive:
            loop.watcher = self._controller.look
        loop.gate.belongings = self._claimed

    def close(self) -> None:
        """Gives the controller back, and hears of the curriculum no more; the knobs stay.

        Whoever trains next takes both up again.
        """
        self._open = False
        if self._controller is not None:
            # Its owner may have given it to another trainer.
            self._controller.detach(self._host)

    def _open_up(self) -> None:
        self._controls.reopen()
        if not self._open:
            if self._controller is not None:
                self._controller.attach(self._host)
            self._open = True

    @contextmanager
    def _claimed(self) -> Iterator[None]:
        """What a training has for itself."""
        with self._leased():
            with self._loop.gate.hold():
                self._open_up()
            yield

    def _leased(self) -> AbstractContextManager[None]:
        if self._course is None:
            return nullcontext()
        return self._course.leased(
            self._loop.gate, owner=self, hear=self._note, refused=self._refused
        )

    def _listen(self, course: CurriculumCourse) -> None:
        """Hears of changes while nobody leases the curriculum, which may outlive the trainer."""
        listening, life = weakref.ref(self), course.manager.life

        def hear(change: Change) -> None:
            connection = listening()
            if connection is not None and connection._open and not life.leased:
                connection._note(change)

        course.manager.subscribe(hear)

    def _note(self, change: Change) -> None:
        self._controls.note(change.name, change.old, change.new, by=change.by, own=change.own)

    def _refused(self, error: Exception) -> None:
        self._loop.emit("note", {"curriculum": f"not changed: {error}"})
        warnings.warn(f"the curriculum was not changed: {error}", DafWarning, stacklevel=2)


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


def chosen_controller(given: Any) -> AdaptiveController | None:
    """The controller that was given, or made from its config; None for none.

    Raises:
        ConfigError: it is neither.
    """
    if isinstance(given, AdaptiveConfig):
        return AdaptiveController(given)
    if not (given is None or isinstance(given, AdaptiveController)):
        raise ConfigError(
            f"adaptive_controller={given!r}: an AdaptiveController or an AdaptiveConfig is needed; "
            "AdaptiveConfig(rules=...) chooses the rules."
        )
    return given


def chosen_controls(given: Any) -> Controls:
    """The controls that were given; for None new ones.

    Raises:
        ConfigError: it is neither.
    """
    if not (given is None or isinstance(given, Controls)):
        raise ConfigError(
            f"controls={given!r}: Controls are needed; Controls(script=...) plays a journal."
        )
    return Controls() if given is None else given
