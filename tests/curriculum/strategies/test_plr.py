"""Ranks and staleness at known scores, tasks not seen yet, episodes in parts."""

from __future__ import annotations

import numpy as np
import pytest

from daf_nb.curriculum.strategies import merge_parts
from tests.curriculum.strategies.helpers import make, tell


def shares(strategy) -> np.ndarray:
    return strategy.shares() / strategy.shares().sum()


def test_known_shares():
    strategy = make("plr", count=3, beta=0.1, rho=0.1)
    for task, value in enumerate((1.0, 3.0, 2.0)):
        strategy.score(task, value)
    tell(strategy, 0, 0.5)
    tell(strategy, 1, *[0.5] * 4)
    tell(strategy, 2, 0.5)
    tell(strategy, 1, *[0.5] * 5)
    assert (strategy.episodes - strategy.last).tolist() == [10, 0, 5]
    assert shares(strategy) == pytest.approx([0.066682, 0.899107, 0.034211], abs=5e-7)


def test_unseen_tasks_have_their_part_alike():
    strategy = make("plr", count=4)
    assert shares(strategy) == pytest.approx([0.25] * 4)
    tell(strategy, 2, 0.0)
    strategy.score(2, 5.0)
    assert shares(strategy) == pytest.approx([0.25] * 4)
    tell(strategy, 0, 0.0)
    strategy.score(0, 7.0)
    first, second = 1.0, 2 ** (-1 / 0.3)
    replay = 0.7 * np.array([first, second]) / (first + second) + 0.3 * np.array([0.0, 1.0])
    assert shares(strategy) == pytest.approx([replay[0] / 2, 0.25, replay[1] / 2, 0.25])


def test_ranks_are_those_of_sorting_with_ties_in_task_order():
    strategy = make("plr", count=12, rho=0.0)
    rng = np.random.default_rng(0)
    scores: dict[int, float] = {}
    for _ in range(400):
        task, value = int(rng.integers(12)), float(rng.integers(4))
        strategy.score(task, value)
        scores[task] = value
        assert strategy.ranked.tolist() == sorted(scores, key=lambda task: (-scores[task], task))


def test_a_small_beta_plays_the_greatest_score_only():
    strategy = make("plr", count=3, beta=0.01, rho=0.0)
    for task, value in enumerate((1.0, 3.0, 2.0)):
        strategy.score(task, value)
    assert shares(strategy) == pytest.approx([0, 1, 0], abs=1e-12)


def test_staleness_brings_every_task_back():
    strategy = make("plr", count=3, beta=0.01, rho=0.5)
    for task, value in enumerate((1.0, 3.0, 2.0)):
        tell(strategy, task, 0.5)
        strategy.score(task, value)
    tell(strategy, 1, *[0.5] * 97)
    assert shares(strategy) == pytest.approx([0.5 * 99 / 196, 0.5, 0.5 * 97 / 196], abs=1e-12)


def test_it_asks_for_advantages():
    assert make("plr").needs_advantages
    assert not make("learnability").needs_advantages


@pytest.mark.parametrize(
    ("parts", "score"),
    [
        ([(1.0, 10), (1.0, 10)], 1.0),
        ([(1.0, 30), (5.0, 10)], 2.0),
        ([(3.0, 7)], 3.0),
        ([(2.0, 4), (9.0, 0)], 2.0),
        ([], 0.0),
    ],
)
def test_parts_of_an_episode_merge_by_length(parts, score):
    assert merge_parts(parts) == score
    assert merge_parts(iter(parts)) == score
