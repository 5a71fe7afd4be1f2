"""What goes on, what came of the last action, and why the table may be old: as text and HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import ipywidgets as widgets

from daf_nb.notebook.browser.jobs import Outcome

__all__ = ["Notes"]


class Notes:
    """A line for each; a screen reader speaks it when it comes.

    Attributes:
        last: what came of the last action.
        stale: why the table may be old; empty where it is not.
        widget: shows it.
    """

    def __init__(self) -> None:
        self.last, self.stale = Outcome(""), ""
        self.widget = widgets.HTML()

    def text(self, busy: Iterable[str]) -> str:
        """All lines.

        Args:
            busy: what goes on.
        """
        return "\n".join(text for text, _ in self._lines(busy))

    def update(self, busy: Iterable[str]) -> None:
        """Brings the widget up to date."""
        lines = "".join(f'<p class="{kind}">{escape(text)}</p>' for text, kind in self._lines(busy))
        self.widget.value = f'<div class="daf-view daf-told" role="status">{lines}</div>'

    def _lines(self, busy: Iterable[str]) -> list[tuple[str, str]]:
        lines = [(f"{doing} …", "daf-busy") for doing in busy]
        lines.append((self.last.said, "daf-warn" if self.last.failed else "daf-done"))
        lines.append((self.stale, "daf-warn"))
        return [line for line in lines if line[0]]
