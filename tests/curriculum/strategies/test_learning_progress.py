"""The reweighting, the two averages, and what has weight in the end."""

from __future__ import annotations

import numpy as np
import pytest

from daf_nb.curriculum.strategies import reweight
from tests.curriculum.strategies.helpers import make, tell


def test_reweighting_at_known_rates():
    rates = np.array([0.0, 0.05, 0.1, 0.5, 0.9, 1.0])
    expected = [0.0, 0.32143, 0.5, 0.9, 0.98780, 1.0]
    assert reweight(rates, 0.1) == pytest.approx(expected, abs=5e-6)
    assert [reweight(float(rate), 0.1) for rate in rates] == pytest.approx(expected, abs=5e-6)


def test_the_gap_of_fast_and_slow_after_a_step_peaks_at_the_ninth_rate():
    strategy = make("learning_progress", batch=1)
    gaps = []
    for _ in range(60):
        tell(strategy, 2, 1.0)
        gaps.append(float(strategy.fast[2] - strategy.slow[2]))
    assert gaps[:2] == pytest.approx([0.09, 0.162])
    assert np.argmax(gaps) in (8, 9)
    assert gaps[8] == pytest.approx(0.34868, abs=5e-6)
    assert max(gaps) == pytest.approx(gaps[8], abs=1e-12)
    assert gaps == pytest.approx([n * 0.1 * 0.9**n for n in range(1, 61)])


def test_a_rate_comes_of_a_full_batch():
    strategy = make("learning_progress")
    tell(strategy, 1, *[1.0] * 19)
    assert not strategy.shares().any()
    tell(strategy, 1, 0.0)
    assert strategy.fast[1] == pytest.approx(0.1 * 0.95)
    assert strategy.slow[1] == pytest.approx(0.01 * 0.95)
    expected = reweight(0.095, 0.1) - reweight(0.0095, 0.1)
    assert strategy.shares() == pytest.approx([0, expected, 0, 0, 0])


def test_the_next_batch_begins_anew():
    strategy = make("learning_progress", batch=2)
    tell(strategy, 0, 1.0, 1.0, 0.0, 0.0)
    assert strategy.fast[0] == pytest.approx(0.1 * 0.9)


def test_constant_success_loses_its_weight():
    strategy = make("learning_progress", batch=1)
    tell(strategy, 0, *[0.5] * 400)
    for success in np.linspace(0, 1, 400):
        tell(strategy, 1, float(success))
    shares = strategy.shares() / strategy.shares().sum()
    assert shares[0] < 1e-9
    mixed = (1 - strategy.uniform_share) * shares + strategy.uniform_share / 5
    assert mixed[0] == pytest.approx(0.2 / 5)


def test_a_skill_that_is_lost_has_weight():
    strategy = make("learning_progress", batch=1)
    tell(strategy, 0, *[1.0] * 400)
    settled = strategy.shares()[0]
    tell(strategy, 0, *[0.5] * 5)
    assert settled < 1e-9
    assert strategy.shares()[0] > 0.005
    assert strategy.fast[0] < strategy.slow[0]
