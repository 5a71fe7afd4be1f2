"""Few runs, honestly: interquartile means, probabilities of improvement, and their intervals.

After Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(https://arxiv.org/abs/2108.13264), and its library rliable: the strata are tasks, and runs are
drawn again within each.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Estimate", "iqm", "iqm_estimates", "probability_of_improvement"]

LEVELS = (2.5, 97.5)  # percentiles of a 95 % interval
AT_ONCE = 2_000_000  # numbers of resampled scores in memory


class Estimate(NamedTuple):
    """A number and its 95 % percentile interval."""

    value: float
    low: float
    high: float


def iqm(values: ArrayLike, *, axis: int = -1) -> NDArray[np.float64]:
    """The interquartile mean: without the lowest and the highest quarter.

    As in rliable (scipy's `trim_mean(values, 0.25)`), a quarter of n values is `n // 4` whole
    ones: of up to 3 values it is the mean, of 4 the mean of the middle 2, of 10 that of 6.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=axis)
    count = ordered.shape[axis]
    cut = count // 4
    return np.asarray(ordered.take(range(cut, count - cut), axis=axis).mean(axis=axis))


def iqm_estimates(
    values: NDArray[np.float64],
    strata: Sequence[Hashable],
    *,
    times: int,
    generator: np.random.Generator,
) -> list[Estimate]:
    """The IQM of each column, with its stratified bootstrap interval.

    Args:
        values: shape (runs, columns), finite.
        strata: the task of each run; runs are drawn with replacement within their task.
        times: how often all are drawn again.
        generator: draws them; one drawing serves all columns.
    """
    drawn = _draws(strata, times=times, generator=generator)
    size = max(1, AT_ONCE // max(values.size, 1))
    again = np.concatenate(
        [iqm(values[drawn[start : start + size]], axis=1) for start in range(0, times, size)]
    )
    low, high = np.percentile(again, LEVELS, axis=0)
    middle = iqm(values, axis=0)
    return [Estimate(*map(float, three)) for three in zip(middle, low, high, strict=True)]


def probability_of_improvement(
    first: Sequence[NDArray[np.float64]],
    second: Sequence[NDArray[np.float64]],
    *,
    times: int,
    generator: np.random.Generator,
) -> Estimate:
    """How likely a run of the first beats a run of the second; equal scores count one half.

    On each task it is the Mann-Whitney U of the first, divided by the number of pairs; over tasks,
    the mean of theirs. Both sides are drawn again for the interval.

    Args:
        first: the scores on each task.
        second: the scores on the same tasks.
        times: how often all are drawn again.
        generator: draws them.
    """
    value, again = 0.0, np.zeros(times)
    for ours, theirs in zip(first, second, strict=True):
        wins = (ours[:, None] > theirs) + 0.5 * (ours[:, None] == theirs)
        value += wins.mean() / len(first)
        left, right = (_counts(side, times=times, generator=generator) for side in (ours, theirs))
        again += ((left @ wins) * right).sum(axis=1) / wins.size / len(first)
    low, high = np.percentile(again, LEVELS)
    return Estimate(float(value), float(low), float(high))


def _draws(
    strata: Sequence[Hashable], *, times: int, generator: np.random.Generator
) -> NDArray[np.intp]:
    """Shape (times, runs): places of runs, drawn with replacement within each stratum."""
    homes: dict[Hashable, list[int]] = {}
    for place, stratum in enumerate(strata):
        homes.setdefault(stratum, []).append(place)
    parts = [
        np.array(places)[generator.integers(len(places), size=(times, len(places)))]
        for places in homes.values()
    ]
    return np.concatenate(parts, axis=1)


def _counts(
    values: NDArray[np.float64], *, times: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Shape (times, values): how often each value is drawn of so many drawings."""
    count = len(values)
    return generator.multinomial(count, np.full(count, 1 / count), size=times).astype(np.float64)
