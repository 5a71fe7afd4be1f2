"""Return curves and diagnostics over real runs."""

from __future__ import annotations

import re

from daf_nb.notebook.panels.training import TrainingPanel
from tests.notebook.helpers import Graded, graded, start, until
from tests.worlds import TwoKinds


def returns(panel: TrainingPanel) -> str:
    return panel._returns.value


def small(panel: TrainingPanel) -> list[str]:
    return re.findall(r"<figcaption><span>([^<]*)</span>", panel._small.value)


def polylines(html: str) -> int:
    return html.count("<polyline")


def test_the_return_has_its_interval_and_the_update_its_losses(tmp_path):
    run = start(tmp_path, total_timesteps=2_000, num_envs=8)
    panel = TrainingPanel(run)
    run.wait()
    assert panel.widget
    assert polylines(returns(panel)) == 1 and "<polygon" in returns(panel)
    assert "95 % interval" in returns(panel)
    assert small(panel) == ["loss", "KL divergence", "explained variance", "entropy share"]
    assert "<b>COMPLETED</b>" in panel.status._head.value


def test_groups_are_told_apart_and_shown_first(tmp_path):
    run = start(tmp_path, TwoKinds, total_timesteps=400)
    run.wait()
    panel = TrainingPanel(run)
    assert panel.widget
    assert panel.returns_of.options == ("all agents", "groups")
    assert panel.returns_of.value == "groups"
    for group in run.policies:
        assert f"<span>{group}</span>" in returns(panel)
    assert polylines(returns(panel)) == 2
    assert polylines(panel._small.value) == 2 * len(small(panel))
    panel.returns_of.value = "all agents"
    assert polylines(returns(panel)) == 1


def test_tasks_have_curves_of_their_own_in_the_curriculums_order(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("z", "a", "<i>"), total_timesteps=2_000)
    run.wait()
    panel = TrainingPanel(run)
    assert panel.widget
    panel.returns_of.value = "tasks"
    names = re.findall(r"<i></i><span>([^<]*)</span>", returns(panel))
    assert names == ["z", "a", "&lt;i&gt;"]
    assert small(panel)[0] == "success rate"


def test_smoothing_is_over_so_many_updates(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"), total_timesteps=2_000)
    run.wait()
    panel = TrainingPanel(run)
    assert panel.widget
    rough = returns(panel)
    panel.smoothing.value = 20
    assert "mean over 20 updates" in returns(panel)
    assert returns(panel) != rough


def test_nothing_new_is_nothing_drawn(tmp_path, monkeypatch):
    run = start(tmp_path, total_timesteps=500)
    run.wait()
    panel = TrainingPanel(run)
    assert panel.widget
    drawn: list[object] = []
    monkeypatch.setattr(
        "daf_nb.notebook.panels.training.curves_html", lambda *_, **__: drawn.append(1) or ""
    )
    panel.look()
    assert drawn == []
    panel.smoothing.value = 5
    assert len(drawn) == 1


def test_choices_come_as_they_come_to_be_known(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"))
    panel = TrainingPanel(run, interval=0.05)
    assert panel.widget
    until(lambda: "tasks" in panel.returns_of.options)
    panel.returns_of.value = "tasks"
    until(lambda: polylines(returns(panel)) == 2)
    run.stop()
    run.wait()
