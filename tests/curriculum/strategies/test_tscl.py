"""Slopes of known scores, and who is played for them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.curriculum.strategies.helpers import make, tell


@pytest.mark.parametrize(
    "scores",
    [
        [0.0, 1.0],
        [0.1, 0.2, 0.3, 0.4],
        [0.9, 0.1, 0.4],
        list(np.random.default_rng(0).random(10)),
        list(np.random.default_rng(1).random(37)),
    ],
)
def test_slopes_are_those_of_polyfit_on_the_last_ten(scores):
    strategy = make("tscl")
    tell(strategy, 1, *scores)
    last = scores[-10:]
    expected = np.polyfit(np.arange(len(last)), last, 1)[0]
    assert strategy.slopes[1] == pytest.approx(abs(expected), abs=1e-11)


def test_tasks_without_a_slope_come_first_and_share_alike():
    strategy = make("tscl")
    assert strategy.shares() == pytest.approx([0.2] * 5)
    tell(strategy, 0, 0.0, 0.5)
    tell(strategy, 1, 0.3)
    assert strategy.shares() == pytest.approx([0.02, *[0.9 / 4 + 0.02] * 4])


def test_the_greatest_change_is_played_rising_or_falling():
    strategy = make("tscl", count=3)
    tell(strategy, 0, 0.1, 0.2, 0.3)
    tell(strategy, 1, 0.9, 0.6, 0.3)
    tell(strategy, 2, 0.5, 0.5, 0.5)
    assert strategy.shares() == pytest.approx([0.1 / 3, 0.9 + 0.1 / 3, 0.1 / 3])


def test_equal_scores_have_no_slope_at_all():
    strategy = make("tscl", count=3)
    for task, score in enumerate((0.1, 0.37, 0.7)):
        tell(strategy, task, *[score] * 25)
    assert strategy.slopes.tolist() == [0, 0, 0]
    assert strategy.shares() == pytest.approx([1 / 3] * 3)


def test_epsilon_is_the_share_of_chance():
    strategy = make("tscl", count=4, epsilon=0.4)
    for task in range(4):
        tell(strategy, task, 0.0, 0.1 * task)
    assert strategy.shares() == pytest.approx([0.1, 0.1, 0.1, 0.7])
