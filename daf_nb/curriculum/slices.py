"""Success by task parameter: outcomes kept, and cut into bins along up to three axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from daf_nb.curriculum.axes import Axis, cut, is_number
from daf_nb.curriculum.outcome_log import ABSENT, OutcomeLog, plain
from daf_nb.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Axis", "OutcomeLog", "Slices", "slice_outcomes", "wilson_interval"]

_MOST_AXES = 3
_MOST_BINS = 100_000
_LARGEST = 1e300
"""Numbers beyond it, and NaN, have no place on an axis."""
_Z = 1.959963984540054
"""The normal quantile at .975, for an interval of level .95."""
_COLUMNS = ("episodes", "success", "low", "high")


@dataclass(frozen=True, eq=False)
class Slices:
    """Success in every combination of bins.

    Attributes:
        axes: one to three.
        episodes: int [*bins], how many outcomes fell there.
        success: float [*bins], their mean success; NaN where there are none.
        low, high: float [*bins], the Wilson interval of level .95; NaN where there are none.
        left_out: outcomes that lack an axis, or are NaN or infinite there.
    """

    axes: tuple[Axis, ...]
    episodes: np.ndarray
    success: np.ndarray
    low: np.ndarray
    high: np.ndarray
    left_out: int

    def to_frame(self) -> pd.DataFrame:
        """One row per combination of bins, the empty ones too, the last axis changing fastest.

        Columns are the axes with their bins' labels, then episodes, success, low and high. An axis
        that is called like one of those has an underscore at its end.
        """
        import pandas as pd

        rows = list(itertools.product(*(axis.labels for axis in self.axes)))
        names = [axis.name + "_" * (axis.name in _COLUMNS) for axis in self.axes]
        frame = pd.DataFrame(rows, columns=pd.Index(names))
        for name in _COLUMNS:
            frame[name] = getattr(self, name).ravel()
        return frame


@overload
def wilson_interval(successes: float, n: float) -> tuple[float, float]: ...
@overload
def wilson_interval(successes: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...
def wilson_interval(successes: Any, n: Any) -> tuple[Any, Any]:
    """The score interval of a success rate at level .95 (Wilson 1927); (NaN, NaN) of no trials.

    The lower end is exactly 0 where nothing succeeded, the upper one exactly 1 where everything
    did.

    Args:
        successes: their number, or sum; a number or an array.
        n: trials; a number, or an array of one shape with the other.

    Raises:
        ConfigError: fewer than 0 successes, or more than trials.
    """
    s, trials = np.asarray(successes, float), np.asarray(n, float)
    if not np.all((s >= 0) & (s <= trials)):
        raise ConfigError(f"successes={successes!r} of n={n!r}: 0 to n of them are possible.")
    with np.errstate(invalid="ignore"):
        rate, squared = s / trials, _Z * _Z
        centre = (s + squared / 2) / (trials + squared)
        half = _Z * np.sqrt(s * (1 - rate) + squared / 4) / (trials + squared)
    low = np.where(s == 0, 0.0, centre - half)
    high = np.where(s == trials, 1.0, centre + half)
    low, high = (np.where(trials == 0, np.nan, np.clip(end, 0.0, 1.0)) for end in (low, high))
    return (low, high) if low.ndim else (float(low), float(high))


def slice_outcomes(
    outcomes: OutcomeLog | Iterable[tuple[Mapping[str, Any], float]],
    axes: str | Sequence[str],
    *,
    bins: int = 5,
) -> Slices:
    """Cuts outcomes by one to three parameters, and tells the success in each bin.

    An axis where all values are numbers, more than `bins` of them different, is cut into `bins`
    intervals of equal width between the least and the greatest. Otherwise its values are
    categories, in order.

    Args:
        outcomes: pairs of parameters by name and success in [0, 1].
        axes: the parameters' names.
        bins: intervals per axis of numbers.

    Raises:
        ConfigError: no axis, more than three or one twice; one that no outcome has, or that no
            outcome has together with the others; fewer than one bin; more than 100 000 bins in all.
    """
    names = (axes,) if isinstance(axes, str) else tuple(axes)
    if not 1 <= len(names) <= _MOST_AXES or len(set(names)) < len(names):
        raise ConfigError(f"axes={axes!r}: one to three different ones are needed.")
    if bins < 1:
        raise ConfigError(f"bins={bins}: at least one is needed.")
    table, successes = outcomes.columns() if isinstance(outcomes, OutcomeLog) else _table(outcomes)
    kept, columns = _placed(table, successes, names)
    if not kept:
        raise ConfigError(_none_kept(table, successes, names))
    parts = [cut(name, column, bins) for name, column in zip(names, columns, strict=True)]
    shape = tuple(len(axis.labels) for axis, _ in parts)
    if (count := math.prod(shape)) > _MOST_BINS:
        told = ", ".join(f"{axis.name} {len(axis.labels):,}" for axis, _ in parts)
        raise ConfigError(f"{count:,} bins ({told}): slice by axes with fewer different values.")
    flat = np.ravel_multi_index(tuple(places for _, places in parts), shape)
    episodes = np.bincount(flat, minlength=count).reshape(shape)
    total = np.bincount(flat, weights=np.array(kept), minlength=count).reshape(shape)
    low, high = wilson_interval(np.minimum(total, episodes), episodes)
    success = np.divide(total, episodes, out=np.full(shape, np.nan), where=episodes > 0)
    chosen = tuple(axis for axis, _ in parts)
    return Slices(chosen, episodes, success, low, high, len(successes) - len(kept))


def _table(
    outcomes: Iterable[tuple[Mapping[str, Any], float]],
) -> tuple[dict[str, list[Any]], list[float]]:
    """As `OutcomeLog.columns`."""
    pairs = list(outcomes)
    names = dict.fromkeys(name for values, _ in pairs for name in values)
    columns = {name: [values.get(name, ABSENT) for values, _ in pairs] for name in names}
    return columns, [success for _, success in pairs]


def _placed(
    table: Mapping[str, list[Any]], successes: Sequence[float], names: Sequence[str]
) -> tuple[list[float], list[list[Any]]]:
    """The success of each outcome that has a place on every axis; and per axis its values."""
    nowhere = [ABSENT] * len(successes)
    columns = [_places(table.get(name, nowhere)) for name in names]
    kept = [all(value is not ABSENT for value in row) for row in zip(*columns, strict=True)]
    left = list(itertools.compress(successes, kept))
    return left, [list(itertools.compress(column, kept)) for column in columns]


def _places(column: list[Any]) -> list[Any]:
    """Plain values; `ABSENT` where there is none, or one that is NaN, infinite or too large."""
    if not {float, int, str}.issuperset(map(type, column)):
        column = [value if value is ABSENT else plain(value) for value in column]
    return [
        ABSENT if is_number(value) and not -_LARGEST <= value <= _LARGEST else value
        for value in column
    ]


def _none_kept(
    table: Mapping[str, list[Any]], successes: Sequence[float], names: Sequence[str]
) -> str:
    if not successes:
        return "there is no outcome to slice: no episode has ended yet."
    for name in names:
        if name not in table:
            return unknown_name("axis", name, table)
    return f"no outcome has a finite value of {' and '.join(names)} at once; choose other axes."
