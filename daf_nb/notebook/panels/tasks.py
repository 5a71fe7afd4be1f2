"""The tasks of a curriculum as a table, page by page, with weights that can be changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from daf_nb.errors import ConfigError
from daf_nb.notebook.panels.knob import said_of, standing
from daf_nb.notebook.panels.table import Row, Table, column
from daf_nb.notebook.source import Source
from daf_nb.notebook.state import figure, one_line
from daf_nb.notebook.words import rate

__all__ = ["TaskTable"]

_PAGE = 20
_COLUMNS = (
    column("Task"),
    column("Difficulty", "number"),
    column("Share", "gauge", "part of the episodes to come; the bar is against the largest"),
    column("Success", "gauge", "mean of its newest episodes, with its 95 % interval"),
    column("Progress", "number", "learning progress, as a share of all tasks'"),
    column("Episodes", "number"),
    column("Weight", "field", "factor of its share; 0 leaves it out"),
    column("State", about="what is known of it, and what became of its weight"),
)


class TaskTable:
    """A row for each task, twenty at a time.

    Args:
        source: whose curriculum.
        refresh: called when something was asked for.

    Attributes:
        table: the widget.
    """

    def __init__(self, source: Source, *, refresh: Callable[[], object]) -> None:
        self._source, self._refresh = source, refresh
        self._page = 0
        self._refused: dict[str, str] = {}
        self._knobs = {} if source.controls is None else source.controls.knobs
        self.table = Table("Tasks", _COLUMNS, heard=self._heard, empty="There are no tasks.")

    def show(self, tasks: Mapping[str, Mapping[str, Any]]) -> None:
        """Brings the page up to date."""
        pages = max(1, -(-len(tasks) // _PAGE))
        page = min(self._page, pages - 1)
        some = islice(tasks.items(), page * _PAGE, (page + 1) * _PAGE)
        largest = max((stats.get("share") or 0.0 for stats in tasks.values()), default=0.0)
        rows = [self._row(name, stats, largest) for name, stats in some]
        self.table.fill(rows, note=f"{len(tasks):,} in all", page=page, pages=pages)

    def _row(self, name: str, stats: Mapping[str, Any], largest: float) -> Row:
        progress = stats.get("learning_progress")
        episodes = stats.get("episodes")
        cells = [
            one_line(name),
            _difficulty(stats.get("difficulty")),
            _share(stats.get("share"), largest),
            _success(stats),
            "" if progress is None else f"{progress:.2f}",
            "" if episodes is None else f"{episodes:,}",
            *self._weight(name, stats),
        ]
        return {"key": name, "cells": cells}

    def _weight(self, task: str, stats: Mapping[str, Any]) -> tuple[dict[str, Any] | str, str]:
        """The cells of weight and state."""
        name, flags = f"curriculum.weight[{task}]", [*map(str, stats.get("flags") or ())]
        weight = stats.get("weight")
        controls = self._source.controls
        knob = self._knobs.get(name)
        if controls is None or knob is None:
            return "" if weight is None else figure(weight), ", ".join(flags)
        cell = {"value": weight, "name": f"weight of {one_line(task)}", "min": knob.low}
        request = standing(self._source, name)
        if request is not None and request.state == "pending" and not request.relative:
            cell["value"] = request.value
        said = self._refused.get(name) or said_of(request)[1]
        if said:
            flags.append(f"weight {said}")
        cell |= {"max": knob.high, "by": knob.step or 0.1, "frozen": bool(controls.closed)}
        return cell, ", ".join(flags)

    def _heard(self, content: Mapping[str, Any]) -> None:
        if "page" in content:
            self._page = max(0, int(content["page"]))
        elif "value" in content and self._source.controls is not None:
            name = f"curriculum.weight[{content['key']}]"
            self._refused.pop(name, None)
            try:
                self._source.controls.set(name, content["value"], by="panel")
            except ConfigError as error:
                self._refused[name] = f"refused: {error}"
        self._refresh()


def _difficulty(value: Any) -> str:
    """One number, or a range of them."""
    ends = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(end, int | float) for end in ends):
        return ""
    return " to ".join(figure(end) for end in dict.fromkeys(ends))


def _share(share: Any, largest: float) -> dict[str, Any] | str:
    if share is None:
        return ""
    return {"text": f"{100 * share:.1f} %", "from": 0, "to": share / largest if largest else 0}


def _success(stats: Mapping[str, Any]) -> dict[str, Any] | str:
    said = rate(stats)
    if not said:
        return ""
    low, high = stats.get("interval") or (None, None)
    whisker = {} if low is None else {"low": low, "high": high}
    return {"text": said, "from": 0, "to": stats["success"], **whisker}
