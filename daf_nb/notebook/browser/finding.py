"""The runs of a folder as a person looks at them: found, sorted, picked, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from daf_nb.errors import RecordError
from daf_nb.notebook.browser.cells import cells_of, name_of
from daf_nb.notebook.browser.query import Query, found
from daf_nb.notebook.browser.rows import RunRow
from daf_nb.notebook.state import one_line

__all__ = ["PAGE", "Finding"]

PAGE = 15
"""Runs that are shown at a time."""
_TAGS = 100
"""Tags to choose from, those of the most runs; any other is found by searching for it."""
_LONGEST_TAG = 200


class Finding:
    """What is known, asked for and picked. It has no thread and no widget.

    Attributes:
        known: number -> run.
        query: what is asked for.
        rows: what was found, in order.
        picked: numbers in the order in which they were picked, whether they are found or not.
        page: the one that is shown, from 0.
        turns: view -> the last of its picks that is among `picked`, as the view counts them.
    """

    def __init__(self) -> None:
        self.known: Mapping[int, RunRow] = {}
        self.query = Query()
        self.rows: list[RunRow] = []
        self.picked: list[int] = []
        self.page = 0
        self.turns: dict[str, int] = {}

    @property
    def pages(self) -> int:
        """At least one."""
        return max(1, -(-len(self.rows) // PAGE))

    def learn(self, known: Mapping[int, RunRow]) -> None:
        """What the folder holds now; a run that is gone is not picked any more."""
        self.known = known
        self.picked = [number for number in self.picked if number in known]
        self._find()

    def ask(self, **fields: str) -> None:
        """Changes the query, and goes to the first page.

        Raises:
            ConfigError: as `Query`.
        """
        self.query, self.page = replace(self.query, **fields), 0
        self._find()

    def turn(self, page: int) -> None:
        """Goes to a page, as far as there is one."""
        self.page = min(max(0, page), self.pages - 1)

    def sort_by(self, column: str) -> None:
        """By a column; by the same again: the other way round."""
        self.ask(sort=f"-{column}" if self.query.sort == column else column)

    def pick(self, ids: Iterable[int], *, on: bool = True) -> None:
        """Picks runs, or lets them go.

        Raises:
            RecordError: there is no such run.
        """
        numbers = dict.fromkeys(ids)
        for number in numbers:
            if number not in self.known:
                raise RecordError(f"There is no run {str(number)[:100]} here; rows has all.")
        if on:
            self.picked = list(dict.fromkeys([*self.picked, *numbers]))
        else:
            self.picked = [number for number in self.picked if number not in numbers]

    def shown(self) -> list[dict[str, Any]]:
        """The rows of the page, as the table takes them."""
        picked = set(self.picked)
        some = self.rows[self.page * PAGE : (self.page + 1) * PAGE]
        return [
            {
                "id": row.id,
                "name": name_of(row),
                "picked": row.id in picked,
                "cells": cells_of(row),
            }
            for row in some
        ]

    def view(self) -> dict[str, Any]:
        """All else that the table shows."""
        query, picked = self.query, set(self.picked)
        among = sum(row.id in picked for row in self.rows)
        return {
            "search": query.search,
            "status": query.status,
            "tag": query.tag,
            "sort": query.sort,
            "statuses": self._statuses(),
            "tags": self._tags(),
            "page": self.page,
            "pages": self.pages,
            "first": self.page * PAGE + 1 if self.rows else 0,
            "found": len(self.rows),
            "known": len(self.known),
            "picked": len(self.picked),
            "unseen": len(self.picked) - among,
            "turns": dict(self.turns),
            "all": "none" if not among else "all" if among == len(self.rows) else "some",
        }

    def _find(self) -> None:
        self.rows = found(self.known.values(), self.query)
        self.turn(self.page)

    def _statuses(self) -> list[dict[str, str]]:
        counts = Counter(row.status for row in self.known.values())
        counts.setdefault(self.query.status, 0)
        return [
            {"value": status, "text": f"{one_line(status, limit=30)} ({counts[status]:,})"}
            for status in sorted(counts)
            if status
        ]

    def _tags(self) -> list[dict[str, str]]:
        counts = Counter(tag for row in self.known.values() for tag in {*row.tags})
        offered = [tag for tag, _ in counts.most_common(_TAGS) if 0 < len(tag) <= _LONGEST_TAG]
        offered = sorted({*offered, *filter(None, [self.query.tag])}, key=str.casefold)
        return [
            {"value": tag, "text": f"{one_line(tag, limit=40)} ({counts[tag]:,})"}
            for tag in offered
        ]
