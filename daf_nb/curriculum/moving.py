"""A strategy's bound, moved from outside: whether it can be, and as near to a place as it goes."""

from __future__ import annotations

from daf_nb.curriculum.strategy import Strategy

__all__ = ["approach", "movable"]


def movable(strategy: Strategy) -> bool:
    """The strategy has a bound, and a `shift` of its own. Looking changes nothing."""
    return strategy.bound is not None and type(strategy).shift is not Strategy.shift


def approach(strategy: Strategy, difficulty: float) -> None:
    """Shifts the bound as near to `difficulty` as it goes, and never further away.

    Args:
        strategy: one whose bound is movable.
        difficulty: in [0, 1].
    """
    # The first shift goes there, the second what rounding left of the way.
    for _ in range(2):
        gap = _gap(strategy, difficulty)
        if gap == 0:
            return
        before = strategy.state_dict()
        strategy.shift(gap)
        if abs(_gap(strategy, difficulty)) >= abs(gap):
            strategy.load_state_dict(before)
            return


def _gap(strategy: Strategy, difficulty: float) -> float:
    bound = strategy.bound
    assert bound is not None, "what is movable has a bound"
    return difficulty - bound
