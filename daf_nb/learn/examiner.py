"""A trainer's evaluations: on the world as it is, or on the tasks that are aimed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daf_nb.config import RlConfig
from daf_nb.envs import Copies, World
from daf_nb.errors import ConfigError, TaskGenerationError
from daf_nb.learn.course import Course, PlainCourse
from daf_nb.learn.curriculum import CurriculumCourse
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
        return self._evaluate(
            policies, step, course, episodes=episodes, deterministic=deterministic
        )

    def in_between(self, tell: Callable[[Evaluation], None]) -> None:
        """In the training thread; a stop ends the evaluation, and then the training."""
        gate = self._loop.gate
        try:
            evaluation = self._evaluate(
                self._learner.policies,
                self._loop.progress.step,
                self._course(None),
                going_on=lambda: not gate.stopped,
            )
        except EvaluationStopped:
            return
        except TaskGenerationError as error:
            if self._curriculum is None or self._curriculum.manager.config.on_failure == "raise":
                raise
            self._loop.emit("note", {"evaluation": f"left out: {error}"})
            return
        tell(evaluation)

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
    ) -> Evaluation:
        seed = self._config.seed
        assert seed is not None, "the trainer draws a seed where none was given"

        def copies_of(num_envs: int) -> Copies:
            return self._learner.copies_of(self._world, num_envs=num_envs, seed=seed, held_out=True)

        evaluation = evaluate(
            policies,
            copies_of,
            course=course,
            episodes=self._config.evaluation_episodes if episodes is None else episodes,
            seed=seed,
            deterministic=deterministic,
            going_on=going_on,
        )
        self._loop.emit("evaluation", evaluation.to_dict(), step=step)
        return evaluation
