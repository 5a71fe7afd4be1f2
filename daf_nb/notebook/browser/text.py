"""All runs as lines of text, as wide and as high as a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from daf_nb.notebook.browser.cells import COLUMNS, cells_of
from daf_nb.notebook.browser.rows import RunRow

__all__ = ["table_text"]

_GAP = 2
_WIDEST = {"name": 28, "tags": 20, "cell": 40}


def table_text(rows: Sequence[RunRow], *, width: int, height: int) -> str:
    """A table in lines of at most `width` characters, in at most `height` lines.

    Columns that have nothing to say are left out; so are, from the right, those without room.

    Args:
        rows: in the order in which they are to stand.
        width: in characters; wide ones count for two.
        height: in lines; at least one run is shown.
    """
    if not rows:
        return "There are no runs."
    kept = rows[: max(1, height - 2)]
    table = [[cell["text"] for cell in cells_of(row)] for row in kept]
    chosen: list[int] = []
    widths: dict[int, int] = {}
    left = width + _GAP
    for place, column in enumerate(COLUMNS):
        widest = max(_width(line[place]) for line in table)
        wide = min(max(widest, len(column.label)), _WIDEST.get(column.key, 20))
        if widest and wide + _GAP <= left:
            chosen.append(place)
            widths[place] = wide
            left -= wide + _GAP
    lines = [[column.label for column in COLUMNS], *table]
    told = [
        (" " * _GAP)
        .join(
            _fit(line[place], widths[place], right=COLUMNS[place].kind == "number")
            for place in chosen
        )
        .rstrip()
        for line in lines
    ]
    more = len(rows) - len(kept)
    return "\n".join([*told, *([f"and {more:,} more: list_runs() has all"] if more else [])])


def _width(text: str) -> int:
    return sum(_cells(letter) for letter in text)


def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _fit(text: str, width: int, *, right: bool) -> str:
    """The text in so many cells."""
    if _width(text) > width:
        shown, taken = "", 0
        for letter in text:
            if taken + _cells(letter) > width - 1:
                break
            shown, taken = shown + letter, taken + _cells(letter)
        text = f"{shown}…"
    pad = " " * (width - _width(text))
    return pad + text if right else text + pad
