"""What one episode is played with: a task with everything drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Assignment"]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task with everything drawn: what one episode is played with.

    Attributes:
        task: the task's name.
        index: its place in the curriculum.
        difficulty: in [0, 1].
        env_kwargs: constructor arguments to change.
        config: reset options, or what `apply` reads.
        probe: the episode is played at the strategy's bound, and moves it.
        point: the place in [0, 1]^n that the strategy chose, or None.
    """

    task: str
    index: int
    difficulty: float
    env_kwargs: Mapping[str, Any]
    config: Mapping[str, Any]
    probe: bool = False
    point: tuple[float, ...] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Every value by name, the task's name and the difficulty included: the slice axes."""
        return {
            "task": self.task,
            "difficulty": self.difficulty,
            **self.env_kwargs,
            **self.config,
        }

    def __str__(self) -> str:
        return self.task
