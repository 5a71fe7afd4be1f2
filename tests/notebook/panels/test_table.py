"""A table of rows: what is sent, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daf_nb.notebook.panels.table import Table, column
from tests.notebook.helpers import ask

ROWS = [{"key": "a", "cells": ["first", "1"]}]


def test_what_is_the_same_is_not_sent(monkeypatch):
    table = Table("Things", [column("Name"), column("Count", "number")])
    sent: list[Any] = []
    monkeypatch.setattr(table, "_send", lambda message, buffers=None: sent.append(message))
    table.fill(ROWS, note="1 in all")
    (first,) = sent
    assert first["state"] == {"rows": ROWS, "note": "1 in all"}
    table.fill([dict(row) for row in ROWS], note="1 in all")
    assert sent == [first]


def test_what_a_person_does_is_heard_and_answered():
    heard: list[Mapping[str, Any]] = []
    table = Table("Things", [column("Name")], heard=heard.append)
    ask(table, {"page": 1})
    ask(table, {"key": "a", "action": "accept"})
    assert heard == [{"page": 1}, {"key": "a", "action": "accept"}]
    assert table.answered == 2


def test_a_page_is_one_of_at_least_one():
    table = Table("Things", [column("Name")])
    table.fill([], pages=0)
    assert (table.page, table.pages, table.rows) == (0, 1, [])
