"""What is known of every task: how often it was played, and how well lately."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from daf_nb.curriculum.state import capture, restore

__all__ = ["Ledger"]

_STEADY = 0.1
_VISITS = 300
_MEMORY = 1 / 150


class Ledger:
    """Outcomes by task; `add` costs the same for any number of tasks.

    Args:
        count: tasks, K.
        window: a task's newest episodes that its success is over.
        mastery: success from which a task is mastered.

    Attributes:
        episodes: int [K], all episodes of each task.
    """

    def __init__(self, count: int, *, window: int, mastery: float) -> None:
        self.episodes = np.zeros(count, np.int64)
        self.window, self.mastery = window, mastery
        self._newest = np.zeros((count, window))
        self._sums = np.zeros(count)
        self._smooth = np.zeros(count)
        self._anchor = np.zeros(count)
        self._moved_at = np.zeros(count, np.int64)

    def add(self, task: int, success: float) -> None:
        """Takes in one episode of `task`."""
        before = int(self.episodes[task])
        self.episodes[task] = visits = before + 1
        row, place = self._newest[task], before % self.window
        row[place] = success
        # Summed anew, so that what was subtracted leaves no rounding behind.
        self._sums[task] = row.sum()
        smooth = self._smooth[task]
        smooth += (success - smooth) * max(1.0 / visits, _MEMORY)
        self._smooth[task] = smooth
        if abs(smooth - self._anchor[task]) > _STEADY:
            self._anchor[task], self._moved_at[task] = smooth, visits

    @property
    def counts(self) -> np.ndarray:
        """Int [K]: the episodes that `success` is over."""
        return np.minimum(self.episodes, self.window)

    @property
    def success(self) -> np.ndarray:
        """Float [K]: mean of each task's newest episodes; NaN before the first."""
        counts = self.counts
        return np.where(counts > 0, self._sums / np.maximum(counts, 1), np.nan)

    @property
    def mastered(self) -> np.ndarray:
        """Bool [K]: success at least `mastery` over a full window."""
        # Rounded, as .55 * 100 is more than 55.
        means = np.round(self._sums / self.window, 12)
        return (self.episodes >= self.window) & (means >= self.mastery)

    @property
    def noisy(self) -> np.ndarray:
        """Bool [K]: progress may be noise alone.

        A smoothed success (running mean, later with a memory of 150 visits) that stays within .1
        for over 300 visits, while outcomes differ and the task is not mastered.
        """
        first = self._newest[:, :1]
        filled = np.arange(self.window) < self.counts[:, None]
        varied = ((self._newest != first) & filled).any(1)
        steady = self.episodes - self._moved_at > _VISITS
        return steady & varied & ~self.mastered

    def state_dict(self) -> dict[str, Any]:
        return capture(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore(self, state)
