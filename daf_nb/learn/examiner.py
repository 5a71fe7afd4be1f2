"""A trainer's evaluations: on the world as it is, or on the tasks that are aimed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from daf_nb.config import RlConfig
from daf_nb.envs import Copies, Watch, World
from daf_nb.errors import ConfigError, TaskGenerationError, TrainingEnvironmentError
from daf_nb.learn.batched.evaluate import evaluate_batched
from daf_nb.learn.breaking import BrokenOff
from daf_nb.learn.course import Course, PlainCourse
from daf_nb.learn.curriculum import CurriculumCourse
from daf_nb.learn.endings import Evaluated, TapeListener
from daf_nb.learn.evaluate import Evaluation, EvaluationStopped, evaluate
from daf_nb.learn.learner import Learner
from daf_nb.learn.loop import TrainingLoop

__all__ = ["Examiner"]


class Examiner:
    """Plays whole episodes on held-out seeds, and tells the loop's listeners what came of it.

    Args:
        config: seed, and how many episodes by default.
        learner: whose policies play.
        loop: who is told.
        world: where.
        plain: what is played without a curriculum.
        curriculum: whose targets are played instead.

    Attributes:
        listener: gets the tapes of every evaluation; None where nobody does.
    """

    def __init__(
        self,
        config: RlConfig,
        learner: Learner,
        loop: TrainingLoop,
        world: World,
        plain: PlainCourse,
        curriculum: CurriculumCourse | None,
    ) -> None:
        self._config, self._learner, self._loop = config, learner, loop
        self._world, self._plain, self._curriculum = world, plain, curriculum
        self.listener: TapeListener | None = None

    def now(
        self,
        *,
        episodes: int | None = None,
        deterministic: bool = False,
        task: str | Sequence[str] | None = None,
    ) -> Evaluation:
        """Evaluates the policies of the next boundary, in the calling thread."""
        course = self._course(task)
        snapshot = self._loop.gate.ask(lambda: (self._learner.snapshot(), self._loop.progress.step))
        policies, step = snapshot.result()
        watch = self._learner.ground.watch.renewed()  # this thread's own; nobody could take over
        watch.taken_over = None
        with watch.on():
            return self._evaluate(
                policies,
                step,
                course,
                episodes=episodes,
                deterministic=deterministic,
                watch=watch,
            )

    def in_between(self, tell: Callable[[Evaluation], object]) -> bool:
        """In the training thread; False where a stop ended it, and it is to be played again.

        One in which a world fails is left out, if that is what follows in training.
        """
        gate = self._loop.gate
        try:
            evaluation = self._evaluate(
                self._learner.policies,
                self._loop.progress.step,
                self._course(None),
                going_on=lambda: not gate.stopped,
                within=gate.breaking.possible,
            )
        except (BrokenOff, EvaluationStopped):
            return False
        except TaskGenerationError as error:
            if self._curriculum is None or self._curriculum.manager.config.on_failure == "raise":
                raise
            self._leave_out(error)
        except TrainingEnvironmentError as error:
            if self._config.on_failure == "stop":
                raise
            self._leave_out(error)
        else:
            tell(evaluation)
        return True

    def at_end(self, tell: Callable[[Evaluation], object]) -> bool:
        """As `in_between`, once training is over."""
        with self._learner.ground.watch.on():
            return self.in_between(tell)

    def _leave_out(self, error: Exception) -> None:
        self._loop.emit("note", {"evaluation": f"left out: {error}"})

    def _course(self, task: str | Sequence[str] | None) -> Callable[[], Course]:
        curriculum = self._curriculum
        if curriculum is None:
            if task is not None:
                raise ConfigError(f"task={task!r}: there is no curriculum; leave the task out.")
            return lambda: self._plain
        if task is None:
            names = curriculum.targets
        else:
            names = [task] if isinstance(task, str) else list(task)
        return lambda: curriculum.only(names, seed=self._config.seed or 0)

    def _evaluate(
        self,
        policies: Mapping[str, Any],
        step: int,
        course: Callable[[], Course],
        *,
        episodes: int | None = None,
        deterministic: bool = False,
        going_on: Callable[[], bool] = lambda: True,
        within: Callable[[], AbstractContextManager[object]] = nullcontext,
        watch: Watch | None = None,
    ) -> Evaluation:
        seed = self._config.seed
        assert seed is not None, "the trainer draws a seed where none was given"

        def copies_of(num_envs: int) -> Copies:
            return self._learner.ground.copies_of(
                self._world, num_envs=num_envs, seed=seed, held_out=True, watch=watch
            )

        listener = self.listener
        taped: list[Evaluated] = []
        with within():  # and not while anybody is told
            play: Any = evaluate_batched if self._world.is_batched else evaluate
            evaluation = play(
                policies,
                copies_of,
                course=course,
                episodes=self._config.evaluation_episodes if episodes is None else episodes,
                seed=seed,
                deterministic=deterministic,
                going_on=going_on,
                taped=taped,
                room=0 if listener is None else listener.room,
            )
        self._loop.emit("evaluation", evaluation.to_dict(), step=step)
        if listener is not None:
            listener.evaluated(step, taped)
        return evaluation
