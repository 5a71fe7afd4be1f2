"""A curriculum as a course: every episode assigned beforehand, and credited to its own task."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from daf_nb.config import RlConfig
from daf_nb.curriculum import Assignment, Change, CurriculumManager
from daf_nb.curriculum.statistics import metrics
from daf_nb.curriculum.strategies import merge_parts
from daf_nb.curriculum.teacher import Teacher
from daf_nb.envs import Episode, Setting
from daf_nb.errors import ConfigError, DafWarning, TaskGenerationError
from daf_nb.learn.course import Course, TaskCourse, setting_of, task_rules
from daf_nb.learn.gate import Gate
from daf_nb.learn.success import SuccessRule

__all__ = ["CurriculumCourse", "begin_curriculum", "chosen_curriculum"]


class CurriculumCourse(Course):
    """Plays what a curriculum assigns, and reports what came of it.

    Args:
        manager: the curriculum.
        success: an episode's success, where its task has no rule of its own.
    """

    def __init__(self, manager: CurriculumManager, success: SuccessRule) -> None:
        self.manager = manager
        self._tasks = manager.book.checked()
        self._goals = manager.book.goals()
        self._rules = task_rules(self._tasks, success)
        self._parts: dict[int, list[tuple[float, int]]] = {}
        self._due = False

    @property
    def _teacher(self) -> Teacher:
        return self.manager.teacher

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
        if self._teacher.record(episode.setting.tag, success):
            self._due = True
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
        dropped: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Scores the episodes that ended in a rollout by their mean absolute advantage.

        An episode that began in an earlier rollout keeps what was summed then, so its parts are
        weighed by their live rows. What was summed of a dropped one is forgotten.
        """
        begins = [0] * len(sums)
        ended = [(at, one.copy, one) for at, one in zip(ended_at, episodes, strict=True)]
        gone = [(step, copy, None) for step, copy in dropped]
        # Of one step, what ended there comes first: what was dropped then had just begun.
        for step, copy, episode in sorted(ended + gone, key=lambda one: one[0]):
            self._keep(copy, sums, counts, slice(begins[copy], step + 1))
            begins[copy] = step + 1
            parts = self._parts.pop(copy, [])
            if episode is not None:
                self._teacher.score(episode.setting.tag, merge_parts(parts))
        for copy, first in enumerate(begins):
            self._keep(copy, sums, counts, slice(first, None))

    def _keep(self, copy: int, sums: np.ndarray, counts: np.ndarray, part: slice) -> None:
        rows = int(counts[copy, part].sum())
        if rows:
            mean = float(sums[copy, part].sum()) / rows
            self._parts.setdefault(copy, []).append((mean, rows))

    def forget(self) -> None:
        self._parts.clear()

    def remade(self, setting: Setting) -> Setting:
        tag = setting.tag
        if isinstance(tag, Mapping):
            tag = Assignment(**tag)
        if not isinstance(tag, Assignment) or not 0 <= tag.index < len(self._tasks):
            raise ConfigError(
                f"the tape of an episode of task {setting.task!r} does not tell what was assigned: "
                "its arguments are no plain data."
            )
        return setting_of(self._tasks[tag.index], tag, self._goals)

    def state_dict(self) -> dict[str, Any]:
        return {"parts": dict(self._parts), "due": self._due}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._parts = {copy: list(parts) for copy, parts in state["parts"].items()}
        self._due = bool(state["due"])

    def leased(
        self,
        gate: Gate,
        *,
        owner: object,
        hear: Callable[[Change], None],
        refused: Callable[[Exception], None],
    ) -> AbstractContextManager[None]:
        """While it lasts, the curriculum is this run's, and others' changes wait for its gate.

        Args:
            gate: the run's.
            owner: what the run is known by.
            hear: told of every change.
            refused: told why a change cannot be made that a callback asked for in the middle of a
                rollout, where it could not wait for the answer.
        """

        def door(work: Callable[[], list[Change]]) -> list[Change]:
            def later() -> None:
                try:
                    work()
                except Exception as error:
                    refused(error)

            if not gate.inside:
                return gate.ask(work).result()
            gate.change(later)
            return []

        return self.manager.life.lease(door, hear, owner=owner)

    def boundary(self, progress: float) -> None:
        """Tells how much of the training is over; looks for stagnation, when that is due.

        Raises:
            CurriculumStagnationError: found, and not to be answered.
        """
        self._teacher.advance(progress)
        if self._due:
            self._due = False
            self.manager.check()

    def metrics(self) -> dict[str, float]:
        """Difficulty and success; share and success of up to 32 tasks."""
        return metrics(self._teacher)

    @property
    def targets(self) -> list[str]:
        """The tasks that evaluation plays."""
        weights = self._teacher.chooser.weights.tolist()
        return [task.name for task in self.manager.book.targets(weights)]

    def only(
        self, names: Sequence[str], *, seed: int, difficulty: float | None = None
    ) -> TaskCourse:
        """Some tasks of the curriculum, for evaluation or for training on them by themselves."""
        book = self.manager.book
        chosen = [(book.place(name), book[name]) for name in names]
        return TaskCourse(chosen, self._rules, goals=self._goals, seed=seed, difficulty=difficulty)


def chosen_curriculum(
    config: RlConfig, manager: CurriculumManager | None
) -> CurriculumManager | None:
    """The curriculum that was given, or made from the config.

    Raises:
        ConfigError: both were given and do not agree, or a run trains on it now.
    """
    told = config.curriculum_config
    if manager is None:
        return None if told is None else CurriculumManager(told)
    if not isinstance(manager, CurriculumManager):
        raise ConfigError(
            f"curriculum {manager!r}: a CurriculumManager or a CurriculumConfig is needed; "
            "CurriculumConfig(strategy=...) chooses a strategy by name."
        )
    if told is not None and told != manager.config:
        raise ConfigError(
            "curriculum_config and curriculum_manager do not agree; give one of them, or the "
            "manager that was made from this config."
        )
    manager.life.refuse_leased()
    return manager


def begin_curriculum(manager: CurriculumManager, *, seed: int | None) -> None:
    """Seeds the curriculum with the run's seed; one that has been played goes on, and says so."""
    if manager.life.begun:
        warnings.warn(
            f"curriculum {manager.config.name!r} goes on from its {manager.teacher.episodes} "
            "episodes; make a new CurriculumManager to start over.",
            DafWarning,
            stacklevel=3,
        )
    manager.life.begin(seed)
