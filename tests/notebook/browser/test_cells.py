"""Runs as short texts, whatever they are called."""

from __future__ import annotations

import datetime

import pytest

from daf_nb.notebook.browser.cells import COLUMNS, cells_of, moment, name_of
from daf_nb.notebook.browser.rows import read_rows
from daf_nb.notebook.browser.saved import snapshot
from daf_nb.notebook.browser.text import table_text
from tests.record.written import write_run

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "a\nb\x00\x1b[31m\x7f",
    "\u202efdp.exe\u2066\u200b",
    "x" * 10_000,
    '"><script>alert(1)</script>',
    "\ud800",
]


def row_of(tmp_path, name="x", **ours):
    write_run(tmp_path, 7, name=name, ours={"name": name, **ours})
    return read_rows(tmp_path, {})[7]


def told(row):
    return {column.key: cell for column, cell in zip(COLUMNS, cells_of(row), strict=True)}


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_one_short_line_of_printable_letters(tmp_path, text):
    row = row_of(tmp_path, text, tags=[text], cell_line=text, world=text)
    for cell in cells_of(row):
        assert cell["text"].isprintable() and len(cell["text"]) <= 80
        assert cell.get("about", "").isprintable() and len(cell.get("about", "")) <= 400
    assert name_of(row).isprintable() and len(name_of(row)) < 60
    page = snapshot([row], live="daf-live-1")
    assert "<img" not in page["text/html"] and "<script" not in page["text/html"]
    assert all(line.isprintable() for line in page["text/plain"].splitlines())


def test_what_is_cut_is_said_whole_when_pointed_at(tmp_path):
    cells = told(row_of(tmp_path, "long " * 30, tags=["one"]))
    assert cells["name"]["text"].endswith("…") and len(cells["name"]["about"]) == 150
    assert cells["tags"] == {"text": "one"}


def test_numbers_are_as_one_reads_them(tmp_path):
    row = row_of(tmp_path, steps=1234567, return_last=-12.3456, return_best=0.01234, success=0.756)
    cells = told(row)
    texts = {key: cells[key]["text"] for key in ("steps", "last", "best", "success", "duration")}
    assert texts == {
        "steps": "1,234,567", "last": "-12.35", "best": "0.0123", "success": "0.76",
        "duration": "0.0 s",
    }  # fmt: skip


def test_a_moment_has_a_year_where_it_is_another_one():
    now = datetime.datetime.now(datetime.UTC)
    assert str(now.astimezone().year) not in moment(now)
    assert moment(now.replace(year=1999)).startswith("1999-")
    assert moment(None) == ""


def test_a_table_is_as_wide_and_as_high_as_it_may_be(tmp_path):
    for number in range(1, 31):
        name = "名" * 30 if number == 30 else f"run {number}"
        write_run(tmp_path, number, name=name, ours={"tags": ["a", "b"], "steps": number})
    rows = list(read_rows(tmp_path, {}).values())[::-1]
    lines = table_text(rows, width=60, height=12).splitlines()
    assert len(lines) == 12
    assert lines[0].split() == ["Run", "Name", "Status", "Started"]
    assert lines[1].split()[1] == "名" * 13 + "…"
    assert lines[-1] == "and 20 more: list_runs() has all"
    wide = table_text(rows, width=200, height=100).splitlines()
    assert len(wide) == 31 and wide[0].split()[-2:] == ["Tags", "Cell"]
    assert "Success" not in wide[0], "no run has one"
    assert table_text([], width=60, height=12) == "There are no runs."
