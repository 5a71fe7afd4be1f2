"""A curriculum as a course: every episode assigned beforehand, and credited to its own task."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from daf_nb.curriculum import Assignment, CurriculumManager, Task
from daf_nb.curriculum.statistics import metrics
from daf_nb.curriculum.strategies import merge_parts
from daf_nb.envs import Episode, Layout, Setting, World, agent_spaces, close_world, merge_layouts
from daf_nb.errors import ConfigError, TaskGenerationError
from daf_nb.learn.course import TaskCourse, setting_of, task_rules
from daf_nb.learn.gate import Gate
from daf_nb.learn.success import SuccessRule

__all__ = ["CurriculumCourse", "plain_layout", "task_layout"]

_MOST_VARIANTS = 64


class CurriculumCourse:
    """Plays what a curriculum assigns, and reports what came of it.

    Args:
        manager: the curriculum.
        success: an episode's success, where its task has no rule of its own.
        seed: the run's.
    """

    def __init__(
        self, manager: CurriculumManager, success: SuccessRule, *, seed: int | None
    ) -> None:
        self.manager = manager
        self._teacher = manager.begin(seed)
        self._tasks = list(manager.book)
        self._goals = manager.book.goals()
        self._rules = task_rules(self._tasks, success)
        self._parts: dict[int, list[tuple[float, int]]] = {}

    @property
    def needs_advantages(self) -> bool:
        return self._teacher.strategy.needs_advantages

    def next(self, copy: int) -> Setting:
        while True:
            try:
                assignment = self._teacher.assign()
            except TaskGenerationError as error:
                self.manager.leave_out(error, error.task)
                continue
            return setting_of(self._tasks[assignment.index], assignment, self._goals)

    def finished(self, episode: Episode) -> float | None:
        success = self._rules[episode.task](episode)
        if success is None:
            raise ConfigError(
                f"the curriculum needs every episode's success, and the world's infos say nothing "
                f"of it (task {episode.task!r}). Give success=: a function of the episode, or the "
                "bounds (low, high) between which its return per agent is scaled."
            )
        self._teacher.record(episode.setting.tag, success)
        return success

    def failed(self, copy: int, error: TaskGenerationError) -> Setting | None:
        self.manager.leave_out(error, error.task)
        return self.next(copy)

    def advantages(
        self,
        sums: np.ndarray,
        counts: np.ndarray,
        ended_at: Sequence[int],
        episodes: Sequence[Episode],
    ) -> None:
        """Scores the episodes that ended in a rollout by their mean absolute advantage.

        An episode that began in an earlier rollout keeps what was summed then, so its parts are
        weighed by their live rows.
        """
        begins = [0] * len(sums)
        for step, episode in zip(ended_at, episodes, strict=True):
            copy = episode.copy
            self._keep(copy, sums, counts, slice(begins[copy], step + 1))
            begins[copy] = step + 1
            assignment: Assignment = episode.setting.tag
            score = merge_parts(self._parts.pop(copy, []))
            self._teacher.strategy.score(assignment.index, score)
        for copy, first in enumerate(begins):
            self._keep(copy, sums, counts, slice(first, None))

    def _keep(self, copy: int, sums: np.ndarray, counts: np.ndarray, part: slice) -> None:
        rows = int(counts[copy, part].sum())
        if rows:
            mean = float(sums[copy, part].sum()) / rows
            self._parts.setdefault(copy, []).append((mean, rows))

    def forget(self) -> None:
        self._parts.clear()

    def training(self, gate: Gate) -> AbstractContextManager[None]:
        """While it lasts, the curriculum is this run's, and others' wishes wait for its gate."""
        return self.manager.lease(lambda work: gate.ask(work).result())

    def boundary(self, progress: float) -> None:
        """Tells how much of the training is over, and looks for stagnation.

        Raises:
            CurriculumStagnationError: found, and not to be answered.
        """
        self._teacher.strategy.progress = progress
        self.manager.check()

    def metrics(self) -> dict[str, float]:
        """Difficulty and success; share and success of up to 32 tasks."""
        return metrics(self._teacher)

    def only(
        self, names: Sequence[str], *, seed: int, difficulty: float | None = None
    ) -> TaskCourse:
        """Some tasks of the curriculum, for evaluation or for training on them by themselves."""
        book = self.manager.book
        chosen = [(book.place(name), book[name]) for name in names]
        return TaskCourse(chosen, self._rules, goals=self._goals, seed=seed, difficulty=difficulty)


def task_layout(manager: CurriculumManager, world: World) -> Layout:
    """What the learner sees of all tasks: their agents' union, padded and with goals where asked.

    Builds a world for each choice of constructor arguments, and for the ends of their ranges.

    Raises:
        TaskGenerationError: a task's world cannot be made; the task is named.
        ConfigError: spaces of tasks differ, or a goal cannot be appended.
    """
    found: dict[str, Any] = {}
    variants: dict[str, Any] = {}
    for task in manager.book:
        for number, env_kwargs in enumerate(_variants(task)):
            key = repr(sorted(env_kwargs.items()))
            if key not in found:
                found[key] = _spaces_of(task, world.changed(env_kwargs))
            variants[f"{task.name} {env_kwargs}" if number else task.name] = found[key]
    goals = manager.book.goals()
    size = 0 if goals is None else len(goals.names)
    return merge_layouts(variants, pad=manager.config.pad_spaces, goal_size=size)


def plain_layout(world: World) -> Layout:
    """What the learner sees of a world as it is."""
    env = world.build()
    try:
        return Layout(agent_spaces(env))
    finally:
        close_world(env, world.name)


def _spaces_of(task: Task, world: World) -> Any:
    try:
        return plain_layout(world).spaces
    except Exception as error:
        raise TaskGenerationError(
            f"task {task.name!r} cannot be made: {error}", task=task.name
        ) from error


def _variants(task: Task) -> list[dict[str, Any]]:
    choices = task.corners()
    combinations = itertools.product(*choices.values())
    return [
        dict(zip(choices, values, strict=True))
        for values in itertools.islice(combinations, _MOST_VARIANTS)
    ]
