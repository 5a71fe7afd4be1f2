"""Signals: which metric is meant, and what is measured of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from daf_nb.config import Action, Rule
from daf_nb.control.signals import Meter, gain, nearest, readings


def meter(**fields: Any) -> Meter:
    return Meter(Rule(name="r", signal="s", low=0.0, below=Action(verb="stop"), **fields))


def measured(meter: Meter, *values: float) -> list[float | None]:
    seen = []
    for value in values:
        meter.measure(value)
        seen.append(meter.smoothed)
    return seen


def test_a_metric_is_taken_by_its_name_before_a_short_name():
    assert readings("rollout/length_mean", {"rollout/length_mean": 3}) == {None: 3.0}
    assert readings("success", {"rollout/success": 0.5}) == {None: 0.5}
    assert readings("success", {"rollout/success": 0.5, "success": 0.25}) == {None: 0.25}
    assert readings("kl", {"train/approx_kl": 0.01, "train/kl": 2.0}) == {None: 0.01}


def test_a_learners_metric_is_found_in_every_group_where_it_is_not_there_as_it_is():
    metrics = {"train/wolves/approx_kl": 1.0, "train/sheep/approx_kl": 2.0, "train/sheep/loss": 3.0}
    assert readings("kl", metrics) == {"wolves": 1.0, "sheep": 2.0}
    assert readings("train/approx_kl", {**metrics, "train/approx_kl": 4.0}) == {None: 4.0}
    assert readings("train/sheep/approx_kl", metrics) == {None: 2.0}


def test_tasks_are_not_taken_for_groups():
    assert readings("return", {"rollout/task/far/return_mean": 1.0}) == {}
    assert readings("return", {"rollout/wolves/return_mean": 1.0}) == {}


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_missing_or_not_finite_is_no_value(value):
    assert readings("a", {"a": value}) == {}
    assert readings("kl", {"train/x/approx_kl": value, "train/y/approx_kl": 1.0}) == {"y": 1.0}


def test_an_unknown_signal_is_told_with_the_nearest_metric():
    names = ["train/approx_kl", "train/loss"]
    said = nearest("train/aprox_kl", names)
    assert said == "no metric 'train/aprox_kl' so far; 'train/approx_kl' is like it"
    assert nearest("success", names) == "no metric 'success' so far"


def test_smoothing_weighs_the_old_value():
    assert measured(meter(smoothing=0.75), 4.0, 0.0, 4.0) == [4.0, 3.0, 3.25]
    assert measured(meter(), 4.0, 0.0) == [4.0, 0.0]


def test_relative_is_to_the_mean_of_the_first_values_once_they_are_there():
    seen = measured(meter(measure="relative", window=3), 100.0, 140.0, 60.0, 50.0, 400.0)
    assert seen == [None, None, 0.6, 0.5, 4.0]


def test_relative_to_nothing_says_nothing():
    assert measured(meter(measure="relative", window=2), 1.0, -1.0, 5.0) == [None, None, None]


def test_gain_compares_the_halves_of_a_full_window_in_standard_deviations():
    seen = measured(meter(measure="gain", window=4), 0.0, 0.0, 1.0, 1.0, 1.0, 0.0)
    assert seen[:3] == [None, None, None]
    # 1 - 0 over .5; then 0, 1, 1, 1 and 1, 1, 1, 0.
    assert seen[3] == 2.0
    assert seen[4] == pytest.approx(0.5 / math.sqrt(3 / 16))
    assert seen[5] == pytest.approx(-0.5 / math.sqrt(3 / 16))


def test_what_stands_still_gains_nothing_and_a_straight_line_most():
    assert gain([0.3] * 20) == 0.0
    assert gain([1e-13 * i for i in range(20)]) < 0.001
    assert gain(range(1000)) == pytest.approx(math.sqrt(3), rel=1e-3)


def test_the_middle_of_an_odd_window_is_in_neither_half():
    assert gain([0.0, 0.0, 3.0, 1.0, 1.0]) == pytest.approx(1 / math.sqrt(1.2))


def test_gain_does_not_depend_on_unit_or_level():
    values = [0.1, 0.5, 0.2, 0.9, 0.7, 0.8]
    assert gain([40.0 * value - 7.0 for value in values]) == pytest.approx(gain(values))


def test_values_are_gathered_until_they_stand_for_enough_episodes():
    gathering = meter(episodes=10)
    assert gathering.gather(1.0, 4) is None
    assert gathering.gather(0.0, 4) is None
    assert gathering.gather(0.5, 4) == pytest.approx((4 + 0 + 2) / 12)
    assert gathering.gather(0.25, 10) == 0.25
    assert gathering.value == 0.25


def test_a_value_of_nobody_knows_how_many_episodes_stands_by_itself():
    assert meter(episodes=10).gather(0.5, None) == 0.5
    assert meter().gather(0.5, 1) == 0.5


@pytest.mark.parametrize("measure", ["value", "relative", "gain"])
def test_a_cleared_meter_begins_anew_and_still_tells_the_newest_value(measure):
    def seen(meter: Meter) -> list[float | None]:
        told = []
        for step in range(20):
            whole = meter.gather(math.sin(step), 3)
            if whole is not None:
                meter.measure(whole)
            told.append(meter.smoothed)
        return told

    used = meter(measure=measure, window=4, episodes=5, smoothing=0.5)
    fresh = Meter(used.rule)
    first = seen(used)
    used.gather(9.0, 2)
    used.clear()
    assert used.value == 9.0
    assert seen(used) == seen(fresh) == first
    assert first[-1] is not None
