"""The table of the run browser: search, filters, sorting, picking, pages; the view alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from daf_nb.notebook.browser.cells import COLUMNS
from daf_nb.notebook.browser.finding import Finding
from daf_nb.notebook.panels.panel import answer_at_once

__all__ = ["RunGrid"]

_ASSETS = Path(__file__).resolve().parents[1] / "assets"


class RunGrid(anywidget.AnyWidget):
    """Shows one page of a `Finding`; only what differs is sent.

    Args:
        heard: called with what a person did: `search` with `by`, who types; `status`; `tag`;
            `sort`, a column; `page`; `pick`, a list of numbers, with `on`, `by` and that view's
            `turn`; `all`, whether to pick all that was found; `clear`; `open`, a number; or
            `here`: it is on a page.

    Attributes:
        typist: the view that the search was typed in, whose field it need not be written into.
    """

    _esm = _ASSETS / "browser.js"
    _css = _ASSETS / "browser.css"

    columns = traitlets.Any().tag(sync=True)
    # Any, as traitlets would look at every cell again at every look.
    rows = traitlets.Any().tag(sync=True)
    view = traitlets.Any().tag(sync=True)

    def __init__(self, heard: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__(columns=[one._asdict() for one in COLUMNS], rows=[], view={})
        self._turn = threading.Lock()
        self._heard = heard
        self._answered = 0
        self.typist = ""
        self.on_msg(self._answer)
        answer_at_once(self)

    def fill(self, finding: Finding) -> None:
        """Shows what is found now."""
        with self._turn, self.hold_sync():
            self.rows = finding.shown()
            self.view = {**finding.view(), "by": self.typist, "answered": self._answered}

    def _answer(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        if "here" not in content:
            # What a view shows of its own accord gives way to what is so.
            self._answered += 1
            self.typist = str(content.get("by", "")) if "search" in content else ""
        self._heard(content)
