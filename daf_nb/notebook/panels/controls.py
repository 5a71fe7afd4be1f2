"""The knobs of a run, undo, and the journal of what was changed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from daf_nb.control import Request
from daf_nb.errors import ConfigError
from daf_nb.notebook.panels.knob import KnobWidget, said_of
from daf_nb.notebook.panels.knobs import Knobs
from daf_nb.notebook.panels.panel import Panel, answer_at_once
from daf_nb.notebook.panels.table import Row, Table, column
from daf_nb.notebook.source import Source
from daf_nb.notebook.state import RunState, one_line
from daf_nb.notebook.words import change, why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daf_nb.session import Run

__all__ = ["ControlsPanel"]

_MOST = 50
"""Rows of the journal that are shown."""
_ELSEWHERE = ("curriculum.", "adaptive.")
"""Knobs that have their places in other panels."""
_COLUMNS = (
    column("Step", "number", "live agent-steps when it took effect"),
    column("Knob"),
    column("Change"),
    column("By", about="panel: this one"),
    column("Why"),
)


class ControlsPanel(Panel):
    """Every knob of the learner with what became of the last request, undo, and the journal.

    `panel["learning_rate"]` is a knob's widget; setting its `value` does what moving it does. Of a
    record there is the journal alone.

    Args:
        run: what to show.
        interval: seconds between two looks.
        knobs: widgets that other panels of the run show too.

    Attributes:
        undo: the button that takes back the newest change.
        group: chooses whose knobs are shown, where several groups train.
        journal: the table.
    """

    def __init__(
        self, run: Run | Source, *, interval: float = 1.0, knobs: Knobs | None = None
    ) -> None:
        super().__init__(run, interval=interval)
        self._knobs = knobs or Knobs(self.source, asked=self.refresh)
        self._undone: Request | None = None
        self._refused = ""
        self._shown = -1
        self.undo = widgets.Button(
            description="Undo", icon="undo", tooltip="Undo: take back the newest change"
        )
        self.undo.on_click(self._take_back)
        self.group = widgets.Dropdown(options=self.source.groups, description="Knobs of")
        self.group.observe(lambda _: self._place_knobs(), names="value")
        for widget in (self.undo, self.group):
            answer_at_once(widget)
        self._told = widgets.HTML()
        self._rows = widgets.VBox()
        self.journal = Table(
            "Journal", _COLUMNS, empty="Nothing was changed from outside.", tall=True
        )
        middle = widgets.Layout(align_items="center", flex_flow="row wrap", margin="6px 0 0")
        bar = widgets.HBox([self.undo, self._told], layout=middle)
        if not self._several:
            self.group.layout.display = "none"
        self._placed: list[str] = []
        self._place_knobs()
        parts = [self.group, self._rows, bar] if self._placed else []
        self.body.children = (*parts, self.journal)

    def __getitem__(self, name: str) -> KnobWidget:
        """A knob's widget, of any of the run's knobs.

        Raises:
            ConfigError: there is no such knob.
        """
        return self._knobs[name]

    def show(self, state: RunState) -> None:
        self._knobs.look(self._placed)
        closed = self.source.controls.closed if self.source.controls is not None else "a record"
        self.undo.disabled = bool(closed)
        said = escape(one_line(self._undo_words() or (closed if self._placed else ""), limit=200))
        self._told.value = f'<div class="daf-view daf-quiet" role="status">{said}</div>'
        count, rows = self.source.journal(_MOST)
        if count != self._shown:
            self._shown = count
            note = f"{count:,} change{'s' if count != 1 else ''}" if count else ""
            note += f", the newest {_MOST} are shown" if count > _MOST else ""
            self.journal.fill([_row(place, row) for place, row in enumerate(rows)], note=note)

    @property
    def _several(self) -> bool:
        return len(self.source.groups) > 1

    def _names(self) -> list[str]:
        """The knobs to be seen: of the chosen group, and of no group."""
        names = [name for name in self._knobs.names if not name.startswith(_ELSEWHERE)]
        if not self._several:
            return names
        others = [f"[{group}]" for group in self.source.groups if group != self.group.value]
        return [name for name in names if not name.endswith(tuple(others))]

    def _place_knobs(self) -> None:
        self._placed = self._names()
        self._rows.children = [self._knobs[name] for name in self._placed]

    def _take_back(self, _: Any) -> None:
        self._undone, self._refused = None, ""
        try:
            assert self.source.controls is not None, "a record has no button"
            self._undone = self.source.controls.undo(by="panel")
        except ConfigError as error:
            self._refused = str(error)
        self.refresh()

    def _undo_words(self) -> str:
        request = self._undone
        if request is None:
            return self._refused
        if request.state == "withdrawn":
            return f"undo: what was asked of {request.name} is withdrawn"
        return f"undo of {request.name}: {said_of(request)[1] or request.state}"


def _row(place: int, row: Mapping[str, Any]) -> Row:
    step = row.get("step")
    cells = [
        f"{step:,}" if isinstance(step, int) else "",
        one_line(str(row.get("name"))),
        change(row),
        one_line(str(row.get("by")), limit=160),
        why(row),
    ]
    return {"key": str(row.get("number", f"at {place}")), "cells": cells}
