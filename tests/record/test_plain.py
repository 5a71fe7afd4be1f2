import dataclasses
import enum
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from daf_nb.record.plain import dumps, loads, loads_lines, to_plain


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


@pytest.mark.parametrize(
    "number", [2**53 + 1, 2**63, 2**64, -(2**64) - 1, 10**18, 10**19, 12345678901234567890123, 0]
)
def test_integers_of_any_length_are_read_exactly(number):
    for text in (f"{number}", f'{{"state": [{number}, 0.5]}}'):
        assert loads(text) == json.loads(text)
    assert type(loads(f"{number}")) is int


@pytest.mark.parametrize(
    "text",
    [
        "[NaN, -Infinity]",
        '"\\ud800"',
        "1e400",
        "-0.0",
        "0.00012345678901234567",
        '"\u00e9"',
        " [1]\n",
        '{"a": 1, "a": 2}',
        "[1.0, 1]",
    ],
)
def test_what_the_standard_library_reads_is_read_to_the_same(text):
    assert repr(loads(text)) == repr(loads(text.encode())) == repr(json.loads(text))


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "'a'", "{'a': 1}", "nan", "1 2", '"\n"', b"\xff"]
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError):
        loads(text)


@pytest.mark.parametrize(
    ("block", "values"),
    [
        (b'{"a": 1}\n{"b": 2}\n', [{"a": 1}, {"b": 2}]),
        (b'{"a[0]": 1}\n{"b": [2]}\n', [{"a[0]": 1}, {"b": [2]}]),
        (b"1\n2\n", [1, 2]),
        (b'{"a": 1}, {"b": 2}\n{"c":\n3}\n', None),
        (b'{"a": 1\n"b": 2}\n{"c": 3},{}\n', None),
        (b'{"a": 1}\n{"b\n{c": 3}\n', None),
        (b'{"a": "x\n{y"}\n{"b": 1},{"c": 2}\n', None),
        (b'{"a": [{}\n{}]}\n{"b": 1},{"c": 2}\n', None),
        (b'{"a": 1},\n{"b": 2}\n', None),
        (b'{"a": 1}\n\n{"b": 2}\n', None),
        (b'{"a": NaN}\n', None),
    ],
)
def test_many_lines_are_parsed_in_one_go_and_no_torn_one_is_mended(block, values):
    assert loads_lines(block) == values
