"""A run as text, for places without widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from daf_nb.notebook.curves import main_curves
from daf_nb.notebook.source import Source, source_of
from daf_nb.notebook.state import figure, one_line, sentence, title
from daf_nb.notebook.words import digest

if TYPE_CHECKING:
    from daf_nb.session import Run

__all__ = ["TextPanel", "describe", "sparkline"]

_BLOCKS = "▁▂▃▄▅▆▇█"


class TextPanel:
    """A run as text, read anew each time it is shown.

    Args:
        run: the run to show, or what tells of it.
    """

    def __init__(self, run: Run | Source) -> None:
        self._run = run

    def __repr__(self) -> str:
        return describe(source_of(self._run))


def describe(source: Source) -> str:
    """The run as a few lines of text, each return curve as a row of blocks."""
    state = source.read()
    lines = [title(state), sentence(state)]
    for curve in main_curves(source.history, source.groups, points=40):
        whose = f" of {one_line(curve.name)}" if curve.name else ""
        ends = f"{figure(curve.means[0])} to {figure(curve.means[-1])}"
        lines.append(f"return per agent{whose}  {sparkline(curve.means)}  {ends}")
    for heading, told in digest(source).items():
        lines += [f"{heading}: {told[0]}", *(f"  {line}" for line in told[1:])]
    further = f"{state.further} goes on from there" if state.further else ""
    return "\n".join([*lines, *filter(None, [state.error, further])])


def sparkline(values: Sequence[float]) -> str:
    """Finite numbers as a row of blocks, the least the lowest; equal numbers are in the middle."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    if low == high:
        return _BLOCKS[3] * len(values)
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(top * (value - low) / (high - low))] for value in values)
