"""A live run is steered, and every change stands in its record."""

from __future__ import annotations

import time
from typing import Any

import pytest

import daf_nb as daf
from tests.worlds import Counting

KL = daf.Rule(
    name="kl", signal="kl", low=-1.0, high=0.0, above=daf.Action(knob="learning_rate", factor=0.5)
)


def start(tmp_path, **fields: Any) -> daf.Run:
    """Rollouts of 16 steps x 2 copies x 2 agents = 64 rows."""
    fields = {"total_timesteps": 10_000_000, "num_envs": 2, "torch_threads": 1, "seed": 0} | fields
    return daf.train(
        Counting, algorithm_kwargs={"n_steps": 16, "n_epochs": 1}, runs_dir=tmp_path, **fields
    )


def begun(run: daf.Run) -> daf.Run:
    """It has trained for a while."""
    while not run.step:
        time.sleep(0.001)
    return run


def ended(run: daf.Run, tmp_path) -> daf.RunRecord:
    run.stop()
    run.wait()
    return daf.load_run(run.id, runs_dir=tmp_path)


def test_a_change_is_acknowledged_at_the_next_boundary_and_recorded(tmp_path):
    run = begun(start(tmp_path))
    before = run.step
    request = run.controls.set("learning_rate", 1e-5, by="user").wait(30)
    assert request.state == "applied" and request.step is not None
    assert request.step % 64 == 0 and before <= request.step <= before + 3 * 64
    record = ended(run, tmp_path)
    row = record.journal.iloc[0]
    assert (row.step, row["name"], row.old, row.new, row.by) == (
        request.step,
        "learning_rate",
        3e-4,
        1e-5,
        "user",
    )
    rates = record.metrics["train/learning_rate"]
    assert set(rates[rates.index <= request.step]) == {3e-4}
    assert set(rates[rates.index > request.step]) == {1e-5}


def test_a_journal_read_back_reproduces_the_run(tmp_path):
    run = begun(start(tmp_path))
    run.controls.nudge("ent_coef", 0.01, by="user").wait(30)
    run.controls.set("target_kl", 0.05, by="user").wait(30)
    run.controls.set("target_kl", None, by="user").wait(30)
    record = ended(run, tmp_path)
    again = start(
        tmp_path,
        controls=daf.Controls(script=record.journal),
        total_timesteps=record.metrics.index[-1],
    )
    again.wait()
    assert again.fingerprint() == run.fingerprint()
    assert [e.to_plain() for e in again.controls.journal] == [
        e.to_plain() for e in run.controls.journal
    ]


def test_ten_thousand_messages_while_training_leave_a_journal_that_can_be_read(tmp_path):
    run = start(tmp_path)
    last = run.controls.set("learning_rate", 1e-5, by="panel")
    for message in range(10_000):
        last = run.controls.set("learning_rate", 1e-5 + message * 1e-9, by="panel")
    last.wait(30)
    updates = run.trainer.progress.updates
    assert run.controls["learning_rate"] == 1e-5 + 9_999 * 1e-9
    assert len(run.controls.journal) <= updates + 1
    assert run.controls.pending == {}
    ended(run, tmp_path)


def test_what_is_asked_before_the_first_rollout_waits_for_it(tmp_path):
    run = start(tmp_path)
    requests = [run.controls.set("ent_coef", n / 100, by="user") for n in range(50)]
    assert requests[-1].wait(30).step in (0, 64)
    assert [request.state for request in requests[:-1]].count("superseded") >= 40
    ended(run, tmp_path)


def test_a_slider_moved_while_paused_is_asked_a_few_times(tmp_path):
    run = start(tmp_path)
    run.pause()
    while run.status != "PAUSED":
        time.sleep(0.01)
    began = time.monotonic()
    last = run.controls.set("ent_coef", 0.5, by="panel")
    while time.monotonic() - began < 1:
        last = run.controls.set("ent_coef", (time.monotonic() - began) / 10, by="panel")
    assert last.wait(30).state in ("applied", "unchanged")
    assert run.controls["ent_coef"] == last.value
    assert 1 <= len(run.controls.journal) <= 8
    assert {entry.step for entry in run.controls.journal} == {run.step}
    ended(run, tmp_path)


def test_a_run_that_has_ended_refuses_and_says_so(tmp_path):
    run = start(tmp_path, total_timesteps=64)
    run.wait()
    with pytest.raises(daf.ConfigError, match=rf"run {run.id} has ended"):
        run.controls.set("learning_rate", 1e-5, by="user")


def test_rules_and_their_decisions_are_in_the_record(tmp_path):
    config = daf.AdaptiveConfig(rules=(KL,), experiment_id="by rule")
    run = start(tmp_path, controller=config, total_timesteps=64 * 4)
    run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path)
    assert daf.AdaptiveConfig(**record.config["adaptive_config"]) == config
    assert record.config["integrate_with_adaptive"] is True
    journal = record.journal
    assert list(journal.by) == ["rule: kl"] * 4 and list(journal.step) == [64, 128, 192, 256]
    assert journal.because[0]["signal"] == "kl" and journal.because[0]["value"] > 0
    decisions = [event["data"] for event in record.events if event["kind"] == "decision"]
    assert [decision["state"] for decision in decisions] == ["applied"] * 4
    assert run.controller is not None and len(run.controller.decisions) == 4


def test_rules_that_are_changed_while_it_runs_are_in_the_record(tmp_path):
    run = start(tmp_path, controller=daf.AdaptiveConfig(rules=(KL,), mode="off"))
    assert run.controller is not None
    run.controller.set_rules([KL.changed(high=0.5)])
    run.controls.set("adaptive.mode", "advise", by="user").wait(30)
    record = ended(run, tmp_path)
    (told,) = [event["data"] for event in record.events if event["kind"] == "rules"]
    assert daf.Rule(**told["rules"][0]).high == 0.5
    assert list(record.journal["name"]) == ["adaptive.mode"]
