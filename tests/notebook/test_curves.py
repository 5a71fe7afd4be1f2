"""Curves: what is read of the metrics, how it is pooled, its interval, and how it is thinned."""

from __future__ import annotations

import math

import numpy as np
import pytest

from daf_nb.notebook.curves import Curve, curve, main_curves, return_choices, return_curves
from daf_nb.notebook.history import History, Row

MEAN, STD, EPISODES = "rollout/return_mean", "rollout/return_std", "rollout/episodes"


def read(rows: list[Row]) -> History:
    history = History(rows)
    history.read()
    return history


def the(curves: list[Curve]) -> Curve:
    (one,) = curves
    return one


def test_a_short_run_is_read_as_it_is():
    one = the(return_curves(read([(10, {MEAN: 1.0}), (20, {MEAN: 3.0})])))
    assert (one.name, list(one.steps), list(one.means)) == ("", [10, 20], [1.0, 3.0])


def test_absent_and_undrawable_values_are_left_out():
    values = [1.0, math.nan, math.inf, -math.inf, 1e300, 2.0]
    rows: list[Row] = [(step, {MEAN: value}) for step, value in enumerate(values)]
    one = the(return_curves(read([*rows, (6, {EPISODES: 0.0}), (7, {MEAN: 4.0})])))
    assert (list(one.steps), list(one.means)) == ([0, 5, 7], [1.0, 2.0, 4.0])


@pytest.mark.parametrize("rows", [[], [(1, {})], [(1, {MEAN: math.nan})]])
def test_nothing_to_draw_is_no_curve(rows):
    assert return_curves(read(rows)) == []


def test_groups_have_curves_of_their_own():
    rows: list[Row] = [
        (1, {MEAN: 0.0, "rollout/wolf/return_mean": 1.0, "rollout/a/b/return_mean": 2.0})
    ]
    curves = main_curves(read(rows), ["wolf", "a/b", "sheep"])
    assert [(one.name, list(one.means)) for one in curves] == [("wolf", [1.0]), ("a/b", [2.0])]


@pytest.mark.parametrize("count", [1, 299, 300, 301, 4_321, 100_000])
def test_a_curve_stays_small_and_ends_with_the_newest_row(count):
    one = the(return_curves(read([(step, {MEAN: float(step)}) for step in range(count)])))
    assert min(count, 150) <= len(one.steps) <= 300
    assert one.steps[-1] == count - 1
    assert list(one.steps) == sorted(set(one.steps))
    assert one.means[0] <= count / 150 and one.means[-1] >= count * 149 / 150 - 1


def test_a_growing_curve_keeps_the_points_that_it_has():
    rows: list[Row] = [(step, {MEAN: math.sin(step)}) for step in range(4_750)]
    before, after = the(return_curves(read(rows[:4_500]))), the(return_curves(read(rows)))
    assert list(after.means[: len(before.means) - 1]) == list(before.means[:-1])


def episodes(*updates: list[float]) -> list[Row]:
    """Rows as a trainer would write them of the returns of each update's episodes."""
    rows: list[Row] = []
    count = 0
    for place, returns in enumerate(updates, start=1):
        count += len(returns)
        known = {MEAN: float(np.mean(returns)), STD: float(np.std(returns))} if returns else {}
        rows.append((10 * place, {EPISODES: float(count), **known}))
    return rows


def students(returns: list[float]) -> tuple[float, float]:
    """Mean and half of the 95 % interval by the textbook; the quantiles are those of a table."""
    quantile = {3: 3.182, 5: 2.571, 8: 2.306, 9: 2.262, 12: 2.179}[len(returns) - 1]
    half = quantile * np.std(returns, ddof=1) / math.sqrt(len(returns))
    return float(np.mean(returns)), float(half)


def found(one: Curve, place: int) -> tuple[float, float]:
    """Mean and half of the interval of a point, which is in the middle of it."""
    assert one.means[place] == pytest.approx((one.high[place] + one.low[place]) / 2)
    return one.means[place], (one.high[place] - one.low[place]) / 2


def test_the_interval_is_students_of_the_episodes_of_an_update():
    first, second = [1.0, 2.0, 4.0, 8.0], [3.0, 3.5, 4.0, 9.0, -1.0, 0.5]
    one = the(return_curves(read(episodes(first, second))))
    for place, returns in enumerate([first, second]):
        assert found(one, place) == pytest.approx(students(returns), rel=0.01)


def test_smoothing_pools_the_episodes_of_several_updates():
    updates = [[1.0, 2.0, 4.0, 8.0], [3.0, 9.0], [], [100.0, 104.0, 90.0]]
    one = the(return_curves(read(episodes(*updates)), window=3))
    pooled = updates[1] + updates[2] + updates[3]
    assert one.steps[-1] == 40
    assert one.means[-1] == pytest.approx(np.mean(pooled))
    assert found(one, -2) == pytest.approx(students(updates[0] + updates[1]), rel=0.01)


def test_thinning_pools_as_smoothing_does():
    rng = np.random.default_rng(0)
    updates = [rng.normal(50, 3, count).tolist() for count in [2, 0, 5, 1] * 3 + [4, 3, 0, 6]]
    one = the(return_curves(read(episodes(*updates)), points=4))
    pooled = [value for update in updates[-4:] for value in update]
    assert len(pooled) == 13
    assert found(one, -1) == pytest.approx(students(pooled), rel=0.01)


def test_an_offset_does_not_blur_the_interval():
    near = the(return_curves(read(episodes([1.0, 2.0, 3.0, 4.0]))))
    far = the(return_curves(read(episodes([1e7 + 1, 1e7 + 2, 1e7 + 3, 1e7 + 4]))))
    assert far.high[0] - far.low[0] == pytest.approx(near.high[0] - near.low[0])


def test_few_episodes_have_no_interval_and_others_do():
    one = the(return_curves(read(episodes([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]))))
    assert math.isnan(one.low[0]) and math.isnan(one.high[0])
    assert one.low[1] < one.means[1] < one.high[1]


@pytest.mark.parametrize("absent", [STD, EPISODES])
def test_where_the_spread_is_not_known_there_is_no_interval(absent):
    rows: list[Row] = [
        (step, {name: value for name, value in values.items() if name != absent})
        for step, values in episodes([1.0, 2.0, 3.0, 4.0])
    ]
    one = the(return_curves(read(rows)))
    assert (list(one.low), list(one.high)) == ([], [])


def test_any_metric_has_a_curve():
    loss = curve(read([(1, {"train/loss": 2.0}), (2, {"train/loss": 1.0})]), "train/loss")
    assert loss is not None and list(loss.means) == [2.0, 1.0]
    assert curve(read([(1, {})]), "train/loss") is None


def test_tasks_are_offered_in_the_order_of_the_curriculum_a_few_at_a_time():
    names = [f"task {n}" for n in range(10)]
    rows: list[Row] = [(1, {f"rollout/task/{name}/return_mean": 1.0 for name in reversed(names)})]
    choices = return_choices(read(rows), ["all"], names)
    assert list(choices) == ["all agents", "tasks 1 to 8", "tasks 9 to 10"]
    assert list(choices["tasks 1 to 8"]) == names[:8]
    assert choices["tasks 9 to 10"]["task 9"] == "rollout/task/task 9/return_mean"
    assert list(return_choices(read(rows[:0]), ["a", "b"])) == ["all agents", "groups"]
