"""One task, and no other; at one difficulty, if asked, that a person or a rule may move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daf_nb.curriculum.strategies.options import number, refuse, whole
from daf_nb.curriculum.strategy import Proposal, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["Fixed"]


@register_strategy("fixed")
class Fixed(Strategy):
    """Plays one task, or one difficulty.

    Args:
        tasks: the curriculum's tasks.
        rng: source of chance; not drawn from.
        task: its name, or its place in the curriculum.
        difficulty: a bound at which every episode is played, by the hardest task that is no harder;
            only what comes from outside moves it. None plays all difficulties of the task alike.

    Raises:
        ConfigError: there is no such task, or both were asked for.
    """

    keeps_order = True

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        task: str | int = 0,
        difficulty: float | None = None,
    ) -> None:
        super().__init__(tasks, rng)
        if isinstance(task, str):
            if task not in self.names:
                raise ConfigError(unknown_name("task", task, self.names))
            task = self.names.index(task)
        self.task = whole("fixed", "task", task, least=0, most=len(self.names) - 1)
        if difficulty is not None and self.task:
            raise refuse("fixed", "difficulty", difficulty, "None, where a task is named")
        self._bound = difficulty
        if difficulty is not None:
            self._bound = number("fixed", "difficulty", difficulty, "[0, 1]")

    def propose(self) -> Proposal | None:
        return None if self._bound is None else Proposal(difficulty=self._bound)

    @property
    def bound(self) -> float | None:
        return self._bound

    def shift(self, by: float) -> bool:
        if self._bound is None:
            return False
        # Rounded, so that steps of .05 down and up again meet.
        self._bound = round(min(max(self._bound + by, 0.0), 1.0), 12)
        return True

    def shares(self) -> np.ndarray:
        shares = np.zeros(len(self.names))
        shares[self.task] = 1.0
        return shares
