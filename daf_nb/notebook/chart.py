"""Return curves as one small SVG, coloured by JupyterLab's theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from daf_nb.notebook.curves import Curve
from daf_nb.notebook.state import figure, one_line

__all__ = ["MOST_CURVES", "chart"]

MOST_CURVES = 8
"""Curves that can be told apart; the rest are left to `run.metrics()`."""

_WIDTH, _HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 716, 10, 192

_Scale = Callable[[float], float]


def chart(curves: Sequence[Curve], *, total: int) -> str:
    """An SVG of return per agent against agent-steps, its numbers in words for screen readers.

    Args:
        curves: at most `MOST_CURVES` are drawn.
        total: agent-steps of the whole run; the axis ends there, or at the last step beyond it.
    """
    curves = curves[:MOST_CURVES]
    ends = [curve.steps[-1] for curve in curves]
    across = _scale(0, max([total, *ends]), _LEFT, _RIGHT)
    low, high = _range(curves)
    up = _scale(low, high, _BOTTOM, _TOP)
    parts = [
        f'<svg class="daf-chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(_in_words(curves))}">',
        *(_grid_line(up(value), _number(value)) for value in _ticks(low, high, 5)),
        *(_step_label(across(value), _steps(value)) for value in _ticks(0, max([total, *ends]), 6)),
        *(_line(curve, place, across, up) for place, curve in enumerate(curves)),
        "</svg>",
    ]
    return "".join(parts)


def _range(curves: Sequence[Curve]) -> tuple[float, float]:
    values = [mean for curve in curves for mean in curve.means]
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin


def _scale(low: float, high: float, start: float, end: float) -> _Scale:
    return lambda value: start + (end - start) * (value - low) / (high - low)


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers inside [low, high], 1, 2 or 5 times a power of ten apart."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    gap = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    return [gap * k for k in range(math.ceil(low / gap), math.floor(high / gap) + 1)]


def _line(curve: Curve, place: int, across: _Scale, up: _Scale) -> str:
    points = [(across(s), up(m)) for s, m in zip(curve.steps, curve.means, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (
        f'<g class="daf-hue-{place}"><polyline points="{path}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/></g>'
    )


def _grid_line(y: float, label: str) -> str:
    return (
        f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )


def _step_label(x: float, label: str) -> str:
    anchor = "end" if x > _RIGHT - 20 else "middle"
    return f'<text x="{x:.1f}" y="{_BOTTOM + 18}" text-anchor="{anchor}">{label}</text>'


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")


def _steps(value: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _in_words(curves: Sequence[Curve]) -> str:
    told = [
        f"{f'of {one_line(curve.group)} ' if curve.group else ''}"
        f"from {figure(curve.means[0])} at {curve.steps[0]:,} "
        f"to {figure(curve.means[-1])} at {curve.steps[-1]:,} agent-steps"
        for curve in curves
    ]
    return f"Return per agent: {'; '.join(told) or 'no episode has ended yet'}"
