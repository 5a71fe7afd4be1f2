"""Lessons in order of difficulty: the next one once the present one is mastered."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from daf_nb.curriculum.strategies.options import number, refuse, whole
from daf_nb.curriculum.strategy import Outcome, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task

__all__ = ["Lessons"]


@register_strategy("lessons")
class Lessons(Strategy):
    """Advances when the mean success over a full window is strictly above the threshold.

    The rule of Unity's ML-Agents (its completion criteria with `measure`, `min_lesson_length`,
    `signal_smoothing` and `threshold`), on success in place of reward. Every `window` episodes of
    the present lesson its mean success m is taken; where smoothed, m becomes .25 old + .75 m, with
    0 for old at first. Advancing forgets both. The last lesson stays. Episodes of other lessons
    count for nothing.

    Args:
        tasks: the lessons; played in order of difficulty, equal ones in the order given.
        rng: source of chance; not drawn from.
        window: episodes of the lesson per check.
        threshold: success in [0, 1] that has to be passed.
        rehearsal: share of all episodes that earlier lessons keep, alike, once there are some.
        smoothing: smooth the means of checks.

    Raises:
        ConfigError: an option outside of what is allowed.
    """

    keeps_order = True
    moves_itself = True

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        window: int = 100,
        threshold: float = 0.6,
        rehearsal: float = 0.5,
        smoothing: bool = True,
    ) -> None:
        super().__init__(tasks, rng)
        self.window = whole("lessons", "window", window, least=1)
        self.threshold = number("lessons", "threshold", threshold, "[0, 1]")
        self.rehearsal = number("lessons", "rehearsal", rehearsal, "[0, 1)")
        if not isinstance(smoothing, bool):
            raise refuse("lessons", "smoothing", smoothing, "True or False")
        self.smoothing = smoothing
        self.order: list[int] = np.argsort(self.difficulties, kind="stable").tolist()
        self._begin(0)

    def shares(self) -> np.ndarray:
        return self.plan

    def update(self, outcome: Outcome) -> None:
        if outcome.task != self.order[self.lesson]:
            return
        self.successes.append(outcome.success)
        if len(self.successes) < self.window:
            return
        mean = math.fsum(self.successes) / self.window
        self.smoothed = 0.25 * self.smoothed + 0.75 * mean if self.smoothing else mean
        self.successes.clear()
        # Rounded, as a smoothed value that settles at the threshold must not pass it by an ulp.
        if round(self.smoothed, 12) > self.threshold and self.lesson + 1 < len(self.order):
            self._begin(self.lesson + 1)

    @property
    def bound(self) -> float:
        """The present lesson's difficulty."""
        return float(self.difficulties[self.order[self.lesson]])

    def shift(self, by: float) -> bool:
        """To the lesson whose difficulty is nearest to `bound + by`.

        It is sought among those that are harder where `by` is positive, or easier where it is
        negative, so that the least shift goes one lesson. Among equals, the first that way.
        """
        gaps = self.difficulties[self.order] - self.bound
        ahead = np.flatnonzero(gaps * by > 0)
        if by < 0:
            ahead = ahead[::-1]
        if len(ahead):
            # Rounded, so that of two that are equally far the first one is taken.
            away = np.round(np.abs(gaps[ahead] - by), 12)
            self._begin(int(ahead[away.argmin()]))
        return True

    def _begin(self, lesson: int) -> None:
        self.lesson = lesson
        self.successes: list[float] = []
        self.smoothed = 0.0
        self.plan = np.zeros(len(self.order))
        if lesson:
            self.plan[self.order[:lesson]] = self.rehearsal / lesson
        self.plan[self.order[lesson]] = 1 - self.rehearsal if lesson else 1.0
