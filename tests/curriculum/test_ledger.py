"""What is known of every task: windows, mastery, and progress that is only noise."""

from __future__ import annotations

import numpy as np
import pytest

from daf_nb.curriculum.ledger import Ledger
from tests.curriculum.helpers import through_json


def ledger(*successes: float, window: int = 4, mastery: float = 0.9) -> Ledger:
    """One task's episodes, beside a task that is never played."""
    mine = Ledger(2, window=window, mastery=mastery)
    for success in successes:
        mine.add(0, success)
    return mine


def luck(p: float | np.ndarray, count: int, seed: int) -> list[float]:
    return (np.random.default_rng(seed).random(count) < p).astype(float).tolist()


def ever_noisy(successes: list[float], **how) -> bool:
    mine, found = ledger(**how), False
    for success in successes:
        mine.add(0, success)
        found = found or bool(mine.noisy[0])
    return found


def test_success_is_over_the_newest_episodes_of_each_task():
    mine = ledger(1, 1, 0, 0.5, 0.25, 0)
    assert mine.success[0] == pytest.approx((0 + 0.5 + 0.25 + 0) / 4)
    assert np.isnan(mine.success[1])
    assert mine.counts.tolist() == [4, 0] and mine.episodes.tolist() == [6, 0]
    mine.add(1, 1.0)
    assert mine.success.tolist() == [mine.success[0], 1.0]


def test_success_does_not_drift_over_many_fractions():
    mine = ledger(*(np.random.default_rng(0).random(20_000) * 1e-3), *[0.0] * 4)
    assert mine.success[0] == 0.0


@pytest.mark.parametrize(
    ("successes", "mastery", "mastered"),
    [
        ([1, 1, 1], 0.9, False),
        ([1, 1, 1, 1], 0.9, True),
        ([0, 0, 1, 1, 1, 1], 1.0, True),
        ([1, 1, 1, 0.5], 0.9, False),
        ([1, 1], 0.5, False),
        ([0.9] * 4, 0.9, True),
        ([0.3, 0.3, 0.3, 0.3], 0.3, True),
    ],
)
def test_mastery_needs_a_full_window_at_least_there(successes, mastery, mastered):
    assert ledger(*successes, mastery=mastery).mastered.tolist() == [mastered, False]


@pytest.mark.parametrize("percent", [7, 14, 28, 29, 55, 56, 57, 58, 90])
def test_mastery_is_met_by_exactly_so_many_of_100(percent):
    enough = [1.0] * percent + [0.0] * (100 - percent)
    assert ledger(*enough, window=100, mastery=percent / 100).mastered[0]
    assert not ledger(*enough[1:], 0.0, window=100, mastery=percent / 100).mastered[0]


@pytest.mark.parametrize("p", [0.05, 0.5, 0.8])
def test_noise_is_suspected_by_800_visits(p):
    assert [ever_noisy(luck(p, 800, seed), window=100) for seed in range(20)] == [True] * 20


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_once_suspected_noise_mostly_stays_so(p):
    on = []
    for seed in range(10):
        mine = ledger(*luck(p, 800, seed), window=100)
        for success in luck(p, 1200, 100 + seed):
            mine.add(0, success)
            on.append(bool(mine.noisy[0]))
    assert np.mean(on) > 0.8


@pytest.mark.parametrize("visits", [300, 600, 900])
def test_a_student_who_steadily_improves_is_not_suspected(visits):
    rising = np.arange(visits) / visits
    assert [ever_noisy(luck(rising, visits, s), window=100) for s in range(10)] == [False] * 10


def test_noise_needs_more_than_300_visits():
    steady = [0.45, 0.55] * 150
    assert not ever_noisy(steady, window=100)
    assert ever_noisy([*steady, 0.45, 0.55], window=100)


@pytest.mark.parametrize("window", [100, 1000])
@pytest.mark.parametrize("success", [0.0, 0.5, 1.0])
def test_outcomes_that_never_differ_are_no_noise(window, success):
    assert not ever_noisy([success] * 700, window=window)


def test_a_mastered_task_is_not_suspected():
    mine = ledger(*luck(0.97, 1000, 1), window=100)
    assert mine.mastered[0] and not mine.noisy[0]


def test_a_state_that_went_through_json_goes_on_identically():
    first, second = ledger(*luck(0.5, 290, 0), window=100), ledger(1.0, window=7)
    second.load_state_dict(through_json(first.state_dict()))
    for success in luck(0.5, 200, 1):
        for mine in (first, second):
            mine.add(0, success)
        assert second.noisy.tolist() == first.noisy.tolist()
    assert second.state_dict() == first.state_dict()
    assert second.success[0] == first.success[0]
