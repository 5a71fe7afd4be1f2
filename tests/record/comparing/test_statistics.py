"""Formulas against scipy and against numbers by hand."""

import itertools

import numpy as np
import pytest
from scipy import stats

from daf_nb.record.comparing.statistics import iqm, iqm_estimates, probability_of_improvement


def draw(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("count", range(1, 41))
def test_the_interquartile_mean_is_that_of_rliable(count):
    values = draw(count).normal(size=(count, 3))
    np.testing.assert_allclose(iqm(values, axis=0), stats.trim_mean(values, 0.25, axis=0))


def test_the_interquartile_mean_by_hand():
    assert iqm([9.0]) == 9.0
    assert iqm([1.0, 2.0, 9.0]) == 4.0
    assert iqm([100.0, 2.0, 1.0, 4.0]) == 3.0
    assert iqm([0.0, 0.0, *range(1, 7), 1e9, 1e9]) == 3.5


def test_an_interval_of_every_possible_drawing():
    """Of 3 runs there are 27 drawings; so many drawings find their percentiles."""
    values = np.array([0.0, 1.0, 5.0])
    means = [np.mean(drawn) for drawn in itertools.product(values, repeat=3)]
    (found,) = iqm_estimates(values[:, None], "aaa", times=200_000, generator=draw())
    assert found.value == 2.0
    assert (found.low, found.high) == pytest.approx(
        tuple(np.percentile(np.repeat(means, 10_000), [2.5, 97.5]))
    )


def test_the_interval_agrees_with_scipys_bootstrap():
    values = draw(3).normal(size=12)
    (found,) = iqm_estimates(values[:, None], ["a"] * 12, times=50_000, generator=draw())
    theirs = stats.bootstrap(
        (values,),
        lambda drawn, axis: stats.trim_mean(drawn, 0.25, axis=axis),
        n_resamples=50_000,
        method="percentile",
        rng=draw(1),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Of 20 runs with a symmetric score, whose IQM is 0; it is known to be a bit narrow."""
    generator = draw(7)
    samples = generator.normal(size=(20, 400))
    found = iqm_estimates(samples, ["a"] * 20, times=1000, generator=generator)
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    assert 0.88 < covered < 0.98


def test_runs_are_drawn_within_their_stratum_only():
    values = np.array([[0.0], [0.0], [7.0], [7.0], [7.0], [7.0]])
    (found,) = iqm_estimates(values, "aabbbb", times=500, generator=draw())
    assert found.low == found.high == found.value == iqm(values[:, 0])
    (pooled,) = iqm_estimates(values, "aaaaaa", times=500, generator=draw())
    assert pooled.low < pooled.value


@pytest.mark.parametrize("seed", range(20))
def test_the_probability_of_improvement_is_mann_whitneys_u_over_the_pairs(seed):
    generator = draw(seed)
    first = generator.integers(0, 5, size=generator.integers(1, 12)).astype(float)
    second = generator.integers(0, 5, size=generator.integers(1, 12)).astype(float)
    found = probability_of_improvement([first], [second], times=200, generator=generator)
    u = stats.mannwhitneyu(first, second).statistic
    assert found.value == pytest.approx(u / (len(first) * len(second)))
    back = probability_of_improvement([second], [first], times=200, generator=generator)
    assert back.value == pytest.approx(1 - found.value)
    assert 0 <= found.low <= found.high <= 1


def test_the_probability_of_improvement_over_tasks_is_the_mean_of_theirs():
    first = [np.array([1.0, 2.0]), np.array([5.0])]
    second = [np.array([1.0]), np.array([6.0, 5.0])]
    found = probability_of_improvement(first, second, times=200, generator=draw())
    assert found.value == pytest.approx((0.75 + 0.25) / 2)


def test_the_interval_of_a_probability_is_that_of_every_possible_drawing():
    first, second = np.array([0.0, 2.0]), np.array([1.0, 2.0, -1.0])
    every = [
        np.mean([(x > y) + 0.5 * (x == y) for x in ours for y in theirs])
        for ours in itertools.product(first, repeat=2)
        for theirs in itertools.product(second, repeat=3)
    ]
    found = probability_of_improvement([first], [second], times=100_000, generator=draw())
    expected = np.percentile(np.repeat(every, 1000), [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx(tuple(expected))
