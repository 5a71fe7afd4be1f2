"""Reports of episodes by hand: what was played, and a success that is one."""

from __future__ import annotations

from typing import Any

from daf_nb.curriculum.assignments import Assignment
from daf_nb.curriculum.book import TaskBook
from daf_nb.curriculum.parameters import is_drawn
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import ConfigError

__all__ = ["checked_success", "played"]


def checked_success(task: Any, performance: Any) -> float:
    """The success that was reported of a task.

    Raises:
        ConfigError: none in [0, 1].
    """
    try:
        success = bool(0 <= performance <= 1)
    except (TypeError, ValueError):
        success = False
    if not success:
        raise ConfigError(
            f"performance={performance!r} of task {str(task)!r}: success in [0, 1] is needed; "
            "scale a return between declared bounds first."
        )
    return float(performance)


def played(teacher: Teacher, book: TaskBook, task: str | Assignment) -> Assignment:
    """What was played: the assignment, or a task's name as an episode at the curriculum's level.

    What would have been drawn for a task by name is not known, and left out.

    Raises:
        ConfigError: an unknown task, or an assignment of another curriculum.
    """
    if isinstance(task, Assignment):
        if book.place(task.task) != task.index:
            raise ConfigError(
                f"the assignment of task {task.task!r} is one of another curriculum; report it "
                "there, or by the task's name."
            )
        return task
    known, index = book[task], book.place(task)
    bound = teacher.strategy.bound
    level = teacher.chooser.level if bound is None else bound
    return Assignment(
        task,
        index,
        min(max(level, known.low), known.high),
        {name: value for name, value in known.env_kwargs.items() if not is_drawn(value)},
        {name: value for name, value in known.config.items() if not is_drawn(value)},
        probe=bound is not None and bool(teacher.chooser.nearest_ones(bound)[index]),
    )
