"""Prioritised level replay: tasks on which the value estimate errs, and those not seen for long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from daf_nb.curriculum.strategies.options import number
from daf_nb.curriculum.strategy import Outcome, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task

__all__ = ["Plr", "merge_parts"]


def merge_parts(parts: Iterable[tuple[float, int]]) -> float:
    """The score of an episode that was learned from in parts, such as over several rollouts.

    Args:
        parts: (mean absolute advantage, live rows) of each.

    Returns:
        The mean over all rows; 0 where there are none.
    """
    total, rows = 0.0, 0
    for mean, length in parts:
        total += mean * length
        rows += length
    return total / rows if rows else 0.0


@register_strategy("plr")
class Plr(Strategy):
    """Prioritised level replay (Jiang, Grefenstette and Rocktäschel 2021, arXiv:2010.03934).

    A task's score is the mean absolute advantage (GAE) of its last episode, as told to `score`; a
    task is seen once it has one. Among the tasks seen,
    P = (1 - rho) P_rank + rho P_staleness: P_rank is proportional to (1 / rank)^(1 / beta), rank 1
    for the greatest score and ties in the order of tasks; P_staleness to the episodes since the
    task's last one. The tasks seen have as much of all episodes as they are of all tasks; the
    rest is for the others, alike.

    Args:
        tasks: the curriculum's tasks.
        rng: source of chance; not drawn from.
        beta: temperature; the smaller, the more goes to the first ranks.
        rho: share of staleness.

    Attributes:
        ranked: int, the tasks seen, the greatest score first.

    Raises:
        ConfigError: an option outside of what is allowed.
    """

    needs_advantages = True

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        beta: float = 0.3,
        rho: float = 0.3,
    ) -> None:
        super().__init__(tasks, rng)
        self.beta = number("plr", "beta", beta, "[0.01, inf)")
        self.rho = number("plr", "rho", rho, "[0, 1]")
        count = len(self.names)
        self.scores = np.zeros(count)
        self.ranked = np.zeros(0, np.int64)
        self.last = np.zeros(count, np.int64)
        self.episodes = 0
        self.by_rank = np.arange(1.0, count + 1) ** (-1 / self.beta)

    def shares(self) -> np.ndarray:
        shares = np.ones(len(self.scores))
        n = len(self.ranked)
        if n:
            shares[self.ranked] = n * self._replay(n)
        return shares

    def _replay(self, n: int) -> np.ndarray:
        """P of the `n` tasks seen, in the order of their ranks, with sum 1."""
        by_rank = self.by_rank[:n]
        stale = self.episodes - self.last[self.ranked]
        total = stale.sum()
        by_staleness = stale / total if total else 1 / n
        return by_rank * ((1 - self.rho) / by_rank.sum()) + self.rho * by_staleness

    def update(self, outcome: Outcome) -> None:
        self.episodes += 1
        self.last[outcome.task] = self.episodes

    def score(self, task: int, value: float) -> None:
        # Put in its place: sorting 10 000 tasks anew would cost more than all the rest.
        others = self.ranked[self.ranked != task]
        falling = -self.scores[others]
        first = int(np.searchsorted(falling, -value, side="left"))
        end = int(np.searchsorted(falling, -value, side="right"))
        place = first + int(np.searchsorted(others[first:end], task))
        self.ranked = np.concatenate((others[:place], [task], others[place:]))
        self.scores[task] = value
