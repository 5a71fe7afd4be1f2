"""When a lesson is passed, and what is played meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from daf_nb.curriculum.strategies import Lessons
from daf_nb.curriculum.tasks import Task
from tests.curriculum.strategies.helpers import make, tell


def test_smoothing_begins_at_zero_so_perfect_success_needs_two_checks():
    strategy = make("lessons", threshold=0.8)
    tell(strategy, 0, *[1.0] * 100)
    assert (strategy.smoothed, strategy.bound) == (0.75, 0.2)
    tell(strategy, 0, *[1.0] * 99)
    assert (strategy.smoothed, strategy.bound) == (0.75, 0.2)
    tell(strategy, 0, 1.0)
    assert strategy.bound == 0.4


def test_the_second_check_is_of_the_smoothed_value():
    stays = make("lessons", threshold=0.9375)
    passes = make("lessons", threshold=0.9374)
    for strategy in (stays, passes):
        tell(strategy, 0, *[1.0] * 200)
    assert (stays.bound, passes.bound) == (0.2, 0.4)
    assert stays.smoothed == 0.9375


@pytest.mark.parametrize(
    ("successes", "bound"),
    [
        ([1.0] * 99, 0.2),
        ([1.0] * 100, 0.4),
        ([1.0] * 60 + [0.0] * 40, 0.2),
        ([1.0] * 61 + [0.0] * 39, 0.4),
        ([0.6] * 100, 0.2),
    ],
    ids=["99 of 100", "100", "equal", "above", "equal fractions"],
)
def test_only_a_full_window_strictly_above_the_threshold_advances(successes, bound):
    strategy = make("lessons", smoothing=False)
    tell(strategy, 0, *successes)
    assert strategy.bound == bound


def test_a_smoothed_value_that_settles_at_the_threshold_never_passes_it():
    strategy = make("lessons", window=10)
    tell(strategy, 0, *[0.6] * 2000)
    assert strategy.smoothed == pytest.approx(0.6)
    assert strategy.bound == 0.2


def test_a_check_is_of_its_own_window_and_not_of_a_sliding_one():
    strategy = make("lessons", window=10, smoothing=False)
    tell(strategy, 0, *[0.0] * 5, *[1.0] * 5)
    tell(strategy, 0, *[1.0] * 5)
    assert strategy.bound == 0.2
    tell(strategy, 0, *[1.0] * 5)
    assert strategy.bound == 0.4


def test_advancing_forgets_the_window_and_the_smoothed_value():
    strategy = make("lessons", window=10, threshold=0.7)
    tell(strategy, 0, *[1.0] * 10)
    assert (strategy.smoothed, strategy.successes, strategy.bound) == (0.0, [], 0.4)


def test_the_last_lesson_stays():
    strategy = make("lessons", window=10, count=2, smoothing=False)
    tell(strategy, 0, *[1.0] * 10)
    tell(strategy, 1, *[1.0] * 50)
    assert strategy.bound == 1.0
    assert strategy.shares().tolist() == [0.5, 0.5]


def test_episodes_of_other_lessons_do_not_count():
    strategy = make("lessons", window=10, smoothing=False)
    for other in (1, 2, 3, 4):
        tell(strategy, other, *[1.0] * 50)
    assert (strategy.bound, strategy.successes) == (0.2, [])


def test_earlier_lessons_keep_half_of_the_episodes_alike():
    strategy = make("lessons")
    assert strategy.shares().tolist() == [1, 0, 0, 0, 0]
    strategy.shift(0.2)
    assert strategy.shares().tolist() == [0.5, 0.5, 0, 0, 0]
    strategy.shift(0.2)
    assert strategy.shares().tolist() == [0.25, 0.25, 0.5, 0, 0]


def unsorted(**options) -> Lessons:
    """Lessons of which two are equally hard, given in another order."""
    tasks = [Task("c", 0.9), Task("a", 0.2), Task("b", 0.5), Task("b2", (0.4, 0.6))]
    return Lessons(tasks, np.random.default_rng(0), rehearsal=0.0, **options)


def present(strategy: Lessons) -> str:
    return strategy.names[int(strategy.shares().argmax())]


def test_lessons_come_in_order_of_difficulty_and_equal_ones_as_given():
    strategy = unsorted(window=1, smoothing=False)
    order = [present(strategy)]
    for _ in range(3):
        tell(strategy, strategy.names.index(order[-1]), 1.0)
        order.append(present(strategy))
    assert order == ["a", "b", "b2", "c"]


def test_shift_goes_to_the_nearest_lesson_one_at_least_and_no_further_than_the_ends():
    strategy = make("lessons")
    bounds = []
    for by in (0.05, 0.3, -0.05, -1, -1, 0.29, 0.31, 0.0, 0.31, -0.41, 1, 1):
        assert strategy.shift(by)
        bounds.append(strategy.bound)
    assert bounds == [0.4, 0.6, 0.4, 0.2, 0.2, 0.4, 0.8, 0.8, 1.0, 0.6, 1.0, 1.0]


@pytest.mark.parametrize("by", [0.05, 0.25, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("start", range(5))
def test_a_shift_is_undone_by_the_way_that_it_went(start, by):
    strategy = make("lessons")
    for _ in range(start):
        strategy.shift(0.05)
    for way in (by, -by):
        old = strategy.bound
        strategy.shift(way)
        strategy.shift(old - strategy.bound)
        assert strategy.bound == old


def test_shift_leads_to_harder_or_easier_lessons_and_never_to_one_that_is_alike():
    strategy = unsorted()
    visited = []
    for by in (0.05, 0.05, -0.05, -0.05):
        strategy.shift(by)
        visited.append(present(strategy))
    assert visited == ["b", "c", "b2", "a"]


def test_shift_forgets_what_was_seen_of_the_lesson():
    strategy = make("lessons", window=10, smoothing=False)
    tell(strategy, 0, *[1.0] * 9)
    strategy.shift(0.05)
    strategy.shift(-0.05)
    tell(strategy, 0, 1.0)
    assert strategy.bound == 0.2
