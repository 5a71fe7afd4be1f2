"""The recursion in closed form, its target, its limits."""

from __future__ import annotations

import numpy as np
import pytest

from tests.curriculum.strategies.helpers import make, tell


def test_expected_outcomes_give_the_geometric_approach():
    strategy = make("robbins_monro", eta=0.1, target=0.7, start=0.9)
    for t in range(1, 11):
        tell(strategy, 0, 1 - strategy.bound, probe=True)
        assert strategy.bound == pytest.approx(0.3 + 0.6 * 0.9**t, abs=1e-12)
    assert strategy.bound == pytest.approx(0.509207, abs=5e-7)


def test_only_probes_move_it():
    strategy = make("robbins_monro")
    tell(strategy, 0, *[1.0] * 50)
    assert strategy.bound == 0.1


def test_it_stays_in_the_unit_interval():
    strategy = make("robbins_monro", eta=0.5)
    tell(strategy, 0, *[0.0] * 5, probe=True)
    assert strategy.bound == 0.0
    tell(strategy, 0, *[1.0] * 10, probe=True)
    assert strategy.bound == 1.0


def test_chance_outcomes_bring_it_to_the_target():
    strategy = make("robbins_monro", seed=1, eta=0.01)
    bounds = []
    for _ in range(10_000):
        proposal = strategy.propose()
        success = float(strategy.rng.random() < 1 - proposal.difficulty)
        tell(strategy, 0, success, probe=proposal.probe)
        bounds.append(strategy.bound)
    assert np.mean(bounds[-5000:]) == pytest.approx(1 - 0.6, abs=0.03)


def test_shift_moves_and_clips():
    strategy = make("robbins_monro")
    assert strategy.shift(0.25)
    assert strategy.bound == pytest.approx(0.35)
    assert strategy.shift(-1)
    assert strategy.bound == 0.0
