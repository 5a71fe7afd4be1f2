"""Texts for a terminal, where a control character would be obeyed; and JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import typer

__all__ = ["columns", "document", "figure", "line", "seconds", "version"]

DEEPEST = 60
"""Levels of a JSON document, as in a record."""


def line(text: str, *, limit: int = 200) -> str:
    """Any text as one line of printable characters."""
    flat = " ".join(text.split("\n"))
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in flat[: limit + 1]
    )
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def document(value: Any) -> None:
    """Writes one JSON document to the standard output; numbers that JSON lacks become null.

    What is nested beyond 60 levels is told of by a text in its place.
    """
    typer.echo(json.dumps(_strict(value, DEEPEST), indent=2, allow_nan=False, default=str))


def columns(headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: set[str]) -> str:
    """Rows under their headings, each column as wide as its widest cell.

    Args:
        headings: of the columns.
        rows: printable cells.
        right: headings of the columns that are set to the right: numbers.
    """
    every = [list(headings), *rows]
    widths = [max(len(row[place]) for row in every) for place in range(len(headings))]
    lines = []
    for row in every:
        cells = [
            cell.rjust(width) if heading in right else cell.ljust(width)
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def figure(value: float | None) -> str:
    """A number, as many digits as one reads; empty where there is none."""
    return "" if value is None or math.isnan(value) else f"{value:,.5g}"


def seconds(value: float | None) -> str:
    """A duration; empty where it is not known."""
    if value is None or math.isnan(value):
        return ""
    whole = int(value)
    if whole < 60:
        return f"{value:.1f} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole // 60 % 60} min"


def version() -> str:
    """Of this package."""
    from importlib.metadata import version

    return version("daf_nb")


def _strict(value: Any, levels: int) -> Any:
    if isinstance(value, dict | list | tuple) and not levels:
        return f"<{type(value).__name__} nested too deeply>"
    if isinstance(value, dict):
        return {str(key): _strict(item, levels - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item, levels - 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
