"""More of the tasks that sometimes succeed and sometimes fail."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daf_nb.curriculum.strategies.options import whole
from daf_nb.curriculum.strategy import Outcome, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task

__all__ = ["Learnability"]

_FEW = 5


@register_strategy("learnability")
class Learnability(Strategy):
    """Shares proportional to p (1 - p), the variance of success and failure.

    Sampling for learnability (Rutherford 2024, arXiv:2408.15099).

    p is the mean success over the task's last `window` episodes; below 5 episodes it is
    (s + 1) / (n + 2), Laplace's rule for s successes in n, so that an unseen task has the most.

    Args:
        tasks: the curriculum's tasks.
        rng: source of chance; not drawn from.
        window: the last episodes of a task that count.
        top: only so many tasks, those of the greatest p (1 - p), alike, as in the paper. Tasks that
            tie for the last places have a part each; those with p (1 - p) = 0 have none.

    Raises:
        ConfigError: an option outside of what is allowed.
    """

    uniform_share = 0.1

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        window: int = 50,
        top: int | None = None,
    ) -> None:
        super().__init__(tasks, rng)
        count = len(self.names)
        self.window = whole("learnability", "window", window, least=1)
        self.top = None if top is None else whole("learnability", "top", top, least=1, most=count)
        self.successes = np.zeros((count, self.window))
        self.episodes = np.zeros(count, np.int64)
        self.weights = np.full(count, 0.25)
        self.last_place, self.above, self.tied = 0.0, 0, 0
        self._count_places()

    def shares(self) -> np.ndarray:
        if self.top is None:
            return self.weights
        shares = (self.weights > self.last_place).astype(float)
        if self.last_place > 0:
            shares[self.weights == self.last_place] = (self.top - self.above) / self.tied
        return shares

    def update(self, outcome: Outcome) -> None:
        task = outcome.task
        seen = int(self.episodes[task])
        row = self.successes[task]
        row[seen % self.window] = outcome.success
        self.episodes[task] = seen + 1
        n = min(seen + 1, self.window)
        # Summed anew: a running sum of fractions drifts, and then p = 1 is not told from .9999.
        s = float(row.sum())
        p = s / n if n >= _FEW else (s + 1) / (n + 2)
        before, now = float(self.weights[task]), p * (1 - p)
        self.weights[task] = now
        if self.top is None or before == now:
            return
        last = self.last_place
        self.above += (now > last) - (before > last)
        self.tied += (now == last) - (before == last)
        if not self.above < self.top <= self.above + self.tied:
            self._count_places()

    def _count_places(self) -> None:
        """Finds the weight of the last place, and how many are above it and at it."""
        if self.top is not None:
            last = self.last_place = float(np.partition(self.weights, -self.top)[-self.top])
            self.above = int(np.count_nonzero(self.weights > last))
            self.tied = int(np.count_nonzero(self.weights == last))
