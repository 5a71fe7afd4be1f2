"""Curves of several runs on one grid of agent-steps, and each group's IQM along it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daf_nb.record.comparing.statistics import Estimate

__all__ = ["aligned", "group_curves"]

Estimator = Callable[[NDArray[np.float64], Sequence[int]], list[Estimate]]


def aligned(series: Mapping[int, pd.Series], *, points: int) -> pd.DataFrame:
    """The runs' curves on a common grid: agent-steps as index, a column per run.

    The grid is all steps at which a run has a value, where those are not more than `points`; else
    `points` steps at equal distances. Between its own steps a run's value is interpolated; before
    its first and after its last it is NaN.
    """
    steps = np.unique(np.concatenate([one.index.to_numpy() for one in series.values()]))
    if len(steps) > points:
        steps = np.unique(np.linspace(steps[0], steps[-1], points).round().astype(np.int64))
    columns = {
        number: np.interp(steps, one.index.to_numpy(), one.to_numpy(), left=np.nan, right=np.nan)
        for number, one in series.items()
    }
    return pd.DataFrame(columns, index=pd.Index(steps, name="step"))


def group_curves(
    curves: pd.DataFrame, groups: Mapping[str, Sequence[int]], *, estimate: Estimator
) -> pd.DataFrame:
    """The curve of each group: rows of group, step, n, iqm, low, high; none where n is 0.

    Args:
        curves: what `aligned` gave.
        groups: label -> its runs.
        estimate: the IQM of each column of values (runs, columns), and its interval; gets the
            runs that the rows are of.
    """
    parts = []
    for label, members in groups.items():
        values = curves[list(members)].to_numpy().T
        there = np.isfinite(values)
        patterns: dict[Hashable, list[int]] = {}
        for place in np.flatnonzero(there.any(axis=0)):
            patterns.setdefault(there[:, place].tobytes(), []).append(int(place))
        rows: dict[int, tuple[int, Estimate]] = {}
        for places in patterns.values():
            present = there[:, places[0]]
            numbers = [one for one, is_there in zip(members, present, strict=True) if is_there]
            told = estimate(values[present][:, places], numbers)
            rows |= {place: (len(numbers), one) for place, one in zip(places, told, strict=True)}
        for place in sorted(rows):
            count, one = rows[place]
            parts.append((label, int(curves.index[place]), count, *one))
    return pd.DataFrame(parts, columns=["group", "step", "n", "iqm", "low", "high"])
