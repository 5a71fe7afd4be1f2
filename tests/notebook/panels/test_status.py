"""State and buttons over real runs."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.notebook.panels.status import StatusPanel
from daf_nb.notebook.recorded import RecordedSource
from tests.notebook.helpers import start, until
from tests.worlds import Counting, Raising


def shown(panel: StatusPanel) -> str:
    return panel._head.value


def told(panel: StatusPanel) -> str:
    return panel._told.value


def enabled(panel: StatusPanel) -> list[str]:
    buttons = (panel.pause, panel.resume, panel.stop, panel.checkpoint)
    return [button.description for button in buttons if not button.disabled]


@pytest.fixture
def live(tmp_path):
    run = start(tmp_path)
    panel = StatusPanel(run, interval=0.05)
    assert panel.widget is panel.widget
    yield run, panel
    run.stop()
    run.wait()


def test_presses_pause_resume_and_stop_the_run(live):
    run, panel = live
    until(lambda: run.step > 0)
    panel.pause.click()
    until(lambda: "PAUSED" in shown(panel))
    until(lambda: enabled(panel) == ["Resume", "Stop", "Checkpoint"])
    stood = run.step
    time.sleep(0.3)
    assert (run.status, run.step) == ("PAUSED", stood)

    panel.resume.click()
    until(lambda: "RUNNING" in shown(panel) and run.step > stood)
    until(lambda: enabled(panel) == ["Pause", "Stop", "Checkpoint"])

    panel.stop.click()
    until(lambda: "INTERRUPTED" in shown(panel))
    assert run.wait() is not None
    until(lambda: enabled(panel) == [])


def test_a_press_twice_is_a_press(live):
    run, panel = live
    panel.pause.click()
    panel.pause.click()
    until(lambda: run.status == "PAUSED")
    panel.resume.click()
    panel.resume.click()
    until(lambda: run.status == "RUNNING")


def held_world(gate: threading.Event) -> type[Counting]:
    class Held(Counting):
        def reward(self, agent: str, action: Any) -> float:
            if threading.current_thread().name.startswith("daf_nb-run") and self.elapsed == 7:
                gate.wait(30)
            return 1.0

    return Held


def test_a_pause_that_has_not_come_is_shown_as_wished(tmp_path):
    gate = threading.Event()
    run = start(tmp_path, held_world(gate), total_timesteps=10_000)
    panel = StatusPanel(run, interval=0.05)
    assert panel.widget
    panel.pause.click()
    until(lambda: "RUNNING</b><span>, pausing at the next boundary" in shown(panel))
    until(lambda: enabled(panel) == ["Resume", "Stop", "Checkpoint"])
    assert run.status == "RUNNING"
    gate.set()
    until(lambda: "PAUSED" in shown(panel))
    assert "pausing" not in shown(panel)
    run.stop()
    run.wait()


def test_a_checkpoint_is_asked_for_without_waiting_and_told_when_it_is_there(tmp_path):
    gate = threading.Event()
    run = start(tmp_path, held_world(gate), total_timesteps=10_000)
    panel = StatusPanel(run, interval=0.05)
    assert panel.widget
    panel.checkpoint.click()  # it returns, though no boundary can come
    until(lambda: "checkpoint: pending, for the next boundary" in told(panel))
    assert "Checkpoint" not in enabled(panel)
    assert not list((run.folder / "checkpoints").glob("*"))
    gate.set()
    until(lambda: "checkpoint: saved at step" in told(panel))
    assert "(all.zip)" in told(panel)
    assert daf.load_run(run.id, runs_dir=tmp_path).checkpoints
    until(lambda: "Checkpoint" in enabled(panel))
    run.stop()
    run.wait()


def test_a_checkpoint_that_cannot_be_written_says_so(live, monkeypatch):
    run, panel = live

    def full() -> None:
        raise OSError("no space left <on> device")

    monkeypatch.setattr(run, "checkpoint", full)
    panel.checkpoint.click()
    until(lambda: "checkpoint: failed: OSError: no space left &lt;on&gt; device" in told(panel))


def test_a_failed_run_shows_its_error_escaped(tmp_path):
    run = start(tmp_path, lambda: Raising(at=3, limit=50), name="<b>bad</b>")
    panel = StatusPanel(run, interval=0.05)
    assert panel.widget
    with pytest.raises(daf.TrainingEnvironmentError, match="the world broke"):
        run.wait()
    until(lambda: "<b>FAILED</b>" in shown(panel))
    until(lambda: "the world broke at step 3" in shown(panel))
    assert "&lt;b&gt;bad&lt;/b&gt;" in shown(panel)


def test_a_panel_on_a_finished_run_shows_its_end(tmp_path):
    run = start(tmp_path, total_timesteps=320)
    run.wait()
    panel = StatusPanel(run)
    assert panel.widget
    assert "COMPLETED" in shown(panel) and enabled(panel) == []
    assert "COMPLETED, 320 of 320" in repr(panel)


def test_a_record_has_no_buttons(tmp_path):
    run = start(tmp_path, total_timesteps=320)
    run.wait()
    panel = StatusPanel(RecordedSource(daf.load_run(run.id, runs_dir=tmp_path)))
    assert panel.widget
    assert list(panel.body.children) == [panel._head]
    assert "<b>COMPLETED</b>" in shown(panel)


def test_every_button_has_a_name_and_says_what_it_does(live):
    _, panel = live
    for button in (panel.pause, panel.resume, panel.stop, panel.checkpoint):
        assert button.tooltip.startswith(f"{button.description}: ")
