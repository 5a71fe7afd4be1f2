"""Proposals around a bound on the difficulty: at it, to learn whether to move it, or below."""

from __future__ import annotations

import numpy as np

from daf_nb.curriculum.strategy import Proposal

__all__ = ["propose_below"]


def propose_below(bound: float, rng: np.random.Generator, *, at_bound: float) -> Proposal:
    """A probe at the bound, or a difficulty drawn uniformly from [0, bound].

    Args:
        bound: in [0, 1].
        rng: source of chance.
        at_bound: the probability of a probe.
    """
    if rng.random() < at_bound:
        return Proposal(difficulty=bound, probe=True)
    return Proposal(difficulty=bound * rng.random())
