"""How the bound moves, and what does not move it."""

from __future__ import annotations

import pytest

from tests.curriculum.strategies.helpers import make, tell

HALF = [1.0, 0.0] * 50


@pytest.mark.parametrize(
    ("successes", "moved"),
    [
        ([1.0] * 100, 0.05),
        ([0.0] * 100, -0.05),
        (HALF, 0.0),
        ([1.0] * 70 + [0.0] * 30, 0.05),
        ([1.0] * 69 + [0.0] * 31, 0.0),
        ([1.0] * 30 + [0.0] * 70, -0.05),
        ([1.0] * 31 + [0.0] * 69, 0.0),
        ([0.7] * 100, 0.05),
        ([0.3] * 100, -0.05),
        ([1.0] * 99, 0.0),
    ],
)
def test_a_full_queue_of_probes_decides(successes, moved):
    strategy = make("adaptive", start=0.5)
    tell(strategy, 0, *successes, probe=True)
    assert strategy.bound == 0.5 + moved


def test_episodes_below_the_bound_are_ignored():
    strategy = make("adaptive", start=0.5)
    tell(strategy, 0, *[1.0] * 99, probe=True)
    tell(strategy, 0, *[0.0] * 500)
    tell(strategy, 0, 1.0, probe=True)
    assert strategy.bound == 0.55


@pytest.mark.parametrize("first", [[1.0] * 10, [0.0] * 10, [1.0, 0.0] * 5])
def test_the_queue_clears_after_every_decision(first):
    strategy = make("adaptive", start=0.5, queue=10)
    tell(strategy, 0, *first, probe=True)
    decided = strategy.bound
    tell(strategy, 0, *[1.0] * 9, probe=True)
    assert strategy.bound == decided
    tell(strategy, 0, 1.0, probe=True)
    assert strategy.bound == round(decided + 0.05, 12)


def test_the_bound_stays_within_floor_and_one():
    strategy = make("adaptive", queue=1)
    tell(strategy, 0, *[0.0] * 5, probe=True)
    assert strategy.bound == 0.05
    tell(strategy, 0, *[1.0] * 100, probe=True)
    assert strategy.bound == 1.0


def test_steps_reach_the_decimals_they_stand_for():
    strategy = make("adaptive", queue=1)
    bounds = []
    for _ in range(18):
        tell(strategy, 0, 1.0, probe=True)
        bounds.append(strategy.bound)
    assert bounds == [round(0.15 + 0.05 * i, 2) for i in range(18)]
    tell(strategy, 0, *[0.0] * 18, probe=True)
    assert strategy.bound == 0.1


def test_shift_clips_and_forgets_the_probes():
    strategy = make("adaptive", queue=10)
    tell(strategy, 0, *[1.0] * 9, probe=True)
    assert strategy.shift(0.2)
    tell(strategy, 0, 1.0, probe=True)
    assert strategy.bound == 0.3
    assert strategy.shift(-5)
    assert strategy.bound == 0.05
    assert strategy.shift(5)
    assert strategy.bound == 1.0


def test_the_bound_finds_where_success_is_between_low_and_high():
    strategy = make("adaptive", seed=4)
    for _ in range(20_000):
        proposal = strategy.propose()
        success = float(strategy.rng.random() < 1 - proposal.difficulty)
        tell(strategy, 0, success, probe=proposal.probe)
    assert 0.2 <= strategy.bound <= 0.75
