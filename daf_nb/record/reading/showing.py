"""Records as short text and small HTML tables; every text from outside is escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["html_list", "html_table", "is_missing", "short", "text_table", "value_text"]


def short(text: Any, *, limit: int = 80) -> str:
    """Any text as at most `limit` printable characters; the others are written as escapes."""
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(text)[: limit + 1]
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def is_missing(value: Any) -> bool:
    """Whether there is no value: None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def value_text(value: Any) -> str:
    """A value in a cell of a table: few digits, a dash for what is missing."""
    if is_missing(value):
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace(",", " ") if abs(value) >= 10_000 else str(value)
    return short(value)


def html_table(header: Sequence[Any], rows: Sequence[Sequence[Any]], *, caption: str = "") -> str:
    """A table as HTML; the first cell of a row heads it."""
    head = "".join(f'<th scope="col">{escape(value_text(cell))}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(value_text(first))}</th>'
        + "".join(f"<td>{escape(value_text(cell))}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    told = f"<caption>{escape(short(caption, limit=200))}</caption>" if caption else ""
    return f"<table>{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_list(told: Mapping[str, Any]) -> str:
    """A table of two columns: what, and its value."""
    rows = "".join(
        f'<tr><th scope="row">{escape(short(what))}</th><td>{escape(value_text(value))}</td></tr>'
        for what, value in told.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def text_table(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    """A table as text, the first column to the left, the others to the right."""
    cells = [[value_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
