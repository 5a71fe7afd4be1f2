"""One task, and no other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daf_nb.curriculum.strategies.options import whole
from daf_nb.curriculum.strategy import Strategy, register_strategy
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["Fixed"]


@register_strategy("fixed")
class Fixed(Strategy):
    """Plays one task.

    Args:
        tasks: the curriculum's tasks.
        rng: source of chance; not drawn from.
        task: its name, or its place in the curriculum.

    Raises:
        ConfigError: there is no such task.
    """

    keeps_order = True

    def __init__(
        self, tasks: Sequence[Task], rng: np.random.Generator, *, task: str | int = 0
    ) -> None:
        super().__init__(tasks, rng)
        if isinstance(task, str):
            if task not in self.names:
                raise ConfigError(unknown_name("task", task, self.names))
            task = self.names.index(task)
        self.task = whole("fixed", "task", task, least=0, most=len(self.names) - 1)

    def shares(self) -> np.ndarray:
        shares = np.zeros(len(self.names))
        shares[self.task] = 1.0
        return shares
