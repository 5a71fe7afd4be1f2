"""The task whose scores change the fastest, by the slope of its last scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daf_nb.curriculum.strategies.options import number, whole
from daf_nb.curriculum.strategy import Outcome, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task

__all__ = ["Tscl"]


@register_strategy("tscl")
class Tscl(Strategy):
    """Teacher-student curriculum learning, the window algorithm (Matiisen 2017, arXiv:1707.00183).

    A task's slope is the least-squares slope of its last `window` scores against their index. The
    task of the greatest absolute slope is played, ties alike, and any task with probability
    `epsilon`. A task with fewer than two scores has no slope yet and counts as 1, which no slope of
    scores in [0, 1] exceeds: all tasks are tried first.

    Args:
        tasks: the curriculum's tasks.
        rng: source of chance; not drawn from.
        window: scores that a slope is taken of.
        epsilon: share of episodes that are drawn from all tasks alike.

    Raises:
        ConfigError: an option outside of what is allowed.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        window: int = 10,
        epsilon: float = 0.1,
    ) -> None:
        super().__init__(tasks, rng)
        self.window = whole("tscl", "window", window, least=2)
        self.epsilon = number("tscl", "epsilon", epsilon, "[0, 1]")
        count = len(self.names)
        self.scores = np.zeros((count, self.window))
        self.counts = np.zeros(count, np.int64)
        self.slopes = np.ones(count)

    def shares(self) -> np.ndarray:
        best = self.slopes == self.slopes.max()
        shares = best * ((1 - self.epsilon) / np.count_nonzero(best))
        shares += self.epsilon / len(shares)
        return shares

    def update(self, outcome: Outcome) -> None:
        task = outcome.task
        row = self.scores[task]
        row[:-1] = row[1:]
        row[-1] = outcome.success
        n = min(int(self.counts[task]) + 1, self.window)
        self.counts[task] = n
        if n > 1:
            self.slopes[task] = abs(_slope(row[-n:]))


def _slope(scores: np.ndarray) -> float:
    """Of the line of least squares through (0, scores[0]), (1, scores[1]), ..."""
    n = len(scores)
    centred = np.arange(n) - (n - 1) / 2
    # Rounded, so that equal scores have the slope 0 and not what the sum's rounding leaves.
    return round(float(centred @ scores) * 12 / (n * (n * n - 1)), 12)
