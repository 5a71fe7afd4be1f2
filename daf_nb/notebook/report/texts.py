"""Values of a record in words: short, printable, never more than there is room for."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any, TypeVar

from daf_nb.notebook.state import one_line

__all__ = ["clip", "compact", "ends", "lasted", "lines", "moment", "number", "plural"]

Row = TypeVar("Row")

LONGEST_LINE = 2_000


def clip(text: str) -> str:
    """Any text as one printable line that a paragraph or a cell has room for."""
    return one_line(text, limit=600)


def lines(text: str, *, most: int = 1_000, tail: bool = False) -> str:
    """Any text as printable lines; what is not printable stands as escapes.

    Args:
        text: any text.
        most: at most so many lines; how many are left out is said where they would stand.
        tail: keep the last lines in place of the first.
    """
    every = text.expandtabs(8).replace("\r\n", "\n").split("\n")
    while every and not every[-1].strip():
        every.pop()
    kept, left = every, len(every) - most
    if left > 0:
        said = f"... {plural(left, 'line')} left out ..."
        kept = [said, *every[-most:]] if tail else [*every[:most], said]
    return "\n".join(one_line(line, limit=LONGEST_LINE) for line in kept)


def ends(rows: list[Row], most: int) -> tuple[list[Row], str]:
    """The first and the last of many rows, and how many are left out between, in words."""
    left = len(rows) - most
    if left <= 0:
        return rows, ""
    half = most // 2
    return [*rows[:half], *rows[-half:]], f"; {len(rows) - 2 * half:,} in the middle are left out"


def number(value: Any) -> str:
    """A value as a person reads it; empty where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return compact(value)
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**30 else "a number of more than 30 digits"
    whole = value.is_integer() and abs(value) < 1e15 and abs(value) >= 1e5
    return f"{value:,.0f}" if whole else f"{value:.5g}"


def compact(value: Any) -> str:
    """A value of a spec: text as it is, all else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)
    except RecursionError:
        return f"a {type(value).__name__}, nested too deeply to be shown"


def lasted(seconds: float | None) -> str:
    """A duration; empty where it is not known."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if abs(seconds) < 60:
        return f"{seconds:.1f} s"
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    return f"{hours:,} h {minutes % 60} min" if hours else f"{minutes} min {int(seconds) % 60} s"


def moment(when: datetime.datetime | float | None) -> str:
    """A moment, in UTC; empty where it is not known."""
    if isinstance(when, int | float):
        try:
            when = datetime.datetime.fromtimestamp(when, datetime.UTC)
        except (OSError, OverflowError, ValueError):
            return ""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC" if when is not None else ""


def plural(count: int, noun: str) -> str:
    """So many of them."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
