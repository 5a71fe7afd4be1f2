"""Sizes of objects: all that is reached counts once, what belongs to the program does not."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from daf_nb.monitor import deep_bytes

MIB = 1 << 20


@dataclass
class Thing:
    held: Any = None
    others: list = field(default_factory=list)


class Slotted:
    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held


def big() -> np.ndarray:
    return np.zeros(MIB, np.uint8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Thing(big()),
        lambda: Slotted(big()),
        lambda: {"a": deque([(big(),)])},
        lambda: Thing(big()[::2]),
        lambda: np.array([Thing(big())], dtype=object),
        lambda: Thing(torch.zeros(MIB, dtype=torch.uint8)),
        lambda: [bytes(MIB)],
    ],
)
def test_a_mebibyte_is_found_wherever_it_is(make):
    assert MIB <= deep_bytes(make()) < MIB + 8192


def test_what_is_shared_counts_once_and_circles_end():
    array, tensor = big(), torch.zeros(MIB, dtype=torch.uint8)
    both = [array, array, array[1:], tensor, tensor.view(2, -1)]
    first, second = Thing(both), Thing(both)
    first.others.append(second)
    second.others.append(first)
    assert 2 * MIB <= deep_bytes(first, second) < 2 * MIB + 16384


def test_what_belongs_to_the_program_is_left_out():
    array = big()
    logging.getLogger("daf_nb.tests.sizes").held = array  # type: ignore[attr-defined]
    thing = Thing([logging.getLogger("daf_nb.tests.sizes"), logging, Thing, lambda: array])
    assert deep_bytes(thing) < 8192


def test_what_is_not_of_interest_is_left_with_all_that_it_refers_to():
    thing = Thing(others=[Slotted(big())])
    assert deep_bytes(thing, leave=lambda one: isinstance(one, Slotted)) < 8192


def test_a_walk_ends():
    assert deep_bytes([Thing() for _ in range(1000)], most=10) < 16384
