"""Return curves: what is read of the metrics, and how it is thinned."""

from __future__ import annotations

import math

import pytest

from daf_nb.notebook.curves import read_curves

MEAN = "rollout/return_mean"


def test_a_short_run_is_read_as_it_is():
    (curve,) = read_curves([(10, {MEAN: 1.0}), (20, {MEAN: 3.0})])
    assert (curve.group, list(curve.steps), list(curve.means)) == ("", [10, 20], [1.0, 3.0])


def test_absent_and_undrawable_values_are_left_out():
    values = [1.0, math.nan, math.inf, -math.inf, 1e300, 2.0]
    rows = [(step, {MEAN: value}) for step, value in enumerate(values)]
    (curve,) = read_curves([*rows, (6, {"rollout/episodes": 0.0}), (7, {MEAN: 4.0})])
    assert (list(curve.steps), list(curve.means)) == ([0, 5, 7], [1.0, 2.0, 4.0])


@pytest.mark.parametrize("rows", [[], [(1, {})], [(1, {MEAN: math.nan})]])
def test_nothing_to_draw_is_no_curve(rows):
    assert read_curves(rows) == []


def test_groups_have_curves_of_their_own():
    rows = [(1, {MEAN: 0.0, "rollout/wolf/return_mean": 1.0, "rollout/a/b/return_mean": 2.0})]
    curves = read_curves(rows, groups=["wolf", "a/b", "sheep"])
    assert [(curve.group, curve.means) for curve in curves] == [("wolf", [1.0]), ("a/b", [2.0])]


@pytest.mark.parametrize("count", [1, 299, 300, 301, 4_321, 100_000])
def test_a_curve_stays_small_and_ends_with_the_newest_row(count):
    (curve,) = read_curves([(step, {MEAN: float(step)}) for step in range(count)])
    assert min(count, 150) <= len(curve.steps) <= 300
    assert curve.steps[-1] == count - 1
    assert list(curve.steps) == sorted(set(curve.steps))
    assert curve.means[0] <= count / 150 and curve.means[-1] >= count * 149 / 150 - 1


def test_a_growing_curve_keeps_the_points_that_it_has():
    rows = [(step, {MEAN: math.sin(step)}) for step in range(4_750)]
    (before,), (after,) = read_curves(rows[:4_500]), read_curves(rows)
    assert list(after.means[: len(before.means) - 1]) == list(before.means[:-1])
