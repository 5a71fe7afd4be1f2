"""One parameter's values cut into bins: intervals of numbers, or categories."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Axis", "cut", "is_number"]

_AT_AN_EDGE = 1e-9
"""Of a bin's width: what is this near to an edge is at it, however the edge was rounded."""


@dataclass(frozen=True, eq=False)
class Axis:
    """One parameter, cut into bins.

    Attributes:
        name: the parameter.
        labels: what each bin is called.
        edges: float [bins + 1], where numbers were cut into intervals of equal width, each with
            its lower end, the last with both; None for categories.
    """

    name: str
    labels: tuple[str, ...]
    edges: np.ndarray | None


def is_number(value: Any) -> bool:
    """An int or a float, and no bool."""
    return type(value) is float or type(value) is int


def cut(name: str, column: Sequence[Any], bins: int) -> tuple[Axis, np.ndarray]:
    """The axis that holds all values, and the bin of each of them.

    Where all are numbers, more than `bins` of them different, they are cut into intervals of equal
    width between the least and the greatest. Otherwise they are categories, in order.

    Args:
        name: the parameter.
        column: bools, ints, floats, texts or None; numbers are finite; at least one.
        bins: intervals.

    Returns:
        The axis, and int [values], the place of each one's label.
    """
    if not all(map(is_number, column)):
        return _categories(name, column)
    values = np.array(column, float)
    distinct, places = np.unique(values, return_inverse=True)
    if len(distinct) <= bins:
        return Axis(name, _written(distinct), None), places
    low, width = distinct[0], distinct[-1] - distinct[0]
    edges = np.linspace(low, distinct[-1], bins + 1)
    edges[np.abs(edges) < 1e-12 * width] = 0.0
    places = np.floor((values - low) / width * bins + _AT_AN_EDGE).astype(int)
    words = _rounded(edges, width / bins)
    labels = tuple(f"{first}..{last}" for first, last in itertools.pairwise(words))
    return Axis(name, labels, edges), np.minimum(places, bins - 1)


def _categories(name: str, column: Sequence[Any]) -> tuple[Axis, np.ndarray]:
    """Numbers first, then all else by how it is written; what is written alike is one category."""
    words = [value if type(value) is str else str(value) for value in column]
    order = {
        word: (0, value, "") if is_number(value) else (1, 0, word)
        for word, value in zip(words, column, strict=True)
    }
    labels = tuple(sorted(order, key=order.__getitem__))
    index = {label: place for place, label in enumerate(labels)}
    return Axis(name, labels, None), np.array([index[word] for word in words])


def _rounded(edges: np.ndarray, step: float) -> tuple[str, ...]:
    """Edges to a tenth of a bin's width or less."""
    decimals = max(0, 1 - math.floor(math.log10(max(step, 1e-300))))
    if decimals > 6 or np.abs(edges).max() >= 1e7:
        return _written(edges)
    return tuple(f"{round(float(edge), decimals) + 0.0:.12g}" for edge in edges)


def _written(numbers: np.ndarray) -> tuple[str, ...]:
    """Numbers with three digits, or as many more as tell them apart."""
    if np.all(numbers == np.trunc(numbers)) and np.all(np.abs(numbers) < 1e15):
        return tuple(str(int(number)) for number in numbers)
    words: tuple[str, ...] = ()
    for digits in range(3, 18):
        words = tuple(f"{number:.{digits}g}" for number in numbers)
        if len(set(words)) == len(words):
            break
    return words
