"""A report as one HTML file: no script, no network, every text escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path

from daf_nb.notebook.chart import LARGE, MIDDLE, MOST_CURVES, SMALL, chart
from daf_nb.notebook.markup import legend_html, style_html
from daf_nb.notebook.report.blocks import (
    Block,
    Chart,
    Code,
    Pairs,
    Picture,
    Prose,
    Report,
    Section,
    Table,
)
from daf_nb.notebook.report.marking import marked
from daf_nb.notebook.report.texts import clip, number
from daf_nb.notebook.state import one_line

__all__ = ["html_page"]

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
_LONGEST_WORD = 36
"""Letters of a word that a column has room for."""
_FRAMES = {"large": LARGE, "middle": MIDDLE, "small": SMALL}


def html_page(report: Report) -> str:
    """The whole file. Its policy forbids whatever would load or run something."""
    title = escape(one_line(report.title, limit=200))
    made = escape(clip(report.made))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{title}</title>",
            style_html(),
            _style(report.running),
            "</head>",
            '<body><main class="daf-report daf-view">',
            f'<header><h1>{title}</h1><p class="daf-quiet">{made}</p></header>',
            *(_section(section) for section in report.sections if section.blocks),
            "</main></body>",
            "</html>\n",
        ]
    )


@cache
def _rules() -> str:
    return (Path(__file__).parent.parent / "assets" / "report.css").read_text(encoding="utf-8")


def _style(running: str) -> str:
    """The report's own style, with what stands at the head of each printed page."""
    assert running.replace(" ", "").replace(",", "").isalnum(), "it goes into a style sheet"
    page = f'@page {{ @top-left {{ content: "{running}"; }} }}'
    return f"<style>\n{_rules()}{page}\n</style>"


def _section(section: Section) -> str:
    heading = f"h{section.level}"
    title = escape(one_line(section.title, limit=200))
    return f"<section><{heading}>{title}</{heading}>{''.join(_blocks(section.blocks))}</section>"


def _blocks(blocks: Sequence[Block]) -> Iterator[str]:
    """Small charts that follow each other stand side by side."""
    for small, some in groupby(blocks, lambda one: isinstance(one, Chart) and one.size == "small"):
        drawn = "".join(map(_block, some))
        yield f'<div class="daf-small">{drawn}</div>' if small else drawn


def _block(block: Block) -> str:
    match block:
        case Prose():
            tone = f' class="daf-{block.tone}"' if block.tone else ""
            return f"<p{tone}>{escape(clip(block.text))}</p>"
        case Pairs():
            return _pairs(block)
        case Table():
            return _folded(block.caption, _table(block)) if block.folded else _table(block)
        case Code():
            return _code(block)
        case Chart():
            return _chart(block)
        case Picture():
            return _picture(block)


def _pairs(pairs: Pairs) -> str:
    rows = "".join(
        f"<dt>{escape(clip(name))}</dt>"
        f'<dd{_status(name, text)}>{escape(clip(text))}</dd>'
        for name, text in pairs.rows
    )  # fmt: skip
    return f'<dl class="daf-rows">{rows}</dl>'


def _status(name: str, text: str) -> str:
    return f' class="daf-{text}"' if name == "status" and text.isalpha() and text.isascii() else ""


def _table(table: Table) -> str:
    numbers = [place in table.numbers for place, _ in enumerate(table.columns)]
    head = "".join(
        f'<th scope="col"{_kind(column, number)}>{escape(clip(column))}</th>'
        for number, column in zip(numbers, table.columns, strict=True)
    )
    body = "".join(_row(row, numbers) for row in table.rows)
    caption = "" if table.folded else f"<caption>{escape(clip(table.caption))}</caption>"
    return (
        f'<table class="daf-table">{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _row(row: Sequence[str], numbers: Sequence[bool]) -> str:
    first, *rest = (
        f"{_kind(cell, number)}>{escape(clip(cell))}"
        for number, cell in zip(numbers, row, strict=True)
    )
    cells = "".join(f"<td{cell}</td>" for cell in rest)
    return f'<tr><th scope="row"{first}</th>{cells}</tr>'


def _kind(cell: str, is_number: bool) -> str:
    """How its column is set; only words that no column has room for are broken."""
    long = any(len(word) > _LONGEST_WORD for word in cell.split())
    kinds = [name for name, applies in (("daf-number", is_number), ("daf-long", long)) if applies]
    return f' class="{" ".join(kinds)}"' if kinds else ""


def _code(code: Code) -> str:
    text = f"<pre><code>{escape(code.text)}</code></pre>"
    if code.folded:
        return _folded(code.caption, text)
    caption = f'<figcaption class="daf-quiet">{escape(clip(code.caption))}</figcaption>'
    return f"<figure>{caption}{text}</figure>"


def _folded(caption: str, inside: str) -> str:
    return f"<details><summary>{escape(clip(caption))}</summary>{inside}</details>"


def _chart(block: Chart) -> str:
    frame = _FRAMES[block.size]
    total = 0 if block.size == "small" else block.total
    what = one_line(block.what, limit=120)
    picture = chart(block.curves, total=total, what=what, frame=frame, span=block.span)
    last = max([total, 1, *(curve.steps[-1] for curve in block.curves[:MOST_CURVES])])
    picture = marked(picture, block.marks, last=last, frame=frame)
    if block.size == "small":
        newest = ", ".join(number(curve.means[-1]) for curve in block.curves[:MOST_CURVES])
        told = f"<span>{escape(what)}</span><b>{escape(newest)}</b>"
        return f"<figure><figcaption>{told}</figcaption>{picture}</figure>"
    note = "; marked: changes from outside" if block.marks else ""
    legend = legend_html(f"{what}{note}", [curve.name for curve in block.curves])
    return f'<figure class="daf-chart-whole">{legend}{picture}</figure>'


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.data).decode("ascii")
    return (
        f'<figure><img alt="{escape(clip(picture.alt))}" src="data:{picture.media};base64,{data}">'
        f'<figcaption class="daf-quiet">{escape(clip(picture.name))}</figcaption></figure>'
    )
