"""Which buttons can be pressed for which runs."""

from __future__ import annotations

import pytest

from daf_nb.notebook.browser.actions import ACTIONS
from daf_nb.notebook.browser.rows import read_rows
from daf_nb.record.document import utc_now
from tests.record.written import change, write_run

BY_NAME = {action.name: action for action in ACTIONS}


@pytest.fixture
def rows(tmp_path):
    write_run(tmp_path, 1)
    write_run(tmp_path, 2, status="FAILED")
    alive = write_run(tmp_path, 3, status="RUNNING")
    change(alive / "run.json", heartbeat=utc_now())
    write_run(tmp_path, 4, ours={"kind": "experiment"})
    (tmp_path / "5").mkdir()
    write_run(tmp_path, 6, status="INTERRUPTED")
    write_run(tmp_path, 7, status="RUNNING")
    return read_rows(tmp_path, {})


@pytest.mark.parametrize(
    ("name", "ids", "why"),
    [
        ("Open", [], "select 1 run"),
        ("Open", [1], ""),
        ("Open", [1, 2], "select 1 run"),
        ("Open", [5], ""),
        ("Compare", [1], "select at least 2 runs"),
        ("Compare", [1, 2, 3], ""),
        ("Report", [], "select at least 1 run"),
        ("Report", [1, 2], ""),
        ("Reproduce", [1], ""),
        ("Reproduce", [2], ""),
        ("Reproduce", [3], "run 3 is RUNNING: it has to end first"),
        ("Reproduce", [4], "run 4 is a cell: daf.reproduce(4, trust=True) executes its code"),
        ("Reproduce", [5], "run 5 is no training that could be played again"),
        ("Resume", [], "select 1 run"),
        ("Resume", [1], "run 1 is COMPLETED: daf.fork(1, total_timesteps=...) trains it on"),
        ("Resume", [2], ""),
        ("Resume", [3], "run 3 is RUNNING: it has to stop first"),
        ("Resume", [4], "run 4 is no training that could go on"),
        ("Resume", [5], "run 5 is no training that could go on"),
        ("Resume", [6], ""),
        ("Resume", [7], ""),
        ("Resume", [6, 7], "select 1 run"),
        ("Delete", [1, 2], ""),
        ("Delete", [1, 3], ""),
        ("Delete", [3], "run 3 is RUNNING: stop it first"),
    ],
)
def test_a_button_says_why_it_cannot_be_pressed(rows, name, ids, why):
    assert BY_NAME[name].why_not([rows[number] for number in ids]) == why


def test_only_what_destroys_asks_once_more():
    assert [action.name for action in ACTIONS if action.asks] == ["Delete"]
