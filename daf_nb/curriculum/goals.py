"""A task as a vector, for policies that are told what they are asked to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from daf_nb.curriculum.assignments import Assignment
from daf_nb.curriculum.parameters import Choice, Integers, Uniform
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import TaskGenerationError

__all__ = ["Goals"]


class Goals:
    """Vectors of assignments, every entry in [0, 1].

    Args:
        tasks: the curriculum's tasks.
        kind: "task" for one entry per task, 1 for the one that is played; "parameters" for the
            difficulty, then every numeric value, scaled between its bounds over all tasks (0 where
            a task does not have it).

    Attributes:
        names: what each entry says.

    Raises:
        TaskGenerationError: a function of the difficulty raised; the task is named.
    """

    def __init__(self, tasks: Sequence[Task], kind: Literal["task", "parameters"]) -> None:
        self._kind = kind
        self._bounds: dict[str, tuple[float, float]] = {}
        if kind == "task":
            self.names = [task.name for task in tasks]
            return
        for task in tasks:
            for name, value in {**task.env_kwargs, **task.config}.items():
                for number in _extremes(name, value, task):
                    low, high = self._bounds.get(name, (number, number))
                    self._bounds[name] = min(low, number), max(high, number)
        self._bounds.pop("difficulty", None)
        self.names = ["difficulty", *self._bounds]

    def __call__(self, assignment: Assignment) -> np.ndarray:
        """Float32 [len(names)]."""
        goal = np.zeros(len(self.names), np.float32)
        if self._kind == "task":
            goal[assignment.index] = 1
            return goal
        values = assignment.values
        goal[0] = assignment.difficulty
        for place, (name, (low, high)) in enumerate(self._bounds.items(), start=1):
            if _is_number(values.get(name)) and high > low:
                goal[place] = min(1.0, max(0.0, (values[name] - low) / (high - low)))
        return goal


def _extremes(name: str, value: Any, task: Task) -> list[float]:
    if isinstance(value, (Uniform, Integers)):
        found: list[Any] = [value.low, value.high]
    elif isinstance(value, Choice):
        found = list(value.values)
    elif callable(value):
        try:
            found = [value(task.low), value(task.high)]
        except Exception as error:
            raise TaskGenerationError(
                f"task {task.name!r}: {name} raised {type(error).__name__}: {error}", task=task.name
            ) from error
    else:
        found = [value]
    return [float(number) for number in found if _is_number(number)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating))
