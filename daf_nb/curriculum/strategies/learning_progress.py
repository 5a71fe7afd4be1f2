"""More of the tasks on which success changes, be it for better or for worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from daf_nb.curriculum.strategies.options import number, whole
from daf_nb.curriculum.strategy import Outcome, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task

__all__ = ["LearningProgress", "reweight"]

X = TypeVar("X", float, np.ndarray)


def reweight(x: X, theta: float = 0.1) -> X:
    """f(x) = (1 - theta) x / (x + theta (1 - 2x)), which stretches small success rates.

    Args:
        x: success rates in [0, 1]; 0 and 1 stay, and `theta` becomes 1/2.
        theta: in (0, 1).
    """
    return (1 - theta) * x / (x + theta * (1 - 2 * x))


@register_strategy("learning_progress")
class LearningProgress(Strategy):
    """Bidirectional learning progress (Kanitscheider et al. 2021, arXiv:2106.14876).

    Every `batch` episodes of a task give its success rate p. Two averages follow it, from 0:
    fast += rate (p - fast), then slow += rate (fast - slow). The task's share is proportional to
    abs(f(fast) - f(slow)), with f of `reweight`; so a skill that is being lost comes back as well.

    Args:
        tasks: the curriculum's tasks.
        rng: source of chance; not drawn from.
        rate: of both averages.
        theta: the success rate that f lifts to 1/2.
        batch: episodes of a task per success rate.

    Raises:
        ConfigError: an option outside of what is allowed.
    """

    uniform_share = 0.2

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        rate: float = 0.1,
        theta: float = 0.1,
        batch: int = 20,
    ) -> None:
        super().__init__(tasks, rng)
        self.rate = number("learning_progress", "rate", rate, "(0, 1]")
        self.theta = number("learning_progress", "theta", theta, "(0, 1)")
        self.batch = whole("learning_progress", "batch", batch, least=1)
        count = len(self.names)
        self.episodes = np.zeros(count, np.int64)
        self.successes, self.fast, self.slow, self.weights = np.zeros((4, count))

    @property
    def settings(self) -> tuple[float, float, int]:
        """The options `rate`, `theta` and `batch`."""
        return self.rate, self.theta, self.batch

    def shares(self) -> np.ndarray:
        return self.weights

    def update(self, outcome: Outcome) -> None:
        task = outcome.task
        self.episodes[task] += 1
        self.successes[task] += outcome.success
        if self.episodes[task] < self.batch:
            return
        p = float(self.successes[task] / self.episodes[task])
        fast, slow = float(self.fast[task]), float(self.slow[task])
        fast += self.rate * (p - fast)
        slow += self.rate * (fast - slow)
        self.fast[task], self.slow[task] = fast, slow
        self.weights[task] = abs(reweight(fast, self.theta) - reweight(slow, self.theta))
        self.episodes[task] = self.successes[task] = 0
