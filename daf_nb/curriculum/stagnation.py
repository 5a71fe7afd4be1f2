"""Stagnation: a bound that does not move, and success that does not change."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from daf_nb.curriculum.state import capture, restore

__all__ = ["Stagnation"]


class Stagnation:
    """Looks at the last W episodes.

    Stagnant are W episodes in which the bound did not move, the mean successes of the first and
    the second half differ by no more than the tolerance, and the task is not mastered.

    Args:
        window: W.
        tolerance: how much the halves may differ.
        mastery: mean success from which nothing needs to change any more.
    """

    def __init__(self, window: int, *, tolerance: float, mastery: float) -> None:
        self.window, self.tolerance, self.mastery = window, tolerance, mastery
        self._successes: deque[float] = deque(maxlen=window)
        self._bound: float | None = None

    def add(self, success: float, bound: float | None) -> None:
        """Takes in one episode, and the bound after it; a move starts the count anew."""
        if bound != self._bound:
            self.clear()
            self._bound = bound
        self._successes.append(success)

    def clear(self) -> None:
        """Starts to count anew, after an answer."""
        self._successes.clear()

    def found(self) -> str | None:
        """What stagnates, in words; None where nothing does."""
        if len(self._successes) < self.window:
            return None
        values, half = np.array(self._successes), self.window // 2
        first, second = float(values[:half].mean()), float(values[half:].mean())
        # Rounded, as .55 - .5 is more than .05 and must not count as more.
        moved = round(abs(second - first), 12) > self.tolerance
        if moved or round(float(values.mean()), 12) >= self.mastery:
            return None
        where = "" if self._bound is None else f" the bound stayed at {self._bound:.3g} and"
        return (
            f"over the last {self.window} episodes{where} mean success went from {first:.2f} to "
            f"{second:.2f}"
        )

    def state_dict(self) -> dict[str, Any]:
        return capture(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore(self, state)
