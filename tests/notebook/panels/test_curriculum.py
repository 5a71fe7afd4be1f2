"""The curriculum's panel over real runs."""

from __future__ import annotations

from typing import Any

import pytest

import daf_nb as daf
from daf_nb.notebook.panels import CurriculumPanel
from daf_nb.notebook.recorded import RecordedSource
from tests.notebook.helpers import Graded, ask, graded, start, until


def begin(tmp_path, curriculum: daf.CurriculumManager) -> tuple[daf.Run, CurriculumPanel]:
    run = start(tmp_path, Graded, curriculum=curriculum)
    panel = CurriculumPanel(run, interval=0.05)
    assert panel.widget
    return run, panel


def end(run: daf.Run) -> None:
    run.stop()
    run.wait()


def wide(**config: Any) -> daf.CurriculumManager:
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="adaptive", **config))
    manager.add_task("all", difficulty=(0.0, 1.0), config={"level": daf.Linear(0.0, 1.0)})
    return manager


def cells(panel: CurriculumPanel, task: str) -> list[Any]:
    (row,) = (row for row in panel.tasks.table.rows if row["key"] == task)
    return row["cells"]


def test_every_task_is_told_as_the_manager_tells_it(tmp_path):
    run, panel = begin(tmp_path, graded("near", "<b>middle</b>", "far"))
    until(lambda: run.step > 500)
    end(run)
    panel.look()
    assert run.curriculum is not None
    stats = run.curriculum.get_curriculum_stats()["tasks"]["<b>middle</b>"]
    name, difficulty, share, success, progress, episodes, weight, state = cells(
        panel, "<b>middle</b>"
    )
    assert (name, difficulty) == ("<b>middle</b>", "0.5")
    assert share["text"] == f"{100 * stats['share']:.1f} %"
    low, high = stats["interval"]
    assert success == {
        "text": f"0.50 ({low:.2f} to {high:.2f})",
        "from": 0,
        "to": 0.5,
        "low": low,
        "high": high,
    }
    assert (progress, episodes) == (f"{stats['learning_progress']:.2f}", f"{stats['episodes']:,}")
    assert (weight["value"], weight["name"]) == (1.0, "weight of <b>middle</b>")
    assert state == ", ".join(stats["flags"])
    assert "uniform, difficulty 0.5" in panel._line.value
    assert "<polyline" in panel._chart.value


def test_a_weight_is_asked_for_shown_and_applied(tmp_path):
    run, panel = begin(tmp_path, graded("near", "far"))
    ask(panel.tasks.table, {"key": "far", "column": 6, "value": 0.0})
    until(lambda: run.controls["curriculum.weight[far]"] == 0.0)
    until(lambda: "left out" in str(cells(panel, "far")[7]))
    assert cells(panel, "far")[6]["value"] == 0.0
    assert "weight applied at step" in str(cells(panel, "far")[7])
    ask(panel.tasks.table, {"key": "near", "column": 6, "value": -1.0})
    until(lambda: "weight refused: " in str(cells(panel, "near")[7]))
    assert run.controls["curriculum.weight[near]"] == 1.0
    end(run)


def test_many_tasks_have_pages(tmp_path):
    run, panel = begin(tmp_path, graded(*(f"task {n:03}" for n in range(45))))
    table = panel.tasks.table
    assert (len(table.rows), table.page, table.pages, table.note) == (20, 0, 3, "45 in all")
    ask(table, {"page": 2})
    until(lambda: table.page == 2)
    assert [row["key"] for row in table.rows] == [f"task {n:03}" for n in range(40, 45)]
    ask(table, {"page": 9})
    until(lambda: table.page == 2)
    end(run)


def test_easier_and_harder_move_the_bound_where_there_is_one(tmp_path):
    run, panel = begin(tmp_path, wide())
    before = run.controls["curriculum.difficulty"]
    panel.buttons["Harder"].click()
    until(lambda: run.controls["curriculum.difficulty"] > before)
    (entry,) = run.controls.journal
    assert entry.by == "panel"
    assert entry.new == pytest.approx(entry.old + 0.05)
    panel.buttons["Easier"].click()
    until(lambda: len(run.controls.journal) == 2)
    assert run.controls.journal[1].new == pytest.approx(run.controls.journal[1].old - 0.05)
    end(run)


def test_without_a_bound_the_bias_is_moved(tmp_path):
    run, panel = begin(tmp_path, graded("near", "far"))
    panel.buttons["Easier"].click()
    until(lambda: run.controls["curriculum.difficulty_bias"] == -0.25)
    panel.buttons["Harder"].click()
    until(lambda: run.controls["curriculum.difficulty_bias"] == 0.0)
    end(run)


def test_support_is_rehearsal_and_easier(tmp_path):
    run, panel = begin(tmp_path, graded("near", "far"))
    panel.buttons["Support"].click()
    until(lambda: len(run.controls.journal) == 2)
    changed = {entry.name: entry.new for entry in run.controls.journal}
    assert changed == {"curriculum.rehearsal": 100, "curriculum.difficulty_bias": -0.25}
    end(run)


def test_rehearse_rehearses(tmp_path):
    run, panel = begin(tmp_path, graded("near", "far"))
    panel.buttons["Rehearse"].click()
    (entry,) = until(lambda: run.controls.journal)
    assert (entry.name, entry.new, entry.by) == ("curriculum.rehearsal", 100, "panel")
    end(run)


def test_the_steps_are_those_of_the_runs_own_controller(tmp_path):
    controller = daf.AdaptiveController(
        daf.AdaptiveConfig(difficulty_step=0.2, rehearsal=7, mode="off")
    )
    run = start(tmp_path, Graded, curriculum=wide(), controller=controller)
    panel = CurriculumPanel(run)
    panel.buttons["Harder"].click()
    panel.buttons["Rehearse"].click()
    until(lambda: len(run.controls.journal) == 2)
    changed = {entry.name: entry for entry in run.controls.journal}
    bound = changed["curriculum.difficulty"]
    assert bound.new == pytest.approx(bound.old + 0.2)
    assert changed["curriculum.rehearsal"].new == 7
    end(run)


def test_levers_are_there(tmp_path):
    run, panel = begin(tmp_path, graded("near", "far"))
    assert panel._names == [
        f"curriculum.{name}"
        for name in (
            "strategy",
            "difficulty",
            "difficulty_bias",
            "uniform_share",
            "task",
            "hold",
            "rehearsal",
        )
    ]
    knobs = panel._knobs
    assert knobs["curriculum.difficulty"].frozen
    assert knobs["curriculum.task"].label == "task"
    knobs["curriculum.task"].value = "far"
    knobs["curriculum.hold"].value = True
    until(lambda: "only far is played, held still" in panel._line.value)
    end(run)


def test_after_the_end_nothing_can_be_pressed(tmp_path):
    run, panel = begin(tmp_path, graded("near", "far"))
    end(run)
    until(lambda: all(button.disabled for button in panel.buttons.values()))
    assert cells(panel, "far")[6]["frozen"]
    panel.buttons["Easier"].click()
    until(lambda: "has ended" in panel._told.value)


def test_a_record_has_tasks_and_pictures(tmp_path):
    run, panel = begin(tmp_path, graded("near", "far"))
    until(lambda: run.step > 500)
    end(run)
    panel.look()
    record = CurriculumPanel(RecordedSource(daf.load_run(run.id, runs_dir=tmp_path)))
    assert record.widget and record.slices is None
    assert list(record.body.children) == [record._line, record._chart, record.tasks.table]
    assert cells(record, "far")[2] == cells(panel, "far")[2]
    assert cells(record, "far")[6] == "1.00", "nothing to type into"
    assert record._chart.value == panel._chart.value


def test_a_run_without_a_curriculum_is_refused(tmp_path):
    run = start(tmp_path, total_timesteps=64)
    with pytest.raises(daf.ConfigError, match="no curriculum"):
        CurriculumPanel(run)
    run.wait()
