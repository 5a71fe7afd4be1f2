"""The shapes at known times, and the difficulty that follows them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from daf_nb.curriculum.strategies import SCHEDULES, schedule_value
from daf_nb.errors import ConfigError
from tests.curriculum.strategies.helpers import make

KNOWN = [
    ("linear", {}, 0.25, 0.25),
    ("exponential", {"k": 3}, 0.25, 0.05853),
    ("exponential", {"k": 3}, 0.5, 0.18243),
    ("exponential", {"k": 3}, 0.75, 0.44472),
    ("sqrt", {"c0": 0.01}, 0.25, 0.50007),
    ("sqrt", {"c0": 0.01}, 0.5, 0.70714),
    ("cosine", {}, 0.25, 0.14645),
    ("cosine", {}, 0.5, 0.5),
    ("sigmoid", {"slope": 10}, 0.25, 0.0701),
    ("sigmoid", {"slope": 10}, 0.5, 0.5),
    ("step", {"steps": 4}, 0.2499, 0.0),
    ("step", {"steps": 4}, 0.25, 0.25),
    ("step", {"steps": 4}, 0.9, 0.75),
    ("step", {"steps": 100}, 0.29, 0.29),
]


@pytest.mark.parametrize(("kind", "options", "t", "expected"), KNOWN)
def test_known_values(kind, options, t, expected):
    digits = 5e-5 if kind == "sigmoid" else 5e-6
    assert schedule_value(kind, t, **options) == pytest.approx(expected, abs=digits)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_every_shape_rises_from_its_start_to_one_and_stays(kind):
    values = [schedule_value(kind, t) for t in np.linspace(0, 1, 101)]
    assert values[0] == pytest.approx(0.01 if kind == "sqrt" else 0.0, abs=1e-15)
    assert values[-1] == pytest.approx(1.0, abs=1e-15)
    assert all(a <= b for a, b in itertools.pairwise(values))
    assert schedule_value(kind, 7.0) == schedule_value(kind, 1.0)
    assert schedule_value(kind, -1.0) == schedule_value(kind, 0.0)


def test_an_unknown_shape_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'cosine'"):
        schedule_value("cosin", 0.5)


@pytest.mark.parametrize(
    ("progress", "expected"), [(0.0, 0.2), (0.2, 0.35), (0.4, 0.5), (0.8, 0.8), (1.0, 0.8)]
)
def test_point_plays_the_difficulty_of_the_time(progress, expected):
    strategy = make("schedule", start=0.2, end=0.8)
    strategy.progress = progress
    assert strategy.propose().difficulty == pytest.approx(expected)
    assert strategy.bound == pytest.approx(expected)


def test_a_schedule_may_fall():
    strategy = make("schedule", start=1.0, end=0.5, fraction=1.0)
    strategy.progress = 0.5
    assert strategy.bound == pytest.approx(0.75)


def test_options_of_the_shape_arrive():
    strategy = make("schedule", kind="exponential", k=5.0, fraction=1.0)
    strategy.progress = 0.5
    assert strategy.bound == pytest.approx(math.expm1(2.5) / math.expm1(5))


def test_expand_draws_uniformly_up_to_the_difficulty():
    strategy = make("schedule", mode="expand")
    strategy.progress = 0.4
    drawn = np.array([strategy.propose().difficulty for _ in range(4000)])
    parts = np.histogram(drawn, bins=5, range=(0, 0.5))[0] / len(drawn)
    assert parts == pytest.approx([0.2] * 5, abs=0.03)
