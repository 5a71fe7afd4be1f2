"""A report as Markdown: tables and rows of blocks in place of pictures, every text escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from daf_nb.notebook.chart import MOST_CURVES
from daf_nb.notebook.curves import Curve
from daf_nb.notebook.report.blocks import (
    Block,
    Chart,
    Code,
    Pairs,
    Picture,
    Prose,
    Report,
    Section,
    Table,
)
from daf_nb.notebook.report.texts import clip, number
from daf_nb.notebook.state import one_line
from daf_nb.notebook.text import sparkline

__all__ = ["markdown_page"]

_POINTS = 40
"""Blocks of a row."""
_SPECIAL = re.compile(r"[\\`*_{}\[\]#|~$@]")
_AT_THE_START = re.compile(r"^(\s*\d*)(?=[-+=.)])")


def markdown_page(report: Report) -> str:
    """The whole file, in GitHub's Markdown."""
    parts = [f"# {_text(one_line(report.title, limit=200))}", _text(report.made)]
    parts += [part for section in report.sections if section.blocks for part in _section(section)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    title = f"{'#' * section.level} {_text(one_line(section.title, limit=200))}"
    parts = [title]
    # Charts that follow each other are one table.
    for drawn, some in groupby(section.blocks, lambda one: isinstance(one, Chart)):
        alike = list(some)
        parts += [_charts(alike)] if drawn else map(_block, alike)
    return parts


def _block(block: Block) -> str:
    match block:
        case Prose():
            said = _text(block.text)
            return f"**{said}**" if block.tone == "warn" else said
        case Pairs():
            return _grid(("", ""), block.rows)
        case Table():
            return f"{_text(block.caption)}\n\n{_grid(block.columns, block.rows, block.numbers)}"
        case Code():
            fence = _fence(block.text)
            return f"{_text(block.caption)}\n\n{fence}{block.language}\n{block.text}\n{fence}"
        case Chart():
            return _charts([block])
        case Picture():
            return f"Figure: {_text(block.name)}"


def _grid(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset()
) -> str:
    rule = ["---:" if place in numbers else "---" for place, _ in enumerate(columns)]
    every = [[_cell(column) for column in columns], rule]
    every += [[_cell(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in every)


def _charts(blocks: Sequence[Block]) -> str:
    """Each curve as a row of blocks, with its first and its last value."""
    rows = []
    for block in blocks:
        assert isinstance(block, Chart)
        for curve in block.curves[:MOST_CURVES]:
            whose = f": {curve.name}" if curve.name else ""
            rows.append([f"{block.what}{whose}", *_drawn(curve)])
    return _grid(("What", "Course", "First", "Last"), rows, frozenset({2, 3}))


def _drawn(curve: Curve) -> list[str]:
    stride = -(-len(curve.means) // _POINTS)
    means = [*curve.means[::-1][::stride]][::-1]
    return [sparkline(means), number(curve.means[0]), number(curve.means[-1])]


def _fence(text: str) -> str:
    """Longer than any row of backticks in the text."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def _cell(text: str) -> str:
    return _escaped(clip(text))


def _text(text: str) -> str:
    """On a line of its own, where a few letters at its beginning would mean something."""
    return _AT_THE_START.sub(r"\1\\", _escaped(clip(text)))


def _escaped(line: str) -> str:
    """Nothing in it is markup, a link, or the end of a cell."""
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _SPECIAL.sub(r"\\\g<0>", line)
    return line.replace("://", ":\\//").replace("www.", "www\\.")
