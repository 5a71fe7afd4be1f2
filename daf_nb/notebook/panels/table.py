"""A table of keyed rows with gauges, number fields and buttons in its cells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from daf_nb.notebook.panels.panel import answer_at_once

__all__ = ["Row", "Table", "column"]

_ASSETS = Path(__file__).resolve().parents[1] / "assets"

Row = dict[str, Any]
"""`key`, a text that names the row, and `cells`, one for each column."""


def column(label: str, kind: str = "text", about: str = "") -> dict[str, str]:
    """A column.

    Args:
        label: its heading.
        kind: what its cells are: "text" or "number", a text; "gauge": `text`, and of [0, 1] a part
            `from` `to` and a whisker `low` to `high`; "band": the same with a mark `at`, and `out`
            where that is outside; "field": `value`, `name`, `min`, `max`, `by`, `frozen`;
            "buttons": a list of `text`, `name`, `action`.
        about: said when it is pointed at.
    """
    return {"label": label, "kind": kind, "about": about}


class Table(anywidget.AnyWidget):
    """Rows as they are given; only what differs is drawn again.

    Args:
        caption: what it is called.
        columns: made by `column`.
        heard: called with what a person did: `key` with `action`, or with `column` and `value`; or
            `page`, the number of a page from 0.
        empty: what is said where there are no rows.
        tall: many rows scroll.
    """

    _esm = _ASSETS / "table.js"
    _css = _ASSETS / "widgets.css"

    tall = traitlets.Bool().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    empty = traitlets.Unicode().tag(sync=True)
    # Any, as traitlets would look at every cell again at every look.
    columns = traitlets.Any().tag(sync=True)
    rows = traitlets.Any().tag(sync=True)
    page = traitlets.Int(0).tag(sync=True)
    pages = traitlets.Int(1).tag(sync=True)
    answered = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        caption: str,
        columns: Sequence[Mapping[str, str]],
        *,
        heard: Callable[[Mapping[str, Any]], None] = lambda content: None,
        empty: str = "",
        tall: bool = False,
    ) -> None:
        plain = [dict(one) for one in columns]
        super().__init__(caption=caption, columns=plain, rows=[], empty=empty, tall=tall)
        self._turn = threading.Lock()
        self._heard = heard
        self.on_msg(self._answer)
        answer_at_once(self)

    def fill(self, rows: Sequence[Row], *, note: str = "", page: int = 0, pages: int = 1) -> None:
        """Shows these rows; what is the same as before is not sent."""
        with self._turn, self.hold_sync():
            self.rows, self.note = list(rows), note
            self.page, self.pages = page, max(1, pages)

    def _answer(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        try:
            self._heard(content)
        finally:
            # What a view shows of its own accord gives way to what is so.
            with self._turn:
                self.answered += 1
