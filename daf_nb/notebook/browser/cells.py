"""A run as short texts, one for each column."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from daf_nb.notebook.browser.rows import RunRow
from daf_nb.notebook.state import figure, one_line

__all__ = ["COLUMNS", "Column", "cells_of", "moment", "name_of"]

_LONG = 400
"""Letters that are said when a cell is pointed at."""


class Column(NamedTuple):
    """A column of the table.

    Attributes:
        key: the field of a row, and what is sorted by.
        label: its heading.
        kind: "text", "number" or "status".
        about: said when it is pointed at.
        most: letters that are shown.
    """

    key: str
    label: str
    kind: str = "text"
    about: str = ""
    most: int = 60


COLUMNS = (
    Column("id", "Run", "number", "the run's number"),
    Column("name", "Name", about="as it was given", most=80),
    Column("status", "Status", "status", "LOST: its process is gone"),
    Column("started", "Started", about="in this kernel's time zone"),
    Column("duration", "Duration", "number", "so far, or in all"),
    Column("steps", "Steps", "number", "live agent-steps"),
    Column("last", "Return", "number", "the newest return"),
    Column("best", "Best", "number", "the best return of all updates"),
    Column("success", "Success", "number", "the newest success rate"),
    Column("tags", "Tags"),
    Column("cell", "Cell", about="first line of the cell that launched it", most=80),
)


def cells_of(row: RunRow) -> list[dict[str, str]]:
    """For each column its `text`, with `about` where there is more to say than is shown."""
    texts = {
        "id": str(row.id),
        "name": row.name,
        "status": row.status,
        "started": moment(row.started),
        "duration": _duration(row.duration),
        "steps": "" if row.steps is None else f"{row.steps:,}",
        "last": _figure(row.last),
        "best": _figure(row.best),
        "success": "" if row.success is None else f"{row.success:.2f}",
        "tags": ", ".join(row.tags),
        "cell": row.cell,
    }
    abouts = {"started": "" if row.started is None else row.started.isoformat(" ", "seconds")}
    return [_cell(texts[one.key], one.most, abouts.get(one.key, "")) for one in COLUMNS]


def name_of(row: RunRow) -> str:
    """Number and name, on one line."""
    return f"run {row.id} ({one_line(row.name, limit=40)})" if row.name else f"run {row.id}"


def moment(when: datetime.datetime | None) -> str:
    """A moment in this machine's time zone; the year only where it is another one."""
    if when is None:
        return ""
    local = when.astimezone()
    this_year = local.year == datetime.datetime.now().astimezone().year
    return local.strftime("%b %d %H:%M" if this_year else "%Y-%m-%d %H:%M")


def _cell(text: str, most: int, about: str) -> dict[str, str]:
    shown = one_line(text, limit=most)
    about = about or ("" if shown == text else one_line(text, limit=_LONG))
    return {"text": shown, "about": about} if about else {"text": shown}


def _figure(value: float | None) -> str:
    return "" if value is None else figure(value)


def _duration(seconds: float | None) -> str:
    if seconds is None or seconds < 0:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours:,} h {minutes % 60:02} min"
    return f"{minutes} min {whole % 60:02} s" if minutes else f"{whole} s"
