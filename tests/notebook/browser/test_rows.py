"""What is read of a folder of runs, and read again."""

from __future__ import annotations

import time

import pytest

from daf_nb.notebook.browser.rows import read_rows
from daf_nb.record.document import utc_now
from daf_nb.record.reading import glance
from tests.record.written import change, write_run


@pytest.fixture
def settled(monkeypatch):
    """Files are taken to be old enough for a later change to show."""
    monkeypatch.setattr(glance, "SETTLED", -1)


def test_a_row_says_what_the_record_says_and_nothing_else(tmp_path):
    ours = {
        "name": "<b>bold</b>", "tags": ["a", "b"], "world": "toy", "steps": 7, "return_last": "NaN",
        "return_best": 2.5, "success": 0.5, "cell_line": "%%experiment x", "kind": "experiment",
    }  # fmt: skip
    write_run(tmp_path, 3, ours=ours)
    (tmp_path / "4").mkdir()
    full, empty = read_rows(tmp_path, {}).values()
    assert (full.id, full.name, full.tags, full.steps) == (3, "<b>bold</b>", ("a", "b"), 7)
    assert (full.last, full.best, full.success) == (None, 2.5, 0.5)
    assert (full.cell, full.kind, full.duration) == ("%%experiment x", "experiment", 0.0)
    assert (empty.status, empty.name, empty.started, empty.best) == ("UNREADABLE", "", None, None)


def test_what_has_not_changed_is_the_same_row(tmp_path, settled):
    write_run(tmp_path, 1)
    second = write_run(tmp_path, 2)
    before = read_rows(tmp_path, {})
    change(second / "run.json", status="FAILED")
    after = read_rows(tmp_path, before)
    assert after[1] is before[1]
    assert (before[2].status, after[2].status) == ("COMPLETED", "FAILED")


def test_the_time_of_what_is_alive_goes_on_and_it_is_lost_after_half_a_minute(tmp_path, settled):
    folder = write_run(tmp_path, 1, status="RUNNING")
    change(folder / "run.json", start_time=utc_now(), heartbeat=utc_now(), stop_time=None)
    before = read_rows(tmp_path, {})
    time.sleep(0.05)
    after = read_rows(tmp_path, before)
    was, now = before[1].duration, after[1].duration
    assert before[1].alive and was is not None and now is not None and was < now
    change(folder / "run.json", heartbeat="2026-01-01T00:00:00")
    assert read_rows(tmp_path, after)[1].status == "LOST"


def test_a_folder_that_does_not_exist_has_no_runs(tmp_path):
    assert read_rows(tmp_path / "none", {}) == {}
