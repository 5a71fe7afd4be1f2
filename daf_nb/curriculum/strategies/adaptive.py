"""A bound on the difficulty that rises with success at the bound, and falls with failure there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from daf_nb.curriculum.strategies.bounds import propose_below
from daf_nb.curriculum.strategies.options import number, refuse, whole
from daf_nb.curriculum.strategy import Outcome, Proposal, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task

__all__ = ["Adaptive"]


@register_strategy("adaptive")
class Adaptive(Strategy):
    """Automatic domain randomisation (OpenAI 2019, arXiv:1910.07113) of one scalar difficulty.

    A share of the episodes are probes at the bound, the others are drawn uniformly from [0, bound].
    The outcomes of `queue` probes decide together, and are forgotten then: a mean of `high` or more
    raises the bound by `step`, one of `low` or less lowers it, within [floor, 1].

    Args:
        tasks: the curriculum's tasks.
        rng: source of chance.
        start: the first bound.
        step: by how much the bound moves.
        high: mean success that raises the bound.
        low: mean success that lowers it.
        floor: the least bound.
        queue: probes per decision.
        at_bound: share of episodes that are probes.

    Raises:
        ConfigError: an option outside of what is allowed, or `low` not below `high`.
    """

    moves_itself = True

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        start: float = 0.1,
        step: float = 0.05,
        high: float = 0.7,
        low: float = 0.3,
        floor: float = 0.05,
        queue: int = 100,
        at_bound: float = 0.5,
    ) -> None:
        super().__init__(tasks, rng)
        self.floor = number("adaptive", "floor", floor, "[0, 1]")
        if number("adaptive", "start", start, "[0, 1]") < floor:
            raise refuse("adaptive", "start", start, f"a number in [{floor}, 1] (floor to 1)")
        self.step = number("adaptive", "step", step, "(0, 1]")
        self.raise_at = number("adaptive", "high", high, "(0, 1]")
        self.lower_at = number("adaptive", "low", low, "[0, 1)")
        if low >= high:
            raise refuse("adaptive", "low", low, f"a number below high={high}")
        self.probes = whole("adaptive", "queue", queue, least=1)
        self.at_bound = number("adaptive", "at_bound", at_bound, "(0, 1]")
        self.successes: list[float] = []
        self._bound = float(start)

    def propose(self) -> Proposal:
        return propose_below(self._bound, self.rng, at_bound=self.at_bound)

    def update(self, outcome: Outcome) -> None:
        if not outcome.probe:
            return
        self.successes.append(outcome.success)
        if len(self.successes) < self.probes:
            return
        mean = round(math.fsum(self.successes) / self.probes, 12)
        self.successes.clear()
        up, down = mean >= self.raise_at, mean <= self.lower_at
        self.shift(self.step * (up - down))

    @property
    def bound(self) -> float:
        return self._bound

    def shift(self, by: float) -> bool:
        """Moves the bound, within [floor, 1]; if it moves, forgets the probes so far."""
        # Rounded, so that steps of .05 from .1 reach .15 and 1 and not their neighbours.
        moved = round(min(max(self._bound + by, self.floor), 1.0), 12)
        if by and moved != self._bound:
            self._bound = moved
            self.successes.clear()
        return True
