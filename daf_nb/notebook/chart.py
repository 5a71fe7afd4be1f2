"""Curves as one small SVG, coloured by JupyterLab's theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from daf_nb.notebook.curves import Curve
from daf_nb.notebook.state import figure, one_line

__all__ = ["LARGE", "MIDDLE", "MOST_CURVES", "SMALL", "Frame", "chart"]

MOST_CURVES = 8
"""Curves that can be told apart; the rest are left to `run.metrics()`."""

_Scale = Callable[[float], float]


@dataclass(frozen=True)
class Frame:
    """The size of a picture, and where in it curves are drawn, in units of its own."""

    width: int
    height: int
    left: int
    bottom: int
    across: int
    up: int
    dot: float


LARGE = Frame(width=860, height=230, left=52, bottom=202, across=8, up=5, dot=3.5)
MIDDLE = Frame(width=860, height=140, left=52, bottom=114, across=8, up=2, dot=3.0)
SMALL = Frame(width=280, height=96, left=46, bottom=76, across=3, up=3, dot=2.5)


def chart(
    curves: Sequence[Curve],
    *,
    total: int,
    what: str = "Return per agent",
    frame: Frame = LARGE,
    span: tuple[float, float] | None = None,
) -> str:
    """An SVG of curves against agent-steps, its numbers in words for screen readers.

    Args:
        curves: at most `MOST_CURVES` are drawn.
        total: agent-steps of the whole run; the axis ends there, or at the last step beyond it.
        what: what is drawn, in words.
        frame: its size.
        span: the least and the greatest value of the axis; None for those of the curves.
    """
    curves = curves[:MOST_CURVES]
    last = max([total, 1, *(curve.steps[-1] for curve in curves)])
    across = _scale(0, last, frame.left, frame.width - 4)
    low, high = span or _range(curves)
    up = _scale(low, high, frame.bottom, 10)
    parts = [
        f'<svg class="daf-chart" viewBox="0 0 {frame.width} {frame.height}" role="img" '
        f'aria-label="{escape(_in_words(curves, what))}">',
        *(_grid_line(frame, up(value), _number(value)) for value in _ticks(low, high, frame.up)),
        *(_step_label(frame, across(v), _steps(v)) for v in _ticks(0, last, frame.across)),
        *(_band(curve, place, across, up, (low, high)) for place, curve in enumerate(curves)),
        *(_line(frame, curve, place, across, up) for place, curve in enumerate(curves)),
        "</svg>",
    ]
    return "".join(parts)


def _range(curves: Sequence[Curve]) -> tuple[float, float]:
    """Of the means, and of as much of the intervals as does not flatten them."""
    values = [mean for curve in curves for mean in curve.means]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.5 * (high - low) or abs(high) or 1.0
    bounds = [value for curve in curves for value in (*curve.low, *curve.high)]
    near = [value for value in bounds if low - room <= value <= high + room]  # false for NaN
    low, high = min([low, *near]), max([high, *near])
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


def _band(curve: Curve, place: int, across: _Scale, up: _Scale, bounds: tuple[float, float]) -> str:
    """The interval as a surface, where there is one; it ends at the edges of the picture."""
    least, most = bounds
    ends = [
        (across(step), up(min(max(low, least), most)), up(min(max(high, least), most)))
        for step, low, high in zip(curve.steps, curve.low, curve.high, strict=False)
        if low <= high  # false for NaN
    ]
    if len(ends) < 2:
        return ""
    there = " ".join(f"{x:.1f},{high:.1f}" for x, _, high in ends)
    back = " ".join(f"{x:.1f},{low:.1f}" for x, low, _ in reversed(ends))
    return f'<polygon class="daf-hue-{place}" points="{there} {back}"/>'


def _line(frame: Frame, curve: Curve, place: int, across: _Scale, up: _Scale) -> str:
    points = [(across(s), up(m)) for s, m in zip(curve.steps, curve.means, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (
        f'<g class="daf-hue-{place}"><polyline points="{path}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{frame.dot}"/></g>'
    )


def _grid_line(frame: Frame, y: float, label: str) -> str:
    return (
        f'<line x1="{frame.left}" x2="{frame.width - 4}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{frame.left - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )


def _step_label(frame: Frame, x: float, label: str) -> str:
    anchor = "end" if x > frame.width - 24 else "middle"
    return f'<text x="{x:.1f}" y="{frame.bottom + 18}" text-anchor="{anchor}">{label}</text>'


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")


def _steps(value: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _in_words(curves: Sequence[Curve], what: str) -> str:
    told = [
        f"{f'of {one_line(curve.name)} ' if curve.name else ''}"
        f"from {figure(curve.means[0])} at {curve.steps[0]:,} "
        f"to {figure(curve.means[-1])} at {curve.steps[-1]:,} agent-steps{_around(curve)}"
        for curve in curves
    ]
    return f"{what}: {'; '.join(told) or 'nothing yet'}"


def _around(curve: Curve) -> str:
    if not curve.low or math.isnan(curve.low[-1]):
        return ""
    return f" (95 % interval {figure(curve.low[-1])} to {figure(curve.high[-1])})"
