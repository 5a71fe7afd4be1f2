"""What the tests of reports share: records made by hand, and a reader of the pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

__all__ = ["HOSTILE", "Page", "make_record"]

HOSTILE = (
    "<script>alert(1)</script></details>|`````\n# no\x1b[31m\x07\u202eevil\x00\ud800'\"&amp; -->"
)
"""Markup, a table's and a fence's end, a new line, control characters, a surrogate."""
VOID = {"meta", "img", "br"}


def make_record(
    root: Path,
    number: int = 1,
    *,
    status: str = "COMPLETED",
    name: str = "by hand",
    config: Any = None,
    metrics: Iterable[Mapping[str, float]] = (),
    journal: Iterable[Mapping[str, Any]] = (),
    events: Iterable[Mapping[str, Any]] = (),
    files: Mapping[str, str | bytes] | None = None,
    ours: Mapping[str, Any] | None = None,
    **document: Any,
) -> Path:
    """A run's folder as a stranger could have sent it; rows of metrics stand 10 steps apart."""
    folder = root / str(number)
    folder.mkdir(parents=True)
    about = {
        "experiment": {"name": name},
        "status": status,
        "start_time": "2026-11-23T05:00:00",
        "stop_time": "2026-11-23T05:01:30",
        "daf_nb": {"name": name, "tags": [], **(ours or {})},
        **document,
    }
    rows = {
        "metrics.jsonl": [
            {"step": 10 * place, "time": 1.8e9, "values": values}
            for place, values in enumerate(metrics, start=1)
        ],
        "journal.jsonl": [*journal],
        "events.jsonl": [*events],
    }
    texts = {"run.json": json.dumps(about), "config.json": json.dumps(config or {})}
    texts |= {log: "".join(json.dumps(row) + "\n" for row in some) for log, some in rows.items()}
    for name_, content in {**texts, **(files or {})}.items():
        path = folder / name_
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


class Page(HTMLParser):
    """A page taken apart.

    Attributes:
        elements: tag and attributes of every element, in order.
        text: all text outside of style sheets.
        styles: the text of the style sheets.
        unbalanced: tags that end what had not begun, or do not end.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.styles = "", ""
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(self.source)
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.styles += data
        else:
            self.text += data

    def headings(self, level: int = 2) -> list[str]:
        """The texts of the headings of a level."""
        import re

        found = re.findall(rf"<h{level}>(.*?)</h{level}>", self.source)
        return found
