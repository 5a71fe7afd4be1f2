"""Continuous parameters, drawn from where success was seen to change."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from daf_nb.curriculum.strategies.options import number, whole
from daf_nb.curriculum.strategy import Outcome, Proposal, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError

__all__ = ["AlpGmm"]

_LEAST_COMPONENTS = 2
_FIT = {"covariance_type": "full", "init_params": "k-means++", "max_iter": 6, "reg_covar": 1e-6}


@register_strategy("alp_gmm")
class AlpGmm(Strategy):
    """Absolute learning progress with Gaussian mixtures (Portelas 2019, arXiv:1910.07224).

    An episode at the point x with success r made the progress abs(r - r'), where r' is the success
    at the nearest earlier point, the latest where several are equally near. Every `fit_every`
    episodes, mixtures of 2 to `components` Gaussians are fitted to the (x, progress) of the last
    `fit_every` (scikit-learn's GaussianMixture), and the one of least AIC is kept. A point comes
    from one of its Gaussians, chosen in proportion to its mean progress, clipped into [0, 1]; or,
    with probability `explore` and before the first fit, uniformly from [0, 1]^n.

    With one task, points have a coordinate for each of its `axes`. With several, the point is the
    difficulty, at which the nearest task is played.

    Args:
        tasks: one task with something to choose, or tasks of several difficulties.
        rng: source of chance, for the fits as well.
        explore: share of episodes that are drawn uniformly.
        fit_every: episodes between fits, and in each.
        components: the most Gaussians tried.
        history: the last episodes among which the nearest is sought.

    Raises:
        ConfigError: an option outside of what is allowed, or nothing continuous to choose.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        explore: float = 0.2,
        fit_every: int = 250,
        components: int = 10,
        history: int = 5000,
    ) -> None:
        super().__init__(tasks, rng)
        self.explore = number("alp_gmm", "explore", explore, "[0, 1]")
        self.components = whole("alp_gmm", "components", components, least=_LEAST_COMPONENTS)
        self.fit_every = whole("alp_gmm", "fit_every", fit_every, least=self.components)
        self.history = whole("alp_gmm", "history", history, least=1)
        self.over_tasks = len(tasks) > 1
        axes = 1 if self.over_tasks else len(tasks[0].axes)
        if not axes:
            raise ConfigError(
                f"strategy 'alp_gmm': task {tasks[0].name!r} has nothing continuous to choose; "
                "give it a difficulty (low, high), a parameter Uniform(low, high), or more tasks."
            )
        self.episodes = 0
        self.points = np.zeros((self.history, axes))
        self.successes = np.zeros(self.history)
        self.recent = np.zeros((self.fit_every, axes + 1))
        self.chances = np.zeros(0)
        self.means = np.zeros((0, axes))
        self.factors = np.zeros((0, axes, axes))

    def propose(self) -> Proposal:
        point = tuple(self._draw().tolist())
        return Proposal(difficulty=point[0]) if self.over_tasks else Proposal(point=point)

    def update(self, outcome: Outcome) -> None:
        """Learns from one episode; one that was not played at a point counts for nothing."""
        point = (outcome.difficulty,) if self.over_tasks else outcome.point
        if point is None:
            return
        alp = abs(outcome.success - self._nearest(point)) if self.episodes else 0.0
        slot = self.episodes % self.history
        self.points[slot], self.successes[slot] = point, outcome.success
        self.recent[self.episodes % self.fit_every] = (*point, alp)
        self.episodes += 1
        if self.episodes % self.fit_every == 0:
            self._fit()

    def _nearest(self, point: Sequence[float]) -> float:
        """The success at the nearest earlier point."""
        away = self.points[: min(self.episodes, self.history)] - point
        squared = np.einsum("ij,ij->i", away, away)
        near = np.flatnonzero(squared == squared.min())
        # Points that were clipped are alike: against the oldest, progress would never end.
        ages = (self.episodes - 1 - near) % self.history
        return float(self.successes[near[ages.argmin()]])

    def _draw(self) -> np.ndarray:
        """A point in [0, 1]^n."""
        axes = self.points.shape[1]
        if not len(self.chances) or self.rng.random() < self.explore:
            return self.rng.random(axes)
        chosen = int(np.searchsorted(self.chances, self.rng.random(), side="right"))
        noise = self.factors[chosen] @ self.rng.standard_normal(axes)
        return np.clip(self.means[chosen] + noise, 0.0, 1.0)

    def _fit(self) -> None:
        """Keeps of the best mixture what points are drawn from: its marginals over x."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture
        from threadpoolctl import threadpool_limits

        # More threads only wait for each other here: on a busy machine, many times as long.
        # A few iterations do for where to sample next; so not all of them converge.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixtures = [
                GaussianMixture(count, random_state=int(self.rng.integers(2**31)), **_FIT).fit(
                    self.recent
                )
                for count in range(_LEAST_COMPONENTS, self.components + 1)
            ]
            best: Any = min(mixtures, key=lambda mixture: mixture.aic(self.recent))
        axes = self.points.shape[1]
        progress = np.clip(best.means_[:, axes], 0.0, None) + 1e-12
        self.chances = np.cumsum(progress) / progress.sum()
        self.chances[-1] = 1.0
        self.means = best.means_[:, :axes].copy()
        self.factors = np.linalg.cholesky(best.covariances_[:, :axes, :axes])
