"""The run browser as plain HTML, which a saved notebook still shows when its kernel is gone."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path

from IPython.display import display, update_display

from daf_nb.notebook.browser.cells import COLUMNS, cells_of
from daf_nb.notebook.browser.rows import RunRow
from daf_nb.notebook.browser.text import table_text
from daf_nb.notebook.markup import style_html

__all__ = ["Saved", "snapshot"]

_WIDGET = "application/vnd.jupyter.widget-view+json"
_INTERVAL = 5.0
"""Seconds between two states in the saved notebook."""
_MOST = 50
"""Runs that are kept."""
_STATUSES = (
    "COMPLETED", "FAILED", "INTERRUPTED", "LOST", "PAUSED", "QUEUED", "RUNNING", "UNREADABLE",
)  # fmt: skip


class Saved:
    """Puts widgets on a page, and beside them what the saved notebook keeps.

    Attributes:
        name: a CSS class for the widgets, while which are on the page the rest is hidden.
    """

    def __init__(self) -> None:
        self.name = f"daf-live-{uuid.uuid4().hex[:12]}"
        self._kept: list[RunRow] | None = None  # None: not on any page yet
        self._moment = 0.0

    def display(self, model: str, rows: Sequence[RunRow]) -> None:
        """Puts the widgets on the page of the cell that runs.

        Args:
            model: the id of the widgets' model.
            rows: those that were found.
        """
        kept = snapshot(rows, live=self.name)
        view = {"version_major": 2, "version_minor": 0, "model_id": model}
        display({_WIDGET: view, "text/plain": kept["text/plain"]}, raw=True)
        display(kept, raw=True, display_id=self.name)
        self._kept, self._moment = list(rows), time.monotonic()

    def keep(self, rows: Sequence[RunRow]) -> None:
        """Gives the saved notebook a newer state, now and then."""
        late = time.monotonic() - self._moment > _INTERVAL
        if self._kept is not None and late and self._kept != list(rows):
            update_display(snapshot(rows, live=self.name), raw=True, display_id=self.name)
            self._kept, self._moment = list(rows), time.monotonic()


def snapshot(rows: Sequence[RunRow], *, live: str) -> dict[str, str]:
    """HTML and text of the first rows, as a notebook's output.

    Args:
        rows: those that were found.
        live: the CSS class of the widgets, while which are on the page this stays hidden.
    """
    at = time.strftime("%Y-%m-%d %H:%M:%S")
    kept = rows[:_MOST]
    of = f", {len(kept)} of {len(rows):,}" if len(kept) < len(rows) else ""
    head = "".join(
        f'<th scope="col" class="daf-is-{one.kind} daf-of-{one.key}">{escape(one.label)}</th>'
        for one in COLUMNS
    )
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in kept)
    page = (
        f"{style_html()}{_style()}"
        f"<style>body:has(.{live}) .{live}-saved {{ display: none; }}</style>"
        f'<div class="{live}-saved daf-browser"><div class="daf-runs daf-kept"><h4>Runs</h4>'
        f'<div class="daf-around"><table aria-label="Runs"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        f'<div class="daf-foot">State at {escape(at)}{of}; daf.browse() opens it again.</div>'
        "</div></div>"
    )
    return {"text/html": page, "text/plain": table_text(rows, width=160, height=_MOST + 2)}


@cache
def _style() -> str:
    path = Path(__file__).resolve().parents[1] / "assets" / "browser.css"
    return f"<style>{path.read_text(encoding='utf-8')}</style>"


def _cells(row: RunRow) -> str:
    parts = []
    for place, (column, cell) in enumerate(zip(COLUMNS, cells_of(row), strict=True)):
        tag, scope = ("td", "") if place else ("th", ' scope="row"')
        known = column.key == "status" and row.status in _STATUSES
        tone = f" daf-say daf-{row.status}" if known else ""
        about = f' title="{escape(cell["about"])}"' if "about" in cell else ""
        parts.append(
            f'<{tag}{scope} class="daf-is-{column.kind} daf-of-{column.key}"{about}>'
            f'<span class="daf-text{tone}">{escape(cell["text"])}</span></{tag}>'
        )
    return "".join(parts)
