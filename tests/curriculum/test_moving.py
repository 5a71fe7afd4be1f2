"""A bound moved from outside: as near as it goes, and never further away."""

from __future__ import annotations

import pytest

from daf_nb.curriculum.moving import approach, movable
from tests.curriculum.strategies.helpers import ALL, make, tell


@pytest.mark.parametrize("name", ALL)
def test_what_is_movable_is_said_without_moving_it(name):
    strategy = make(name, **ALL[name])
    before = strategy.state_dict()
    assert movable(strategy) is (name in ("adaptive", "lessons", "robbins_monro"))
    assert strategy.state_dict() == before


@pytest.mark.parametrize(
    ("name", "wanted", "reached"),
    [
        ("lessons", 0.29, 0.2),
        ("lessons", 0.31, 0.4),
        ("lessons", 0.93, 1.0),
        ("lessons", 0.0, 0.2),
        ("adaptive", 0.01, 0.05),
        ("adaptive", 0.333, 0.333),
        ("robbins_monro", 1 / 3, 1 / 3),
        ("robbins_monro", 0.0, 0.0),
    ],
)
def test_the_nearest_place_is_reached(name, wanted, reached):
    strategy = make(name)
    approach(strategy, wanted)
    assert strategy.bound == reached
    approach(strategy, wanted)
    assert strategy.bound == reached


def test_what_is_near_enough_already_forgets_nothing():
    strategy = make("lessons")
    tell(strategy, 0, *[1.0] * 30)
    before = strategy.state_dict()
    approach(strategy, 0.29)
    assert strategy.state_dict() == before
