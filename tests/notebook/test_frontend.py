"""Which view fits the place, and how a run is found by its number."""

from __future__ import annotations

import pytest

import daf_nb as daf
from daf_nb.notebook import attach, frontend, panel
from daf_nb.notebook.panels import RunPanel
from daf_nb.notebook.text import TextPanel
from tests.notebook.helpers import start, until


def test_without_a_notebook_everything_is_text(tmp_path):
    run = start(tmp_path)
    assert isinstance(panel(run), TextPanel)
    live = attach(run.id, runs_dir=tmp_path)
    until(lambda: run.status == "RUNNING")
    assert repr(live).startswith(f"run {run.id} experiment\nRUNNING")
    run.stop()
    run.wait()
    ended = attach(run.id, runs_dir=tmp_path)
    assert isinstance(ended, TextPanel)
    assert repr(ended).startswith(f"run {run.id} experiment\nINTERRUPTED")


def test_in_a_notebook_one_run_has_one_panel_and_a_record_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(frontend, "_has_widgets", lambda: True)
    run = start(tmp_path)
    shown = panel(run)
    assert isinstance(shown, RunPanel) and shown.source.run is run
    assert panel(run) is attach(run.id, runs_dir=tmp_path) is shown
    run.stop()
    run.wait()
    recorded = attach(run.id, runs_dir=tmp_path)
    assert isinstance(recorded, RunPanel) and recorded.source.run is None
    assert panel(run) is shown


def test_a_run_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(daf.RecordError, match="No run '7'"):
        attach(7, runs_dir=tmp_path)
