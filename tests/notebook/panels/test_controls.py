"""Knobs, undo and the journal over real runs."""

from __future__ import annotations

import pytest

import daf_nb as daf
from daf_nb.notebook.panels import ControlsPanel
from daf_nb.notebook.recorded import RecordedSource
from tests.notebook.helpers import Graded, graded, start, until
from tests.worlds import TwoKinds


@pytest.fixture
def live(tmp_path):
    run = start(tmp_path)
    panel = ControlsPanel(run, interval=0.05)
    assert panel.widget
    yield run, panel
    run.stop()
    run.wait()


def names(panel: ControlsPanel) -> list[str]:
    return [widget.knob for widget in panel._rows.children]


def journal(panel: ControlsPanel) -> list[list[str]]:
    return [row["cells"] for row in panel.journal.rows]


def test_every_knob_of_the_run_is_there_in_its_order(live):
    run, panel = live
    assert names(panel) == list(run.controls.knobs)
    assert names(panel)[0] == "learning_rate"
    for name in names(panel):
        assert panel[name].value == run.controls[name]


def test_what_a_cell_sets_is_applied_journaled_and_undone(live):
    run, panel = live
    panel["learning_rate"].value = 1e-3
    until(lambda: panel["learning_rate"].state == "applied")
    until(lambda: len(journal(panel)) == 1)
    (entry,) = run.controls.journal
    assert journal(panel) == [[f"{entry.step:,}", "learning_rate", "0.0003 → 0.001", "panel", ""]]
    panel.undo.click()
    until(lambda: len(journal(panel)) == 2)
    assert run.controls["learning_rate"] == 3e-4
    newest, _ = journal(panel)
    assert newest[2:] == ["0.001 → 0.0003", "panel", "takes back no. 1"]
    until(lambda: "undo of learning_rate: applied at step" in panel._told.value)
    panel.undo.click()
    until(lambda: "nothing is left to take back" in panel._told.value)


def test_what_waits_is_withdrawn_by_undo(live):
    run, panel = live
    run.pause()
    until(lambda: run.status == "PAUSED")
    run.trainer.gate.ask(lambda: None).result()
    panel["gamma"].value = 0.5
    panel["gamma"].value = 0.75
    panel.undo.click()
    until(lambda: "undo" in panel._told.value)
    run.resume()
    until(lambda: run.status == "RUNNING")
    assert run.controls["gamma"] == 0.99


def test_the_newest_fifty_are_shown_and_all_are_counted(live):
    run, panel = live
    run.pause()
    for value in range(1, 61):
        run.controls.set("n_epochs", value, by=f"<b>{value}</b>")
        run.controls.apply()
    until(lambda: "60 changes" in panel.journal.note or "59 changes" in panel.journal.note)
    assert "the newest 50 are shown" in panel.journal.note
    rows = journal(panel)
    assert len(rows) == 50
    assert (rows[0][2], rows[0][3]) == ("59 → 60", "<b>60</b>"), "text, not markup"


def test_knobs_of_groups_are_shown_group_by_group(tmp_path):
    run = start(tmp_path, TwoKinds)
    panel = ControlsPanel(run)
    first, second = list(run.policies)
    assert panel.group.options == (first, second)
    assert f"learning_rate[{first}]" in names(panel)
    assert f"learning_rate[{second}]" not in names(panel)
    panel.group.value = second
    assert f"learning_rate[{second}]" in names(panel)
    assert "evaluation_interval" in names(panel)
    panel[f"learning_rate[{first}]"].value = 0.5
    until(lambda: run.controls[f"learning_rate[{first}]"] == 0.5)
    run.stop()
    run.wait()


def test_knobs_of_the_curriculum_have_their_place_elsewhere_and_are_known(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"))
    panel = ControlsPanel(run)
    assert not [name for name in names(panel) if name.startswith("curriculum.")]
    panel["curriculum.uniform_share"].value = 0.5
    until(lambda: run.controls["curriculum.uniform_share"] == 0.5)
    with pytest.raises(daf.ConfigError, match="Did you mean 'learning_rate'"):
        panel["learning_rat"]
    run.stop()
    run.wait()


def test_when_the_run_has_ended_nothing_can_be_set(tmp_path):
    run = start(tmp_path, total_timesteps=200)
    panel = ControlsPanel(run, interval=0.05)
    assert panel.widget
    run.wait()
    until(lambda: panel.undo.disabled)
    assert all(widget.frozen for widget in panel._rows.children)
    assert f"run {run.id} has ended" in panel._told.value


def test_a_record_has_a_journal_and_no_knobs(tmp_path):
    run = start(tmp_path)
    run.controls.set("gamma", 0.5, by="user").wait(20)
    run.stop()
    run.wait()
    panel = ControlsPanel(RecordedSource(daf.load_run(run.id, runs_dir=tmp_path)))
    assert panel.widget
    assert list(panel.body.children) == [panel.journal]
    assert [row[1:4] for row in journal(panel)] == [["gamma", "0.99 → 0.5", "user"]]
    with pytest.raises(daf.ConfigError):
        panel["gamma"]
