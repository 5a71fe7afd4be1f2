"""Rules, proposals and decisions over real runs."""

from __future__ import annotations

from typing import Any

import pytest

import daf_nb as daf
from daf_nb.config import Action, Rule
from daf_nb.notebook.panels import AdaptivePanel
from daf_nb.notebook.recorded import RecordedSource
from tests.notebook.helpers import ask, start, until

ALWAYS = Rule(
    name="<b>up</b>",
    signal="rollout/length_mean",
    high=1.0,
    above=Action(knob="n_epochs", add=1, at_most=90),
)
NEVER = Rule(name="never", signal="no/such", low=0.0, below=Action(verb="stop"))


def begin(tmp_path, mode: Any) -> tuple[daf.Run, AdaptivePanel]:
    config = daf.AdaptiveConfig(mode=mode, rules=(ALWAYS, NEVER))
    run = start(tmp_path, controller=daf.AdaptiveController(config))
    panel = AdaptivePanel(run, interval=0.05)
    assert panel.widget
    return run, panel


def end(run: daf.Run) -> None:
    run.stop()
    run.wait()


def rows(table: Any) -> list[list[Any]]:
    return [row["cells"] for row in table.rows]


def test_rules_are_shown_against_their_bands(tmp_path):
    run, panel = begin(tmp_path, "off")
    up = until(lambda: [row for row in rows(panel.signals) if row[2] == "10"])[0]
    name, signal, value, band, state, _ = up
    assert (name, signal, value) == ("<b>up</b>", "rollout/length_mean", "10")
    assert (band["text"], band["out"], band["at"]) == ("up to 1", True, 1.0)
    assert state.startswith("above")
    never = rows(panel.signals)[1]
    assert never[2] == "" and never[4].startswith("no data")
    end(run)


def test_a_proposal_is_accepted_by_a_press(tmp_path):
    run, panel = begin(tmp_path, "advise")
    (row,) = until(lambda: panel.proposals.rows)
    number, rule, because, action, answers = row["cells"]
    assert (rule, because) == ("<b>up</b>", "rollout/length_mean 10, above 1")
    assert action.startswith("n_epochs + 1")
    assert [answer["name"] for answer in answers] == [
        f"Accept proposal {number}",
        f"Refuse proposal {number}",
    ]
    run.pause()
    until(lambda: run.status == "PAUSED")
    before = run.controls["n_epochs"]
    (row,) = until(lambda: panel.proposals.rows)
    ask(panel.proposals, {"key": row["key"], "action": "accept"})
    until(lambda: run.controls["n_epochs"] == before + 1)
    until(lambda: "accepted by panel" in str(rows(panel.decisions)))
    accepted = [cells for cells in rows(panel.decisions) if cells[0] == row["key"]]
    assert [(cells[2], cells[5]) for cells in accepted] == [("<b>up</b>", "accepted by panel")]
    end(run)


def test_a_proposal_is_refused_by_a_press_and_not_made_again(tmp_path):
    run, panel = begin(tmp_path, "advise")
    (row,) = until(lambda: panel.proposals.rows)
    ask(panel.proposals, {"key": row["key"], "action": "refuse"})
    until(lambda: "refused by panel" in str(rows(panel.decisions)))
    until(lambda: panel.proposals.rows == [])
    ask(panel.proposals, {"key": row["key"], "action": "accept"})
    until(lambda: f"decision {row['key']} is refused" in panel._told.value)
    assert run.controls["n_epochs"] == 10
    end(run)


def test_the_mode_is_a_knob(tmp_path):
    run, panel = begin(tmp_path, "off")
    mode = panel._knobs["adaptive.mode"]
    assert (mode.value, mode.label) == ("off", "mode")
    assert rows(panel.decisions) == []
    mode.value = "auto"
    until(lambda: rows(panel.decisions))
    assert run.controller is not None and run.controller.mode == "auto"
    end(run)


def test_decisions_are_told_newest_first_and_counted(tmp_path):
    run, panel = begin(tmp_path, "auto")
    until(lambda: run.controller and len(run.controller.decisions) > 60, 120)
    end(run)
    panel.look()
    assert run.controller is not None
    made = run.controller.decisions
    shown = rows(panel.decisions)
    assert len(shown) == 50 and f"{len(made)} in all" in panel.decisions.note
    assert [row[0] for row in shown] == [str(one.number) for one in reversed(made[-50:])]
    assert shown[0][1] == f"{made[-1].step:,}"
    assert shown[0][3] == "rollout/length_mean 10, above 1"


def test_after_the_end_nothing_can_be_answered(tmp_path):
    run, panel = begin(tmp_path, "advise")
    until(lambda: panel.proposals.rows)
    end(run)
    panel.look()
    assert [row["cells"][4] for row in panel.proposals.rows] in ([], [[]])


def test_a_record_has_its_decisions(tmp_path):
    run, panel = begin(tmp_path, "auto")
    until(lambda: run.controller and len(run.controller.decisions) > 3)
    end(run)
    panel.look()
    record = AdaptivePanel(RecordedSource(daf.load_run(run.id, runs_dir=tmp_path)))
    assert record.widget
    assert rows(record.decisions) == rows(panel.decisions)
    assert panel.signals not in record.body.children


def test_a_run_without_rules_is_refused(tmp_path):
    run = start(tmp_path, total_timesteps=64)
    with pytest.raises(daf.ConfigError, match="no adaptive controller"):
        AdaptivePanel(run)
    run.wait()
