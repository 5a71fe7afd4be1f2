"""Stagnation: neither the bound nor success moves, over a window, short of mastery."""

from __future__ import annotations

import pytest

from daf_nb.curriculum.stagnation import Stagnation
from tests.curriculum.helpers import through_json


def watch(*successes: float, bound: float | None = None, window: int = 20, **how) -> Stagnation:
    mine = Stagnation(window, **{"tolerance": 0.05, "mastery": 0.9, **how})
    for success in successes:
        mine.add(success, bound)
    return mine


@pytest.mark.parametrize(
    ("successes", "stagnant"),
    [
        ([0.5] * 19, False),
        ([0.5] * 20, True),
        ([0.0] * 20, True),
        ([0.0] * 30 + [0.5] * 20, True),
        ([0.0] * 10 + [0.5] * 10, False),
        ([0.5] * 10 + [0.0] * 10, False),
        ([0.5] * 10 + [0.55] * 10, True),
        ([0.5] * 10 + [0.551] * 10, False),
        ([0.55] * 10 + [0.5] * 10, True),
        ([0.9] * 20, False),
        ([1.0] * 20, False),
        ([0.88] * 10 + [0.91] * 10, True),
        ([0.88] * 10 + [0.92] * 10, False),
    ],
)
def test_stagnant_are_halves_that_differ_by_no_more_than_the_tolerance_short_of_mastery(
    successes, stagnant
):
    assert (watch(*successes).found() is not None) is stagnant


def test_a_move_of_the_bound_starts_the_count_anew():
    mine = watch(*[0.5] * 19, bound=0.3)
    mine.add(0.5, 0.35)
    assert mine.found() is None
    for _ in range(18):
        mine.add(0.5, 0.35)
    assert mine.found() is None
    mine.add(0.5, 0.35)
    assert mine.found() == (
        "over the last 20 episodes the bound stayed at 0.35 and mean success went from 0.50 to 0.50"
    )


def test_without_a_bound_only_success_counts():
    assert watch(*[0.25] * 20).found() == (
        "over the last 20 episodes mean success went from 0.25 to 0.25"
    )


def test_an_answer_starts_the_count_anew():
    mine = watch(*[0.5] * 20)
    mine.clear()
    for _ in range(19):
        mine.add(0.5, None)
    assert mine.found() is None
    mine.add(0.5, None)
    assert mine.found()


def test_a_window_of_odd_length_has_its_middle_in_the_second_half():
    assert watch(*[0] * 10, *[1] * 11, window=21, tolerance=1.0).found() == (
        "over the last 21 episodes mean success went from 0.00 to 1.00"
    )


def test_a_state_that_went_through_json_goes_on_identically():
    first, second = watch(*[0.5] * 12, bound=0.1), watch(1.0, bound=0.9)
    second.load_state_dict(through_json(first.state_dict()))
    for _ in range(8):
        assert second.found() is None
        second.add(0.5, 0.1)
    assert second.found()
