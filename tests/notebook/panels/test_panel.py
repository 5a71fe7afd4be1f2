"""What every panel has: a thread that ends with the run, and a picture that outlives the kernel."""

from __future__ import annotations

from typing import Any

import pytest

from daf_nb.notebook.panels.panel import Panel
from daf_nb.notebook.panels.training import TrainingPanel
from daf_nb.notebook.state import RunState
from tests.notebook.helpers import start, until


class Shy(Panel):
    """Counts how often it was asked to show something; may fail."""

    shown = 0
    trouble = ""

    def show(self, state: RunState) -> None:
        self.shown += 1
        if self.trouble:
            raise OSError(self.trouble)


def test_it_is_looked_after_once_it_is_used_and_until_the_run_has_ended(tmp_path):
    run = start(tmp_path)
    panel = Shy(run, interval=0.05)
    assert panel._watcher is None and panel.shown == 0
    assert panel.widget is panel.widget
    until(lambda: panel.shown > 3)
    run.stop()
    run.wait()
    watcher = panel._watcher
    assert watcher is not None
    until(lambda: not watcher.alive)
    last = panel.shown
    panel.refresh()
    assert panel.shown == last + 1, "now whoever asks looks"


def test_a_panel_of_a_run_that_has_ended_needs_no_thread(tmp_path):
    run = start(tmp_path, total_timesteps=64)
    run.wait()
    panel = Shy(run)
    assert panel.widget and panel._watcher is None and panel.shown == 1


def test_requests_wake_it(tmp_path):
    run = start(tmp_path)
    panel = Shy(run, interval=600)
    assert panel.widget
    until(lambda: panel.shown == 2)  # at once, and by its thread
    run.controls.set("gamma", 0.5, by="user").wait(20)
    until(lambda: panel.shown >= 3)
    run.stop()
    run.wait()


def test_what_it_cannot_show_is_said_and_taken_back(tmp_path):
    run = start(tmp_path)
    panel = Shy(run, interval=0.05)
    assert panel.widget
    panel.trouble = "<b>gone</b>"
    until(lambda: "may be old: OSError: &lt;b&gt;gone&lt;/b&gt;" in panel._notice.value)
    panel.trouble = ""
    panel.refresh()
    until(lambda: panel._notice.value == "")
    run.stop()
    run.wait()


def test_a_part_is_looked_after_by_the_whole(tmp_path):
    run = start(tmp_path, total_timesteps=64)
    run.wait()
    whole, part = Shy(run), Shy(run)
    whole.add(part)
    part.refresh()
    assert (whole.shown, part.shown) == (1, 0)


@pytest.fixture
def page(monkeypatch):
    sent: list[tuple[str, dict[str, Any], Any]] = []
    for verb in ("display", "update_display"):
        monkeypatch.setattr(
            f"daf_nb.notebook.panels.panel.{verb}",
            lambda data, verb=verb, **how: sent.append((verb, data, how.get("display_id"))),
        )
    return sent


def test_what_is_displayed_has_a_text_and_a_picture_that_outlives_the_kernel(tmp_path, page):
    run = start(tmp_path, total_timesteps=640)
    panel = TrainingPanel(run, interval=0.05)
    panel._ipython_display_()
    run.wait()
    until(lambda: panel._watcher is None or not panel._watcher.alive)
    (_, view, _), (_, first, known), *_, (verb, last, again) = page
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.widget.model_id
    assert view["text/plain"].startswith(f"run {run.id} experiment\n")
    assert f"run {run.id}</span>" in first["text/html"]
    assert (verb, again) == ("update_display", known)
    assert "COMPLETED" in last["text/html"] and "<polyline" in last["text/html"]
    assert "COMPLETED, 640 of 640 agent-steps (100 %) in" in last["text/plain"]
    assert f"attach({run.id})" in last["text/html"]


def test_the_picture_has_the_newest_of_the_journal(tmp_path, page):
    run = start(tmp_path)
    panel = TrainingPanel(run, interval=0.05)
    panel._ipython_display_()
    run.controls.set("gamma", 0.5, by="user").wait(20)
    run.stop()
    run.wait()
    until(lambda: "INTERRUPTED" in page[-1][1]["text/plain"])
    _, last, _ = page[-1]
    for text in (last["text/html"], last["text/plain"]):
        assert "gamma 0.99 → 0.5 by user" in text
