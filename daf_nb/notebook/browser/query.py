"""Which runs are asked for, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from daf_nb.errors import ConfigError, unknown_name
from daf_nb.notebook.browser.rows import RunRow
from daf_nb.notebook.state import one_line

__all__ = ["SORTABLE", "Query", "found"]

SORTABLE = (
    "id",
    "name",
    "status",
    "started",
    "duration",
    "steps",
    "last",
    "best",
    "success",
    "tags",
    "cell",
)
"""Fields of a row that runs can be sorted by."""


@dataclass(frozen=True)
class Query:
    """What is asked for.

    Attributes:
        search: words that must all be in a run's number, name, tags, cell, world or status.
        status: the only status that is wanted; empty for any.
        tag: a tag that is wanted; empty for any.
        sort: one of `SORTABLE`, with "-" in front for descending order.

    Raises:
        ConfigError: one that is no text, or an unknown column.
    """

    search: str = ""
    status: str = ""
    tag: str = ""
    sort: str = "-id"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str):
                of = "" if field.name == "sort" else "; an empty one asks for nothing"
                came = one_line(repr(value), limit=100)
                raise ConfigError(f"{field.name}={came}: a text is wanted{of}.")
        if self.sort.removeprefix("-") not in SORTABLE:
            column = self.sort.removeprefix("-")
            raise ConfigError(unknown_name("column of the run browser", column, SORTABLE))


def found(rows: Iterable[RunRow], query: Query) -> list[RunRow]:
    """The rows that are asked for, in order. Those without a value come last either way."""
    words = query.search.casefold().split()
    rows = [
        row
        for row in rows
        if (not query.status or row.status == query.status)
        and (not query.tag or query.tag in row.tags)
        and all(word in row.text for word in words)
    ]
    column = query.sort.removeprefix("-")
    keyed = [(_key(getattr(row, column)), row) for row in rows]
    known = [pair for pair in keyed if pair[0] is not None]
    # Runs of equal value stand by number, in the same direction.
    known.sort(key=lambda pair: (pair[0], pair[1].id), reverse=query.sort != column)
    return [row for _, row in known] + [row for key, row in keyed if key is None]


def _key(value: Any) -> Any:
    if isinstance(value, str):
        return value.casefold() or None
    if isinstance(value, tuple):
        return tuple(map(str.casefold, value)) or None
    return value
