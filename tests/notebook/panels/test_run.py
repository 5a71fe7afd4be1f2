"""The whole panel: tabs for what there is, and one that is looked after."""

from __future__ import annotations

import daf_nb as daf
from daf_nb.notebook.panels import RunPanel
from daf_nb.notebook.recorded import RecordedSource
from tests.notebook.helpers import Graded, graded, start, until
from tests.worlds import TwoKinds


def test_a_plain_run_has_two_tabs(tmp_path):
    run = start(tmp_path, total_timesteps=200)
    panel = RunPanel(run)
    assert list(panel.tabs.titles) == ["Training", "Controls"]
    assert panel.curriculum is None and panel.adaptive is None
    run.wait()


def test_everything_there_is_has_a_tab(tmp_path):
    controller = daf.AdaptiveController(daf.AdaptiveConfig(mode="off"))
    run = start(
        tmp_path, Graded, curriculum=graded("near", "far"), controller=controller,
        total_timesteps=200,
    )  # fmt: skip
    panel = RunPanel(run)
    assert list(panel.tabs.titles) == ["Training", "Controls", "Curriculum", "Adaptive"]
    assert len(panel.tabs.children) == 4
    run.wait()


def test_only_the_selected_tab_is_looked_after(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"))
    panel = RunPanel(run, interval=0.05)
    assert panel.curriculum is not None and panel.widget
    until(lambda: "<polyline" in panel.training._returns.value)
    run.controls.set("gamma", 0.5, by="user").wait(20)
    until(lambda: panel.training._drawn and run.step > 200)
    assert panel.controls.journal.rows == []
    panel.tabs.selected_index = 1
    assert len(panel.controls.journal.rows) == 1, "what is selected is brought up to date"
    still = panel.training._returns.value
    panel.tabs.selected_index = 2
    until(lambda: panel.curriculum and panel.curriculum.tasks.table.rows)
    assert panel.training._returns.value == still
    run.stop()
    run.wait()


def test_at_the_end_every_tab_shows_it(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"))
    panel = RunPanel(run, interval=0.05)
    assert panel.curriculum is not None and panel.widget
    run.controls.set("gamma", 0.5, by="user").wait(20)
    run.stop()
    run.wait()
    until(lambda: panel._watcher is not None and not panel._watcher.alive)
    assert "<b>INTERRUPTED</b>" in panel.status._head.value
    assert len(panel.controls.journal.rows) == 1 and panel.controls.undo.disabled
    assert len(panel.curriculum.tasks.table.rows) == 2
    assert panel.status.stop.disabled


def test_one_thread_looks_after_all_of_it(tmp_path):
    run = start(tmp_path, TwoKinds)
    panel = RunPanel(run, interval=0.05)
    assert panel.widget
    parts = (panel.training, panel.status, panel.controls)
    assert [part._watcher for part in parts] == [None, None, None]
    panel.status.pause.click()
    until(lambda: "PAUSED" in panel.status._head.value)
    run.stop()
    run.wait()


def test_panels_share_the_widgets_of_knobs(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"), total_timesteps=200)
    panel = RunPanel(run)
    assert panel.curriculum is not None
    knob = panel.controls["curriculum.hold"]
    assert knob is panel.curriculum._knobs["curriculum.hold"]
    run.wait()


def test_a_record_is_shown_with_a_journal_and_without_buttons(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"), total_timesteps=600)
    run.wait()
    panel = RunPanel(RecordedSource(daf.load_run(run.id, runs_dir=tmp_path)))
    assert panel.widget and panel._watcher is None
    assert list(panel.tabs.titles) == ["Training", "Journal", "Curriculum"]
    assert "<b>COMPLETED</b>" in panel.status._head.value
    assert "<polyline" in panel.training._returns.value
