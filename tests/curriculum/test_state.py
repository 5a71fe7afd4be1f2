"""State as data: exact, through strict JSON, for everything that a strategy may keep."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest

from daf_nb.curriculum.state import capture, restore
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import through_json

NAN, INF = float("nan"), float("inf")


class Box:
    def __init__(self, value: Any = None, **more: Any) -> None:
        self.value = value
        vars(self).update(more)


def again(value: Any) -> Any:
    """`value` as it comes back into a box that holds something else."""
    box = Box("something else")
    restore(box, through_json(capture(Box(value))))
    return box.value


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        2**70,
        0.1 + 0.2,
        5e-324,
        -0.0,
        NAN,
        -INF,
        "naïve \x00 $draw",
        [1, [2.5, ["x"]], []],
        (1, (2, [3])),
        {"a": 1, 3: [1], (1, 2): {"b": None}, "dtype": "f8", "items": []},
        deque([1, 2], maxlen=5),
        [deque([0.5], maxlen=2), {"q": deque()}],
        np.float64(0.3),
        np.float32(0.1),
        np.int64(-3),
        np.bool_(True),
    ],
    ids=repr,
)
def test_a_value_comes_back_as_it_was(value):
    back = again(value)
    assert repr(back) == repr(value)
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "array",
    [
        np.array([0.1, 1e-320, -0.0]),
        np.array([[1, 2], [3, 4]], np.int8),
        np.zeros((0, 3)),
        np.array(2.5),
        np.array([True, False]),
        np.array([NAN, INF, 0.1], np.float32),
        np.array(["a", "naïve"]),
        np.array([2**63], np.uint64),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_comes_back_with_its_type_and_shape(array):
    back = again(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)
    assert np.array_equal(np.signbit(back), np.signbit(array)) if array.dtype.kind == "f" else True


@pytest.mark.parametrize("bits", ["PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM"])
def test_a_generator_goes_on_where_it_was(bits):
    rng = np.random.Generator(getattr(np.random, bits)(7))
    rng.random(1001)
    rng.integers(5, dtype=np.int8)
    back = again(rng)
    assert back.random(20).tolist() == rng.random(20).tolist()
    assert back.integers(9, size=20).tolist() == rng.integers(9, size=20).tolist()


def test_what_comes_back_can_be_changed_without_touching_the_state():
    state = capture(Box([deque([1], maxlen=2), np.zeros(2)]))
    box = Box()
    restore(box, state)
    box.value[0].extend([2, 3])
    box.value[1] += 1
    other = Box()
    restore(other, state)
    assert list(box.value[0]) == [2, 3] and list(other.value[0]) == [1]
    assert other.value[1].tolist() == [0, 0]


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, [lambda: 1], np.array([object()]), np.array([1j]), b"x"],
    ids=["object", "set", "function", "objects", "complex", "bytes"],
)
def test_what_a_state_cannot_hold_is_refused_with_what_it_can(value):
    with pytest.raises(ConfigError, match=r"Box\.value is a .*keep numbers, arrays"):
        capture(Box(value))


def test_attributes_that_are_left_are_neither_taken_nor_touched():
    fixed, leave = object(), frozenset({"fixed"})
    box = Box(1, fixed=fixed)
    state = capture(box, leave=leave)
    box.value = 2
    restore(box, state, leave=leave)
    assert state == {"value": 1} and vars(box) == {"value": 1, "fixed": fixed}


@pytest.mark.parametrize(
    "state",
    [
        {},
        [],
        None,
        {"value": 1},
        {"value": 1, "other": 2, "third": 3},
        {"value": 1, "other": {"dtype": "f8", "shape": [3], "data": [1]}},
        {"value": 1, "other": {"dtype": "nonsense", "shape": [1], "data": [1]}},
        {"value": 1, "other": {"bit_generator": {"items": [["bit_generator", "seed"]]}}},
        {"value": 1, "other": {"unknown": 1}},
    ],
    ids=str,
)
def test_a_state_of_something_else_is_refused_and_changes_nothing(state):
    box = Box("mine", other="mine too")
    with pytest.raises(ConfigError, match=r"state .*Box"):
        restore(box, state)
    assert vars(box) == {"value": "mine", "other": "mine too"}
