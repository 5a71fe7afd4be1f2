"""A difficulty that seeks a success rate, by a little after every episode there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daf_nb.curriculum.strategies.bounds import propose_below
from daf_nb.curriculum.strategies.options import number
from daf_nb.curriculum.strategy import Outcome, Proposal, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task

__all__ = ["RobbinsMonro"]


@register_strategy("robbins_monro")
class RobbinsMonro(Strategy):
    """d = clip(d + eta (s - target), 0, 1) after every probe with success s.

    Stochastic approximation (Robbins and Monro 1951) with a constant step, so that it follows a
    learner who gets better: d comes to where the success rate is `target`. A share of the episodes
    are probes at d, the others are drawn uniformly from [0, d] and move nothing.

    Args:
        tasks: the curriculum's tasks.
        rng: source of chance.
        eta: the step.
        target: the success rate sought.
        start: the first difficulty.
        at_bound: share of episodes that are probes.

    Raises:
        ConfigError: an option outside of what is allowed.
    """

    moves_itself = True

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        eta: float = 0.002,
        target: float = 0.6,
        start: float = 0.1,
        at_bound: float = 0.5,
    ) -> None:
        super().__init__(tasks, rng)
        self.eta = number("robbins_monro", "eta", eta, "(0, 1]")
        self.target = number("robbins_monro", "target", target, "(0, 1)")
        self.at_bound = number("robbins_monro", "at_bound", at_bound, "(0, 1]")
        self._bound = number("robbins_monro", "start", start, "[0, 1]")

    def propose(self) -> Proposal:
        return propose_below(self._bound, self.rng, at_bound=self.at_bound)

    def update(self, outcome: Outcome) -> None:
        if outcome.probe:
            self.shift(self.eta * (outcome.success - self.target))

    @property
    def bound(self) -> float:
        return self._bound

    def shift(self, by: float) -> bool:
        self._bound = min(max(self._bound + by, 0.0), 1.0)
        return True
