"""Ranges, choices and functions of the difficulty: what they draw, and that they are data."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import numpy as np
import pytest

from daf_nb.curriculum.parameters import (
    Choice,
    Integers,
    Linear,
    Uniform,
    draw,
    from_plain,
    is_drawn,
    is_number,
    to_plain,
)
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import through_json

NAN, INF = float("nan"), float("inf")


def draws(value: Any, count: int = 2000) -> list[Any]:
    rng = np.random.default_rng(0)
    return [draw(value, rng, 0.5) for _ in range(count)]


class Adder:
    def __call__(self, difficulty: float) -> float:
        return difficulty + 1


def test_a_uniform_fills_its_range_and_stays_inside():
    found = draws(Uniform(-2, 3))
    assert all(type(value) is float and -2 <= value <= 3 for value in found)
    counts = np.histogram(found, bins=5, range=(-2, 3))[0]
    assert counts == pytest.approx([400] * 5, abs=80)


@pytest.mark.parametrize("low, high", [(-0.9, 0.1), (0.1, 0.7), (3.3, 3.3), (-1e300, 1e300)])
def test_a_uniform_meets_both_of_its_ends_exactly(low, high):
    assert (Uniform(low, high).at(0), Uniform(low, high).at(1)) == (low, high)


def test_integers_include_both_ends_alike():
    found = Counter(draws(Integers(2, 5)))
    assert sorted(found) == [2, 3, 4, 5]
    assert list(found.values()) == pytest.approx([500] * 4, abs=80)
    assert {type(value) for value in found} == {int}


def test_whole_floats_are_integers():
    assert Integers(1.0, 3.0) == Integers(1, 3)  # type: ignore[arg-type] - what the test is about
    assert {type(value) for value in draws(Integers(1.0, 3.0), 20)} == {int}  # type: ignore[arg-type] - same


def test_a_choice_draws_its_own_values_alike():
    shape = object()
    found = Counter(draws(Choice("a", None, shape, "a")))
    assert found["a"] == pytest.approx(1000, abs=100)
    assert found[None] + found[shape] == 2000 - found["a"]


def test_a_range_of_one_value_is_that_value():
    assert set(draws(Uniform(0.3, 0.3), 5)) == {0.3}
    assert set(draws(Integers(7, 7), 5)) == {7}
    assert set(draws(Choice("x"), 5)) == {"x"}


@pytest.mark.parametrize(
    ("start", "end", "difficulty", "value"),
    [
        (0.0, 2.0, 0.25, 0.5),
        (2.0, 0.0, 0.25, 1.5),
        (-0.9, 0.1, 0.0, -0.9),
        (-0.9, 0.1, 1.0, 0.1),
        (1, 4, 0.4, 2),
        (1, 4, 0.6, 3),
        (4, 1, 1.0, 1),
        (1, 4.0, 0.4, 2.2),
    ],
)
def test_linear_has_its_known_values(start, end, difficulty, value):
    found = Linear(start, end)(difficulty)
    assert found == pytest.approx(value, abs=1e-15)
    assert found == value or difficulty not in (0, 1)
    assert type(found) is type(value)


def test_ranges_take_one_number_of_chance_and_functions_none():
    for value, taken in [(Uniform(0, 1), 1), (Linear(0, 1), 0), (Adder(), 0)]:
        rng, beside = np.random.default_rng(3), np.random.default_rng(3)
        draw(value, rng, 0.5)
        beside.random(taken)
        assert rng.random() == beside.random()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(2, 1), "finite bounds in order"),
        (lambda: Uniform(0, NAN), "finite bounds in order"),
        (lambda: Uniform(-INF, 0), "finite bounds in order"),
        (lambda: Uniform("a", "b"), "finite bounds in order"),  # type: ignore[arg-type] - nonsense
        (lambda: Uniform(None, 1), "finite bounds in order"),  # type: ignore[arg-type] - nonsense
        (lambda: Integers(3, 2), "finite bounds in order"),
        (lambda: Integers(0.5, 2), "use Uniform for fractions"),  # type: ignore[arg-type] - nonsense
        (lambda: Integers(NAN, 2), "finite bounds in order"),  # type: ignore[arg-type] - nonsense
        (lambda: Integers(0, INF), "finite bounds in order"),  # type: ignore[arg-type] - nonsense
        (lambda: Integers("1", "2"), "finite bounds in order"),  # type: ignore[arg-type] - nonsense
        (Choice, "at least one value"),
        (lambda: Linear(0, INF), "two finite numbers"),
        (lambda: Linear("a", "b"), "two finite numbers"),  # type: ignore[arg-type] - nonsense
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    ("value", "drawn"),
    [(Uniform(0, 1), True), (Choice(1), True), (Linear(0, 1), True), (len, True), (1.5, False)],
)
def test_what_differs_between_episodes_is_told_from_what_is_fixed(value, drawn):
    assert is_drawn(value) is drawn


def test_truth_values_and_texts_are_no_numbers():
    assert [is_number(value) for value in (1, 0.5, np.int8(1), np.float32(1))] == [True] * 4
    assert [is_number(value) for value in (True, np.bool_(True), "1", None, 1j)] == [False] * 5


@pytest.mark.parametrize(
    "value",
    [Uniform(0.1, 0.3), Integers(-2, 9), Choice("a", 1, None), Linear(1, 0.5), 3, "x", None],
    ids=str,
)
def test_parameters_pass_through_json(value):
    again = from_plain(through_json(to_plain(value)))
    assert again == value and type(again) is type(value)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (Adder(), "Adder"),
        (functools.partial(max, 1), "functools.partial"),
        (lambda d: d, "<lambda>"),
    ],
    ids=["object", "partial", "lambda"],
)
def test_a_function_is_told_by_its_name_and_not_restored(function, name):
    plain = through_json(to_plain(function))
    assert name in plain["name"]
    with pytest.raises(ConfigError, match=r"is not in the data; .* Linear\(start, end\)"):
        from_plain(plain)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"$draw": "unifrom"}, r"unknown kind of parameter 'unifrom'\. Did you mean 'uniform'"),
        ({"$draw": ["x"]}, "unknown kind of parameter"),
        ({"$draw": "uniform", "lo": 1, "high": 2}, "has low and high"),
        ({"$draw": "uniform"}, "has low and high"),
        ({"$draw": "uniform", "low": 2, "high": 1}, "in order"),
        ({"$draw": "linear", "start": "a", "end": 1}, "two finite numbers"),
        ({"$draw": "choice", "values": 3}, "at least one value"),
        ({"$draw": "choice"}, "has values"),
    ],
    ids=str,
)
def test_data_of_no_parameter_is_refused(data, message):
    with pytest.raises(ConfigError, match=message):
        from_plain(data)
