"""The view of a run in places without widgets."""

from __future__ import annotations

import subprocess
import sys

import daf_nb as daf
from daf_nb.notebook.text import sparkline
from tests.notebook.helpers import Graded, graded, start
from tests.worlds import Counting, TwoKinds


def test_blocks_rise_with_the_values():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5.0, 5.0]) == "▄▄"
    assert sparkline([]) == ""


def test_plain_python_gets_text_that_follows_the_run(tmp_path):
    run = daf.train(
        Counting, total_timesteps=320, num_envs=2, name="plain\x1b[31m", runs_dir=tmp_path,
        algorithm_kwargs={"n_steps": 16}, torch_threads=1,
    )  # fmt: skip
    panel = run.panel()
    assert repr(panel).startswith(f"run {run.id} plain\\x1b[31m\n")
    run.wait()
    _, state, curve = repr(panel).splitlines()
    assert state.startswith("COMPLETED, 320 of 320 agent-steps (100 %)")
    assert curve == "return per agent  ▄▄▄▄▄  10.00 to 10.00"


def test_each_group_has_a_line(tmp_path):
    run = daf.train(
        TwoKinds, total_timesteps=320, num_envs=2, runs_dir=tmp_path,
        algorithm_kwargs={"n_steps": 16}, torch_threads=1,
    )  # fmt: skip
    run.wait()
    lines = repr(run.panel()).splitlines()[2:]
    assert [line.split("  ")[0] for line in lines] == [
        f"return per agent of {group}" for group in run.policies
    ]


def test_journal_and_curriculum_are_told(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"))
    run.controls.set("learning_rate", 1e-3, by="user").wait(20)
    run.stop()
    run.wait()
    text = repr(run.panel())
    assert "curriculum: uniform, difficulty 0.5" in text
    assert "2 tasks" in text
    (entry,) = run.controls.journal
    assert f"journal: step {entry.step:,}: learning_rate 0.0003 → 0.001 by user" in text


def test_text_loads_no_widget():
    code = (
        "import sys, daf_nb.notebook as notebook; notebook.panel(None);"
        "sys.exit(bool({'anywidget', 'ipywidgets', 'matplotlib', 'traitlets'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
