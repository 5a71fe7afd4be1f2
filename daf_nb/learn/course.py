"""What each copy plays next, and where its outcome goes: the world as it is, or single tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from daf_nb.curriculum import Assignment, Goals, Task
from daf_nb.envs import Copies, Drop, Episode, Setting, set_stage
from daf_nb.errors import TaskGenerationError
from daf_nb.learn.success import SuccessRule, success_rule

__all__ = [
    "Course",
    "PlainCourse",
    "TaskCourse",
    "begin",
    "follow",
    "go_on",
    "setting_of",
    "task_rules",
]

_STAGE = "curriculum_stage"


class Course:
    """Where settings come from, one episode of a copy ahead, and where outcomes go."""

    @property
    def needs_advantages(self) -> bool:
        """`advantages` is to be told what a rollout's rows were worth."""
        return False

    @property
    def variety(self) -> int:
        """How many kinds of episodes take turns, each as often as the others; else 1."""
        return 1

    def next(self, copy: int) -> Setting:
        """The setting of the copy's next episode; asked once for each, in order."""
        raise NotImplementedError

    def finished(self, episode: Episode) -> float | None:
        """Takes in an episode, once; its success, or None where that is not defined."""
        raise NotImplementedError

    def failed(self, copy: int, error: TaskGenerationError) -> Setting | None:
        """Another setting in place of one that could not be made; None to let the error rise."""
        return None

    def dropped(self, drop: Drop) -> Setting:
        """An episode was dropped, of which nothing is taken in; what its copy is to play later."""
        return self.next(drop.copy)

    def advantages(
        self,
        sums: np.ndarray,
        counts: np.ndarray,
        ended_at: Sequence[int],
        episodes: Sequence[Episode],
        dropped: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Told of a rollout, where asked for.

        Args:
            sums: float [copies, steps], absolute advantages summed over live rows.
            counts: int [copies, steps], live rows.
            ended_at: the steps in which episodes ended.
            episodes: these episodes, in the same order.
            dropped: (step, copy) of the episodes that were dropped.
        """

    def forget(self) -> None:
        """The episodes under way were broken off."""

    def remade(self, setting: Setting) -> Setting:
        """A setting of this course that has been through a tape's bytes, whole again.

        Raises:
            ConfigError: the tape could not keep what is needed.
        """
        return setting

    def state_dict(self) -> dict[str, Any]:
        """What is remembered of the episodes under way, for `as_data`."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues where `state_dict` was taken."""


class PlainCourse(Course):
    """The world as it is, always.

    Args:
        success: an episode's success.
    """

    def __init__(self, success: SuccessRule) -> None:
        self._success = success
        self._setting = Setting()

    def next(self, copy: int) -> Setting:
        return self._setting

    def remade(self, setting: Setting) -> Setting:
        return self._setting

    def finished(self, episode: Episode) -> float | None:
        return self._success(episode)


class TaskCourse(Course):
    """Given tasks, each as often as the others, reported to nobody.

    What is drawn for an episode depends on the seed, the copy and the episode's number alone, so
    that policies are compared on equal episodes.

    Args:
        tasks: (place in the curriculum, task) of each.
        rules: task -> an episode's success.
        goals: the vectors that observations get.
        seed: of the draws.
        difficulty: in place of each task's greatest.
    """

    def __init__(
        self,
        tasks: Sequence[tuple[int, Task]],
        rules: Mapping[str, SuccessRule],
        *,
        goals: Goals | None,
        seed: int,
        difficulty: float | None = None,
    ) -> None:
        self._tasks, self._rules, self._goals = list(tasks), rules, goals
        self._seed, self._difficulty = seed, difficulty
        self._asked: dict[int, int] = {}

    @property
    def variety(self) -> int:
        return len(self._tasks)

    def next(self, copy: int) -> Setting:
        number = self._asked[copy] = self._asked.get(copy, -1) + 1
        index, task = self._tasks[(copy + number) % len(self._tasks)]
        rng = np.random.default_rng([self._seed, copy, number])
        difficulty = task.high if self._difficulty is None else self._difficulty
        return setting_of(task, task.assign(rng, index=index, difficulty=difficulty), self._goals)

    def finished(self, episode: Episode) -> float | None:
        return self._rules[episode.task](episode)


def follow(copies: Copies, course: Course, *, drop: bool = False) -> None:
    """Has the copies ask the course where a setting cannot be played.

    Args:
        copies: the copies.
        course: what they play.
        drop: they drop what their worlds break, and go on.
    """
    copies.starts.on_task_failure = course.failed
    copies.starts.on_failure = course.dropped if drop else None


def begin(copies: Copies, course: Course, *, drop: bool = False) -> None:
    """Starts an episode of every copy, and prepares its next one; arguments as `follow`."""
    course.forget()
    follow(copies, course, drop=drop)
    for ahead in range(2):
        for copy in range(copies.num_envs):
            copies.prepare(copy, course.next(copy))
        if not ahead:
            copies.reset()


def go_on(copies: Copies, course: Course) -> list[float | None]:
    """After a step: reports the episodes that ended, and prepares those after the next.

    Returns:
        The successes of `copies.episodes`, in their order.
    """
    scores = []
    for episode in copies.episodes:
        scores.append(course.finished(episode))
        copies.prepare(episode.copy, course.next(episode.copy))
    return scores


def task_rules(tasks: Sequence[Task], default: SuccessRule) -> dict[str, SuccessRule]:
    """Task -> an episode's success: its own rule, or the trainer's."""
    return {
        task.name: default if task.success is None else success_rule(task.success) for task in tasks
    }


def setting_of(task: Task, assignment: Assignment, goals: Goals | None) -> Setting:
    """An assignment as the bridge plays it."""
    prepare: Callable[[Any], Any] | None = None
    options, family = assignment.config, None
    if task.apply is not None:
        params = {**assignment.env_kwargs, **assignment.config}
        params.setdefault("difficulty", assignment.difficulty)
        prepare, options, family = partial(_applied, task.apply, params), {}, id(task.apply)
    elif _STAGE in options:
        options = {name: value for name, value in options.items() if name != _STAGE}
        prepare, family = partial(set_stage, assignment.config[_STAGE]), _STAGE
    goal = None if goals is None else goals(assignment)
    return Setting(
        task=task.name,
        env_kwargs=assignment.env_kwargs,
        options=options,
        prepare=prepare,
        family=family,
        goal=goal,
        tag=assignment,
    )


def _applied(apply: Callable[..., Any], params: Mapping[str, Any], env: Any) -> None:
    apply(env, params)
