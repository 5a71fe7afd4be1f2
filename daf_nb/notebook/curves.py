"""A run's return curves, thinned to what a picture can show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Curve", "Row", "read_curves"]

Row = tuple[int, Mapping[str, float]]
"""Agent-step, and metric -> value."""

_SAMPLES = 8
"""Rows that are read of each point's share, so that a curve costs the same however long it is."""


@dataclass(frozen=True)
class Curve:
    """Return per agent against agent-steps; both sequences have one length, at least 1.

    Attributes:
        group: whose return; "" for all agents of the world.
        steps: agent-steps, ascending.
        means: mean return.
    """

    group: str
    steps: Sequence[int]
    means: Sequence[float]


_LARGEST = 1e100
"""What can be drawn without overflow."""


def read_curves(
    rows: Sequence[Row], *, groups: Sequence[str] = (), points: int = 300
) -> list[Curve]:
    """The world's curve, or where there are several groups each group's own.

    Rows are taken together by powers of two, so that a curve that grows does not flicker. Values
    that are absent, NaN, infinite or beyond 1e100 are left out; so is a curve without any value.

    Args:
        rows: one per update; may grow meanwhile.
        groups: the groups' names.
        points: at most so many per curve.
    """
    cells = _cells(rows, points)
    if len(groups) > 1:
        curves = [_curve(cells, group, f"rollout/{group}/return_mean") for group in groups]
    else:
        curves = [_curve(cells, "", "rollout/return_mean")]
    return [curve for curve in curves if curve.steps]


def _cells(rows: Sequence[Row], points: int) -> list[list[Row]]:
    count = len(rows)
    width = 1
    while -(-count // width) > points:
        width *= 2
    stride = max(1, width // _SAMPLES)
    cells = [
        [rows[index] for index in range(start, min(start + width, count), stride)]
        for start in range(0, count, width)
    ]
    if cells and stride > 1:
        cells[-1].append(rows[count - 1])
    return cells


def _curve(cells: Sequence[Sequence[Row]], group: str, name: str) -> Curve:
    points = []
    for cell in cells:
        values = [row.get(name, math.nan) for _, row in cell]
        drawn = [value for value in values if abs(value) < _LARGEST]  # false for NaN
        if drawn:
            points.append((cell[-1][0], sum(drawn) / len(drawn)))
    return Curve(group, [step for step, _ in points], [mean for _, mean in points])
