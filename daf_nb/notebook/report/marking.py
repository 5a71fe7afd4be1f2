"""Marks on a chart: where a run was changed from outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from daf_nb.notebook.chart import Frame
from daf_nb.notebook.report.texts import clip

__all__ = ["marked"]

MOST_TOLD = 3
"""Changes that a mark tells in words; further ones are counted."""


def marked(picture: str, marks: Sequence[tuple[int, str]], *, last: int, frame: Frame) -> str:
    """The picture with a line for each step that is marked.

    Marks that would touch are one. Each says in a tooltip what it stands for.

    Args:
        picture: an SVG as `chart` makes it.
        marks: steps, each with what happened there.
        last: the step at which the axis ends.
        frame: the picture's.
    """
    placed: dict[int, list[str]] = {}
    for step, text in marks:
        if 0 <= step <= last:
            x = round((frame.left + (frame.width - 4 - frame.left) * step / last) / 3) * 3
            placed.setdefault(x, []).append(f"step {step:,}, {text}")
    lines = "".join(_line(x, told, frame) for x, told in sorted(placed.items()))
    drawn = f'<g class="daf-marks">{lines}</g>' if lines else ""
    return f"{picture.removesuffix('</svg>')}{drawn}</svg>"


def _line(x: int, told: Sequence[str], frame: Frame) -> str:
    words = "; ".join(told[:MOST_TOLD])
    words += f"; and {len(told) - MOST_TOLD:,} more" if len(told) > MOST_TOLD else ""
    return (
        f'<line x1="{x}" x2="{x}" y1="10" y2="{frame.bottom}">'
        f"<title>{escape(clip(words))}</title></line>"
    )
