import dataclasses
import enum
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from daf_nb.record.plain import dumps, loads, to_plain


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: float
    y: tuple[int, ...]


class Rude:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (math.nan, "NaN"),
        (np.float32("inf"), "Infinity"),
        (-math.inf, "-Infinity"),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan]]), [[1.0, "NaN"]]),
        (torch.tensor([1, 2]), [1, 2]),
        (torch.tensor(0.5, requires_grad=True), 0.5),
        (Path("a/b"), "a/b"),
        ({3, 1, 2}, [1, 2, 3]),
        ((1, (2,)), [1, [2]]),
        (Point(x=1.0, y=(1, 2)), {"x": 1.0, "y": [1, 2]}),
        (Colour.RED, "red"),
        (torch.nn.ReLU, "torch.nn.modules.activation.ReLU"),
        ({1: "a", None: "b", "c": 2}, {"1": "a", "null": "b", "c": 2}),
        (True, True),
    ],
)
def test_values_become_the_json_that_means_them(value, plain):
    assert to_plain(value) == plain
    assert type(to_plain(value)) is type(plain)


def test_plain_json_stays_as_it_is():
    spec = {"a": [1, 2.5, None, True, "é\ud800"], "b": {"c.d": {"$e": [], "": {}}}}
    assert loads(dumps(spec)) == spec


def test_keys_that_meet_in_json_both_stay():
    assert sorted(to_plain({1: "a", "1": "b"}).values()) == ["a", "b"]


def test_what_cannot_be_said_becomes_words_instead_of_an_error():
    loop: list = []
    loop.append(loop)
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    for value in (loop, deep, Rude(), {"a": Rude()}, 10**5000, object()):
        json.loads(dumps(value))


def test_json_that_is_nested_too_deeply_is_refused_as_bad_json():
    with pytest.raises(ValueError, match="deep"):
        loads("[" * 200_000)
