"""Where a signal is, against its band: as words, and as a small bar."""

from __future__ import annotations

from typing import Any

__all__ = ["band_cell", "band_words"]


def band_words(value: Any, low: Any, high: Any) -> str:
    """The value and the bound that it is beyond, or those that it is between."""
    if not _number(value):
        return "(no value)"
    if _number(low) and value < low:
        return f"{value:.3g}, below {low:.3g}"
    if _number(high) and value > high:
        return f"{value:.3g}, above {high:.3g}"
    return f"{value:.3g}, inside {_bounds(low, high)}"


def band_cell(value: float | None, low: float | None, high: float | None, state: str) -> Any:
    """A cell of kind "band": the band in the middle third of the bar where it has two ends.

    A band with one end takes the half of the bar on its side.
    """
    if low is not None and high is not None:
        width = high - low
        start, end = low - width, high + width
    else:
        edge = low if low is not None else high if high is not None else 0.0
        width = abs(edge) or 1.0
        start, end = edge - width, edge + width
    left = 0.0 if low is None else (low - start) / (end - start)
    right = 1.0 if high is None else (high - start) / (end - start)
    cell = {"text": _bounds(low, high), "from": left, "to": right, "out": state in _OUT}
    if value is not None:
        cell["at"] = min(1.0, max(0.0, (value - start) / (end - start)))
    return cell


_OUT = ("above", "below")


def _bounds(low: Any, high: Any) -> str:
    if _number(low) and _number(high):
        return f"{low:.3g} to {high:.3g}"
    if _number(high):
        return f"up to {high:.3g}"
    return f"from {low:.3g}" if _number(low) else "any"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
