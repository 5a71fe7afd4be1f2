"""Curves of a run's metrics: pooled over updates, with intervals, thinned to what can be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from daf_nb.notebook.history import History

__all__ = ["ALL", "Curve", "curve", "main_curves", "return_choices", "return_curves"]

ALL = "all agents"
_RETURN = "rollout/return_mean"
ALONE = {"": _RETURN}
_LARGEST = 1e100
"""What can be drawn without overflow."""
_FEWEST = 4
"""Episodes that an interval needs."""
_SAMPLES = 8
"""Rows that stand for all of a point."""
_AT_ONCE = 8
"""Tasks that are drawn together."""


@dataclass(frozen=True)
class Curve:
    """A metric against agent-steps; all sequences have one length, at least 1.

    Attributes:
        name: whose; "" for all agents of the world.
        steps: agent-steps, ascending.
        means: mean values.
        low, high: the 95 % interval of each mean, NaN where there is none; empty without intervals.
    """

    name: str
    steps: Sequence[int]
    means: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def return_choices(
    history: History, groups: Sequence[str], tasks: Sequence[str] = ()
) -> dict[str, dict[str, str]]:
    """Whose return can be drawn: a choice -> the curves that it draws, name -> metric.

    Args:
        history: the run's metrics, read.
        groups: the groups' names.
        tasks: in the order in which they are told; others follow.
    """
    choices = {ALL: dict(ALONE)}
    if len(groups) > 1:
        choices["groups"] = {group: f"rollout/{group}/return_mean" for group in groups}
    seen = dict.fromkeys(history.names("rollout/task/", "/return_mean"))
    told = [
        *(task for task in tasks if task in seen),
        *(task for task in seen if task not in tasks),
    ]
    for start in range(0, len(told), _AT_ONCE):
        part = told[start : start + _AT_ONCE]
        span = f" {start + 1} to {start + len(part)}" if len(told) > _AT_ONCE else ""
        choices[f"tasks{span}"] = {task: f"rollout/task/{task}/return_mean" for task in part}
    return choices


def return_curves(
    history: History, metrics: Mapping[str, str] = ALONE, *, window: int = 1, points: int = 300
) -> list[Curve]:
    """Curves of return metrics; the world's own with 95 % intervals, where its spread is known.

    Args:
        history: the run's metrics, read.
        metrics: name -> metric, as `return_choices` tells them.
        window: each point is of the episodes of so many updates, it and those before it.
        points: at most so many per curve.
    """
    found = []
    for name, metric in metrics.items():
        counts = spreads = None
        if metric == _RETURN:
            counts = np.diff(history.column("rollout/episodes"), prepend=0)
            spreads = history.column("rollout/return_std")
        found.append(_pooled(history, metric, name, window, points, counts, spreads))
    return [one for one in found if one is not None]


def main_curves(history: History, groups: Sequence[str], *, points: int = 300) -> list[Curve]:
    """The return of each group where there are several, else the world's."""
    choices = return_choices(history, groups)
    return return_curves(history, choices.get("groups", choices[ALL]), points=points)


def curve(
    history: History, metric: str, *, name: str = "", window: int = 1, points: int = 120
) -> Curve | None:
    """A metric's curve; None where it has no value."""
    return _pooled(history, metric, name, window, points)


def _pooled(
    history: History,
    metric: str,
    name: str,
    window: int,
    points: int,
    counts: np.ndarray | None = None,
    spreads: np.ndarray | None = None,
) -> Curve | None:
    """Rows taken together by powers of two, so that a curve that grows does not flicker.

    Values that are absent, NaN, infinite or beyond 1e100 are left out. Where no interval is asked
    for, a few rows of each point stand for all, so that long curves cost little more than short.
    """
    means = history.column(metric)
    begins, ends, width = _cells(len(means), window, points)
    last = ends - 1
    if counts is None and width > _SAMPLES:
        stride = width // _SAMPLES
        means, begins, ends = means[::stride], begins // stride, -(-ends // stride)
    there = np.abs(means) < _LARGEST  # false for NaN
    known = np.zeros(len(means), bool) if counts is None else there & (counts > 0)
    weights = np.where(known, 0.0 if counts is None else counts, there)
    values = np.where(there, means, 0.0)
    total = _sums(weights, begins, ends)
    drawn = total > 0
    if not drawn.any():
        return None
    centre = float(values[there.argmax()])  # a value that stays, so that drawn points do
    offset = _sums(weights * (values - centre), begins, ends)[drawn] / total[drawn]
    pooled, steps = centre + offset, history.steps[last][drawn]
    if counts is None or spreads is None:
        return Curve(name, steps.tolist(), pooled.tolist())
    # The spread of all episodes of a point: within its updates, and of the updates' means.
    measured = known & (np.abs(spreads) < _LARGEST)
    squares = np.where(measured, spreads, 0.0) ** 2 + (values - centre) ** 2
    variance = _sums(weights * squares, begins, ends)[drawn] / total[drawn] - offset**2
    lacking = _sums((there & ~measured).astype(float), begins, ends)[drawn]
    half = _half(np.maximum(variance, 0.0), np.where(lacking > 0, 0.0, total[drawn]))
    return Curve(name, steps.tolist(), pooled.tolist(), *_ends(pooled, half))


def _ends(means: np.ndarray, half: np.ndarray) -> tuple[list[float], list[float]]:
    if not np.isfinite(half).any():
        return [], []
    return (means - half).tolist(), (means + half).tolist()


def _cells(count: int, window: int, points: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Of each point, its first row and the row behind its last; and the rows between two points."""
    width = 1
    while -(-count // width) > points:
        width *= 2
    starts = np.arange(0, count, width)
    ends = np.minimum(starts + width, count)
    return np.maximum(0, np.minimum(starts, ends - window)), ends, width


def _sums(values: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    if not len(begins):
        return np.zeros(0)
    pairs = np.stack([begins, ends], axis=1).ravel()
    return np.add.reduceat(np.append(values, 0.0), pairs)[::2]


def _half(variance: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Half the width of Student's 95 % interval; NaN below four episodes.

    The quantile is Cornish and Fisher's expansion, right to 1 % from three degrees of freedom on.
    """
    free = np.where(n >= _FEWEST, n - 1, np.nan)
    quantile = 1.96 + 2.37 / free + 2.82 / free**2 + 2.56 / free**3
    return quantile * np.sqrt(variance / free)
