"""Shares by the variance of success, all or the top only."""

from __future__ import annotations

import numpy as np
import pytest

from tests.curriculum.strategies.helpers import make, tell


def successes(p: float, count: int = 50) -> list[float]:
    won = round(p * count)
    return [1.0] * won + [0.0] * (count - won)


def test_known_shares():
    strategy = make("learnability")
    for task, p in enumerate((0, 0.1, 0.5, 0.9, 1)):
        tell(strategy, task, *successes(p))
    weights = strategy.shares()
    assert weights == pytest.approx([0, 0.09, 0.25, 0.09, 0], abs=1e-12)
    assert weights / weights.sum() == pytest.approx([0, 0.2093, 0.5814, 0.2093, 0], abs=5e-5)
    assert (weights[0], weights[4]) == (0, 0)


@pytest.mark.parametrize(
    ("seen", "p"),
    [([], 1 / 2), ([1.0], 2 / 3), ([0.0] * 4, 1 / 6), ([0.0] * 5, 0.0), ([1, 1, 0, 1, 0], 0.6)],
)
def test_the_prior_holds_below_five_episodes(seen, p):
    strategy = make("learnability")
    tell(strategy, 3, *seen)
    assert strategy.shares()[3] == pytest.approx(p * (1 - p))


def test_only_the_last_window_counts():
    strategy = make("learnability", window=10)
    tell(strategy, 0, *[1.0] * 30, *[0.0] * 5)
    assert strategy.shares()[0] == 0.25
    tell(strategy, 0, *[0.0] * 5)
    assert strategy.shares()[0] == 0


def test_sums_do_not_drift():
    strategy = make("learnability", window=7)
    tell(strategy, 0, *np.random.default_rng(0).random(10_000).tolist(), *[1.0] * 7)
    assert strategy.shares()[0] == 0


@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_top_places_are_those_of_sorting_and_ties_share_the_last(noise):
    strategy = make("learnability", count=9, window=5, top=4)
    rng = np.random.default_rng(2)
    for _ in range(500):
        task = int(rng.integers(9))
        tell(strategy, task, float(rng.random() < noise))
        weights = strategy.weights
        last = np.sort(weights)[-4]
        expected = (weights > last).astype(float)
        tied = weights == last
        expected[tied] = (4 - expected.sum()) / tied.sum() if last > 0 else 0
        assert strategy.shares() == pytest.approx(expected)


def test_top_begins_with_all_alike():
    assert make("learnability", top=2).shares() == pytest.approx([0.4] * 5)


def test_when_nothing_can_be_learned_shares_are_zero():
    strategy = make("learnability", top=2)
    for task in range(5):
        tell(strategy, task, *[float(task % 2)] * 50)
    assert not strategy.shares().any()
