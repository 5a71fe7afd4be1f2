"""The tasks of a curriculum by name: added until it begins, then looked up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.goals import Goals
from daf_nb.curriculum.spec import task_from_plain, task_to_plain
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["TaskBook"]


class TaskBook:
    """Tasks in the order in which they were added.

    Args:
        config: its `tasks` are added.

    Attributes:
        closed: no task can be added any more.
    """

    def __init__(self, config: CurriculumConfig) -> None:
        self._config = config
        self._tasks: dict[str, Task] = {}
        self._places: dict[str, int] = {}
        self.closed = False
        for task in config.tasks:
            self.add(task_from_plain(task))

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, name: str) -> Task:
        """The task of that name.

        Raises:
            ConfigError: there is none.
        """
        if not (isinstance(name, str) and name in self._tasks):
            raise ConfigError(unknown_name("task", name, self._tasks))
        return self._tasks[name]

    def place(self, name: str) -> int:
        """Where the task stands among all; errors as by name."""
        return self._places[self[name].name]

    def add(self, task: Task) -> Task:
        """Adds a task.

        Raises:
            ConfigError: it is none, its name is taken, or the book is closed.
        """
        if not isinstance(task, Task):
            raise ConfigError(f"{task!r} is no Task; make one with Task(...), grid or buckets.")
        if self.closed:
            raise ConfigError(
                f"task {task.name!r} comes too late: the curriculum has begun. Make a new "
                "CurriculumManager, or add a task of weight 0 beforehand and raise it later."
            )
        if task.name in self._tasks:
            raise ConfigError(f"task {task.name!r} exists already; give it another name.")
        self._places[task.name] = len(self._tasks)
        self._tasks[task.name] = task
        return task

    def checked(self) -> list[Task]:
        """All tasks.

        Raises:
            ConfigError: there is none, or a target is unknown.
        """
        if not self._tasks:
            raise ConfigError(
                f"curriculum {self._config.name!r} has no task; add one with add_task."
            )
        for name in self._config.target:
            _ = self[name]
        return list(self)

    def targets(self, weights: Sequence[float]) -> list[Task]:
        """The tasks that evaluation plays.

        Those of `config.target`, else the hardest of those that are wanted at all.

        Args:
            weights: of all tasks, as they are now.
        """
        if self._config.target:
            return [self[name] for name in self._config.target]
        wanted = [task for task, weight in zip(self, weights, strict=True) if weight > 0]
        top = max(task.high for task in wanted)
        return [task for task in wanted if task.high == top]

    def goals(self) -> Goals | None:
        """The vectors that observations get, where `config.goal` asks for them."""
        kind = self._config.goal
        return None if kind is None else Goals(list(self), kind)

    def to_plain(self) -> list[dict[str, Any]]:
        """All tasks as data."""
        return [task_to_plain(task) for task in self]
