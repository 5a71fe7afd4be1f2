"""A trainer's visits to other worlds and to single tasks, from which it comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pettingzoo.utils.env import ParallelEnv

from daf_nb.curriculum import Assignment
from daf_nb.envs import World, WorldLike
from daf_nb.errors import ConfigError
from daf_nb.learn.course import Course, PlainCourse
from daf_nb.learn.curriculum import CurriculumCourse
from daf_nb.learn.given import another_world
from daf_nb.learn.layouts import check_alike
from daf_nb.learn.learner import Learner
from daf_nb.learn.loop import TrainingLoop
from daf_nb.learn.progress import Progress

__all__ = ["Visits"]


class Visits:
    """Trains the same policies elsewhere for a while.

    Args:
        learner: whose policies.
        loop: trains them, and tells.
        world: the trainer's own.
        plain: what is played without a curriculum.
        curriculum: whose tasks are visited; or None.
    """

    def __init__(
        self,
        learner: Learner,
        loop: TrainingLoop,
        world: World,
        plain: PlainCourse,
        curriculum: CurriculumCourse | None,
    ) -> None:
        self._learner, self._loop, self._world = learner, loop, world
        self._plain, self._curriculum = plain, curriculum

    def on_task(
        self,
        task: str | Assignment,
        env: World | WorldLike | ParallelEnv | None,
        *,
        episodes: int,
        env_kwargs: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """As `RlTrainer.train_on_task`."""
        if episodes < 1:
            raise ConfigError(f"episodes={episodes}: at least one is needed.")
        name, part = str(task), Progress()
        if self._curriculum is not None and env is None and env_kwargs is None:
            difficulty = task.difficulty if isinstance(task, Assignment) else None
            updates = self._loop.progress.updates
            course = self._curriculum.only([name], seed=updates, difficulty=difficulty)
            world = self._world
        else:
            world, course = another_world(self._world, env, env_kwargs), self._plain
        self._loop.run(
            lambda: part.episodes >= episodes,
            task=name,
            also=part,
            within=self._visit(name, world, course),
            elsewhere="" if world is self._world else world.name,
        )
        return part.results()

    def elsewhere(
        self,
        env: World | WorldLike | ParallelEnv,
        env_kwargs: Mapping[str, Any] | None,
        *,
        total: int,
        within: AbstractContextManager[object],
    ) -> bool:
        """As `RlTrainer.train_elsewhere`, `total` agent-steps in all; False if it was stopped."""
        world = another_world(self._world, env, env_kwargs)

        @contextmanager
        def there() -> Iterator[None]:
            with self._visit("train_elsewhere", world, self._plain), within:
                told = {"world": world.name, "env_kwargs": dict(world.env_kwargs)}
                self._loop.emit("note", told)
                yield

        return self._loop.run(
            lambda: self._loop.progress.step >= total,
            task=world.name,
            within=there(),
            elsewhere=world.name,
        )

    @contextmanager
    def _visit(self, name: str, world: World, course: Course) -> Iterator[None]:
        """Another world, if it is alike, or another course; then back."""
        if world is not self._world:
            learner = self._learner
            check_alike(learner.layout, name, world, learner.ground.watch)
        with self._learner.ground.elsewhere(world, course):
            yield
