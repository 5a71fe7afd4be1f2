"""The live panel's widgets over real runs, without a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.notebook.live import LivePanel
from tests.worlds import Counting, Raising


def start(tmp_path, world: Callable[[], Any] = Counting, **fields: Any) -> daf.Run:
    fields = {"total_timesteps": 10_000_000, "num_envs": 2, "torch_threads": 1} | fields
    return daf.train(world, algorithm_kwargs={"n_steps": 16}, runs_dir=tmp_path, **fields)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def shown(panel: LivePanel) -> str:
    return panel._head.value


def enabled(panel: LivePanel) -> list[str]:
    return [
        button.description
        for button in (panel.pause, panel.resume, panel.stop)
        if not button.disabled
    ]


@pytest.fixture
def live(tmp_path):
    run = start(tmp_path)
    yield run, LivePanel(run, interval=0.05)
    run.stop()
    run.wait()


def test_presses_pause_resume_and_stop_the_run(live):
    run, panel = live
    until(lambda: run.step > 0)
    panel.pause.click()
    until(lambda: "PAUSED" in shown(panel))
    until(lambda: enabled(panel) == ["Resume", "Stop"])
    stood = run.step
    time.sleep(0.3)
    assert (run.status, run.step) == ("PAUSED", stood)

    panel.resume.click()
    until(lambda: "RUNNING" in shown(panel) and run.step > stood)
    until(lambda: enabled(panel) == ["Pause", "Stop"])

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


def test_a_pause_that_has_not_come_is_shown_as_wished(tmp_path):
    gate = threading.Event()

    class Held(Counting):
        def reward(self, agent: str, action: Any) -> float:
            if threading.current_thread().name.startswith("daf_nb-run") and self.elapsed == 7:
                gate.wait(30)
            return 1.0

    run = start(tmp_path, Held, total_timesteps=10_000)
    panel = LivePanel(run, interval=0.05)
    panel.pause.click()
    until(lambda: "RUNNING</b><span>, pausing at the next boundary" in shown(panel))
    until(lambda: enabled(panel) == ["Resume", "Stop"])
    assert run.status == "RUNNING"
    gate.set()
    until(lambda: "PAUSED" in shown(panel))
    assert "pausing" not in shown(panel)
    run.stop()
    run.wait()


def test_the_watching_thread_ends_with_the_run_and_leaves_the_final_state(tmp_path):
    run = start(tmp_path, total_timesteps=320)
    panel = LivePanel(run, interval=0.05)
    run.wait()
    panel._thread.join(10)
    assert not panel._thread.is_alive()
    assert "<b>COMPLETED</b>" in shown(panel) and "320 of 320" in shown(panel)
    assert "<polyline" in panel._curves.value


def test_a_failed_run_shows_its_error_escaped(tmp_path):
    run = start(tmp_path, lambda: Raising(at=3, limit=50), name="<b>bad</b>")
    panel = LivePanel(run, interval=0.05)
    with pytest.raises(RuntimeError, match="the world broke"):
        run.wait()
    panel._thread.join(10)
    assert "<b>FAILED</b>" in shown(panel)
    assert "RuntimeError: the world broke at step 3" in shown(panel)
    assert "&lt;b&gt;bad&lt;/b&gt;" in shown(panel)


def test_a_panel_on_a_finished_run_shows_its_end(tmp_path):
    run = start(tmp_path, total_timesteps=320)
    run.wait()
    panel = LivePanel(run)
    assert "COMPLETED" in shown(panel) and enabled(panel) == []
    assert "COMPLETED, 320 of 320" in repr(panel)


def test_every_button_has_a_name_and_says_what_it_does(live):
    _, panel = live
    for button in (panel.pause, panel.resume, panel.stop):
        assert button.tooltip.startswith(f"{button.description}: ")


def test_what_is_displayed_has_a_text_and_a_picture_that_outlives_the_kernel(tmp_path, monkeypatch):
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        "daf_nb.notebook.live.display", lambda data, **how: sent.append(("display", data))
    )
    monkeypatch.setattr(
        "daf_nb.notebook.live.update_display", lambda data, **how: sent.append(("update", data))
    )
    run = start(tmp_path, total_timesteps=640)
    panel = LivePanel(run, interval=0.05)
    panel._ipython_display_()
    run.wait()
    panel._thread.join(10)
    (_, view), (_, first), *_, (verb, last) = sent
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.widget.model_id
    assert view["text/plain"].startswith(f"run {run.id} experiment\n")
    assert f"run {run.id}</span>" in first["text/html"]
    assert verb == "update"
    assert "COMPLETED" in last["text/html"] and "<polyline" in last["text/html"]
    assert "COMPLETED, 640 of 640 agent-steps (100 %) in" in last["text/plain"]
