"""Success by task parameter: known bins, known intervals, nothing lost and nothing made up."""

from __future__ import annotations

import enum
import itertools
import json
import math
from statistics import NormalDist

import numpy as np
import pytest

from daf_nb.curriculum.slices import OutcomeLog, Slices, slice_outcomes, wilson_interval
from daf_nb.errors import ConfigError

Z = NormalDist().inv_cdf(0.975)


class Shape(enum.Enum):
    ROUND = 1


def along(name: str, values: list, successes: list[float] | None = None) -> list:
    successes = successes or [1.0] * len(values)
    return [({name: value}, s) for value, s in zip(values, successes, strict=True)]


def of(slices: Slices) -> tuple[tuple[str, ...], list[int]]:
    (axis,) = slices.axes
    return axis.labels, slices.episodes.tolist()


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (8, 10, 0.4901625, 0.9433178),
        (5, 10, 0.2365931, 0.7634069),
        (0, 10, 0.0, 0.2775328),
        (10, 10, 0.7224672, 1.0),
        (1, 1, 0.2065493, 1.0),
    ],
)
def test_wilsons_interval_has_its_known_values(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=1e-6)


def test_its_ends_solve_wilsons_equation():
    """(rate - p)² = z² p (1 - p) / n at both ends p."""
    n = np.arange(1, 40, dtype=float)
    s = np.floor(n * 0.37)
    for end in wilson_interval(s, n):
        np.testing.assert_allclose((s / n - end) ** 2, Z**2 * end * (1 - end) / n, atol=1e-12)


def test_its_extreme_ends_are_exact_and_nothing_is_known_of_no_trials():
    n = np.arange(1, 3000, dtype=float)
    assert np.all(wilson_interval(np.zeros_like(n), n)[0] == 0)
    assert np.all(wilson_interval(n, n)[1] == 1)
    low, high = wilson_interval(np.array([[0.0, 1.0]]), np.array([[0.0, 2.0]]))
    assert low.shape == (1, 2) and np.isnan([low[0, 0], high[0, 0]]).all()
    assert (low[0, 1], high[0, 1]) == wilson_interval(1, 2)
    assert all(math.isnan(end) for end in wilson_interval(0, 0))


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 2), (float("nan"), 2)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(ConfigError, match="0 to n"):
        wilson_interval(successes, n)


def test_numbers_are_cut_into_intervals_of_equal_width():
    outcomes = along("d", [0.0, 0.1, 0.3, 0.5, 0.9, 1.0], [1, 0, 1, 0.5, 0, 1])
    slices = slice_outcomes(outcomes, "d")
    assert of(slices) == (("0..0.2", "0.2..0.4", "0.4..0.6", "0.6..0.8", "0.8..1"), [2, 1, 1, 0, 2])
    np.testing.assert_array_equal(slices.success, [0.5, 1.0, 0.5, np.nan, 0.5])
    assert slices.axes[0].edges == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert (slices.low[0], slices.high[0]) == wilson_interval(1, 2)
    assert (slices.low[2], slices.high[2]) == wilson_interval(0.5, 1)
    assert slices.left_out == 0


def test_the_empty_bin_is_there_and_says_that_it_is_empty():
    slices = slice_outcomes(along("d", [0.0, 0.1, 0.3, 0.5, 0.9, 1.0]), ["d"])
    assert slices.episodes[3] == 0
    assert np.isnan([slices.success[3], slices.low[3], slices.high[3]]).all()
    row = slices.to_frame().set_index("d").loc["0.6..0.8"]
    assert row["episodes"] == 0 and row[["success", "low", "high"]].isna().all()


def test_an_edge_belongs_to_the_interval_above_it_and_the_last_to_the_one_below():
    """0.6 is below the third edge as numpy computes it, 0.6000000000000001."""
    slices = slice_outcomes(along("d", [k / 10 for k in range(11)]), "d")
    assert slices.episodes.tolist() == [2, 2, 2, 2, 3]
    whole = slice_outcomes(along("n", list(range(10))), "n", bins=3)
    assert of(whole) == (("0..3", "3..6", "6..9"), [3, 3, 4])


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([-1, -0.2, 0.1, 1, 0.5], ("-1..0", "0..1")),
        ([0.00012, 0.1, 0.3, 0.99998], ("0..0.5", "0.5..1")),
        ([1e-9, 2e-9, 5e-9], ("1e-09..3e-09", "3e-09..5e-09")),
        ([1e9, 2e9, 3e9], ("1000000000..2000000000", "2000000000..3000000000")),
    ],
)
def test_intervals_are_written_as_short_as_tells_them_apart(values, labels):
    assert slice_outcomes(along("d", values), "d", bins=2).axes[0].labels == labels


@pytest.mark.parametrize(
    ("values", "labels", "episodes"),
    [
        ([10, 2, 2, 5], ("2", "5", "10"), [2, 1, 1]),
        ([0.5, 0.25, 1.0, 1], ("0.25", "0.5", "1"), [1, 1, 2]),
        ([0.3, 0.1 + 0.2], ("0.29999999999999999", "0.30000000000000004"), [1, 1]),
        ([*"fbadecg"], tuple("abcdefg"), [1] * 7),
        ([True, False, True], ("False", "True"), [1, 2]),
        ([1, None, "b", "a", 0.5], ("0.5", "1", "None", "a", "b"), [1] * 5),
        ([np.int64(3), np.float32(0.5), 3], ("0.5", "3"), [1, 2]),
        ([(1, 2), (1, 2), Shape.ROUND], ("(1, 2)", "<Shape.ROUND: 1>"), [2, 1]),
    ],
    ids=["ints", "floats", "close", "texts", "bools", "mixed", "numpy", "objects"],
)
def test_few_numbers_and_everything_else_are_categories_in_order(values, labels, episodes):
    slices = slice_outcomes(along("x", values), "x")
    assert of(slices) == (labels, episodes)
    assert slices.axes[0].edges is None


def test_two_axes_are_counted_together():
    outcomes = [
        ({"map": "b", "n": 1}, 1.0),
        ({"map": "a", "n": 1}, 0.0),
        ({"map": "a", "n": 2}, 1.0),
        ({"map": "a", "n": 1}, 1.0),
    ]
    slices = slice_outcomes(outcomes, ["map", "n"])
    assert slices.episodes.tolist() == [[2, 1], [1, 0]]
    np.testing.assert_array_equal(slices.success, [[0.5, 1.0], [1.0, np.nan]])
    frame = slices.to_frame()
    assert list(frame.columns) == ["map", "n", "episodes", "success", "low", "high"]
    assert list(zip(frame["map"], frame["n"], frame["episodes"], strict=True)) == [
        ("a", "1", 2),
        ("a", "2", 1),
        ("b", "1", 1),
        ("b", "2", 0),
    ]


def test_three_axes_agree_with_counting_by_hand():
    rng = np.random.default_rng(0)
    outcomes = [
        ({"d": float(rng.random()), "n": int(rng.integers(3)), "map": str(rng.choice(["x", "y"]))},
         float(rng.random() < 0.4))
        for _ in range(400)
    ]  # fmt: skip
    slices = slice_outcomes(outcomes, ("d", "n", "map"), bins=4)
    assert slices.episodes.shape == (4, 3, 2) and slices.episodes.sum() == 400
    edges = slices.axes[0].edges
    assert edges is not None
    for i, n, k in itertools.product(range(4), range(3), range(2)):
        mine = [
            success
            for at, success in outcomes
            if edges[i] <= at["d"] <= edges[i + 1] and at["n"] == n and at["map"] == "xy"[k]
        ]
        assert slices.episodes[i, n, k] == len(mine)
        assert slices.success[i, n, k] == pytest.approx(np.mean(mine))
        assert slices.low[i, n, k] == wilson_interval(sum(mine), len(mine))[0]


def test_what_lacks_an_axis_or_is_not_finite_there_is_left_out_and_counted():
    outcomes = [
        *along("d", [0.1, 0.2, float("nan"), float("inf"), 10**400]),
        ({"other": 1}, 0.0),
    ]
    slices = slice_outcomes(outcomes, "d")
    assert of(slices) == (("0.1", "0.2"), [1, 1]) and slices.left_out == 4
    assert slices.success.tolist() == [1.0, 1.0]


def test_the_frames_own_columns_are_not_lost_to_an_axis_of_their_name():
    frame = slice_outcomes(along("low", [3, 4]), "low").to_frame()
    assert list(frame.columns) == ["low_", "episodes", "success", "low", "high"]
    assert frame["low_"].tolist() == ["3", "4"]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ([], "one to three"),
        (["a", "b", "task", "c"], "one to three"),
        (["a", "a"], "one to three different"),
        ("tusk", r"unknown axis 'tusk'\. Did you mean 'task'\? Known: a, b, task\."),
        (["task", "c"], "unknown axis 'c'"),
        (["a", "b"], "a and b at once"),
    ],
    ids=str,
)
def test_axes_that_cannot_be_are_refused(axes, message):
    outcomes = [({"task": "x", "a": 1}, 1.0), ({"task": "y", "b": 1}, 1.0)]
    with pytest.raises(ConfigError, match=message):
        slice_outcomes(outcomes, axes)


def test_nothing_to_slice_no_bins_and_too_many_are_refused():
    with pytest.raises(ConfigError, match="no outcome to slice"):
        slice_outcomes(OutcomeLog(), "task")
    with pytest.raises(ConfigError, match="bins=0"):
        slice_outcomes(along("d", [1]), "d", bins=0)
    many = [({"a": f"{k}", "b": f"{k}"}, 1.0) for k in range(400)]
    with pytest.raises(ConfigError, match=r"160,000 bins \(a 400, b 400\)"):
        slice_outcomes(many, ["a", "b"])


def test_the_log_keeps_the_newest_and_its_own_copy():
    log, values = OutcomeLog(limit=3), {"n": 0}
    for n in range(5):
        values["n"] = n
        log.add(values, n / 4)
    assert len(log) == 3 and list(log) == [({"n": 2}, 0.5), ({"n": 3}, 0.75), ({"n": 4}, 1.0)]
    assert of(slice_outcomes(log, "n")) == (("2", "3", "4"), [1, 1, 1])
    log.clear()
    assert len(log) == 0


def test_the_log_can_grow_while_it_is_read():
    log = OutcomeLog()
    log.add({"n": 1}, 1.0)
    for values, success in log:
        log.add(values, success)
    assert len(log) == 2


@pytest.mark.parametrize("success", [-0.1, 1.1, float("nan")])
def test_the_log_refuses_a_success_that_is_none(success):
    with pytest.raises(ConfigError, match=r"\[0, 1\]"):
        OutcomeLog().add({}, success)


def test_the_logs_state_passes_through_strict_json_exactly():
    values = [0.1 + 0.2, 1, True, None, "a", float("inf"), float("nan"), -0.0, 2**70, np.int8(3)]
    log = OutcomeLog()
    for value in [*values, (1, 2), Shape.ROUND]:
        log.add({"x": value, "task": "t"}, 1 / 3)
    state = json.loads(json.dumps(log.state_dict(), allow_nan=False))
    again = OutcomeLog()
    again.add({"x": "gone"}, 0.0)
    again.load_state_dict(state)
    assert again.state_dict() == log.state_dict()
    kept = [seen["x"] for seen, success in again if success == 1 / 3 and seen["task"] == "t"]
    assert repr(kept) == repr([*values[:-1], 3, "(1, 2)", "<Shape.ROUND: 1>"])
    one, other = (slice_outcomes(each, "x") for each in (log, again))
    assert one.axes[0].labels == other.axes[0].labels and one.left_out == other.left_out == 2
    assert np.array_equal(one.episodes, other.episodes)


def test_a_longer_state_is_cut_to_the_newest():
    log, short = OutcomeLog(), OutcomeLog(limit=2)
    for n in range(4):
        log.add({"n": n}, 1.0)
    short.load_state_dict(log.state_dict())
    assert [values["n"] for values, _ in short] == [2, 3]


def test_outcomes_with_other_parameters_keep_their_own():
    log = OutcomeLog(limit=3)
    rows = [({"a": 1}, 0.0), ({"b": None, "a": {}}, 0.5), ({}, 0.25), ({"a": np.inf, "c": 2}, 1.0)]
    for values, success in rows:
        log.add(values, success)
    kept = [({"b": None, "a": "{}"}, 0.5), ({}, 0.25), ({"a": np.inf, "c": 2}, 1.0)]
    assert list(log) == kept
    again = OutcomeLog()
    again.load_state_dict(json.loads(json.dumps(log.state_dict(), allow_nan=False)))
    assert list(again) == kept
    again.add({"c": 3}, 0.0)
    assert list(again) == [*kept, ({"c": 3}, 0.0)]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"outcomes": [1]},
        {"successes": [1.0], "columns": {"n": []}},
        {"successes": [1.0], "columns": {"n": [[2]]}},
        {"successes": 3, "columns": {}},
    ],
    ids=str,
)
def test_a_state_of_something_else_is_refused_and_changes_nothing(state):
    log = OutcomeLog()
    log.add({"n": 1}, 1.0)
    with pytest.raises(ConfigError, match="OutcomeLog"):
        log.load_state_dict(state)
    assert list(log) == [({"n": 1}, 1.0)]
