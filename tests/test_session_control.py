"""A live run is steered, and every change stands in its record."""

from __future__ import annotations

import time
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.record import Recorder
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


# What came before the first boundary, and after the last


def explicit(**own: Any) -> daf.RlTrainer:
    config = daf.RlConfig(
        num_envs=2,
        total_timesteps=64 * 6,
        torch_threads=1,
        seed=0,
        algorithm_kwargs={"n_steps": 16, "n_epochs": 1},
    )
    return daf.RlTrainer(config, env=Counting, success=success, **own)


def success(episode: Any) -> float:
    return episode.length % 4 / 3


def tasks(**fields: Any) -> daf.CurriculumManager:
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="adaptive", **fields))
    for number, difficulty in enumerate((0.2, 0.5, 0.8)):
        manager.add_task(f"t{number}", difficulty=difficulty, env_kwargs={"limit": 3 + number})
    return manager


def played_again(record: daf.RunRecord) -> daf.RlTrainer:
    """From spec and journal alone, as they were read back; the functions are not in a record."""
    told = record.config
    config = daf.RlConfig(
        **{
            name: told[name]
            for name in ("num_envs", "total_timesteps", "torch_threads", "seed", "algorithm_kwargs")
        }
    )
    manager = None
    if told["curriculum_config"] is not None:
        manager = daf.CurriculumManager(daf.CurriculumConfig(**told["curriculum_config"]))
        if "curriculum_state" in told:
            manager.load_state_dict(told["curriculum_state"])
    trainer = daf.RlTrainer(
        config,
        env=Counting,
        success=success,
        curriculum_manager=manager,
        controls=daf.Controls(script=record.journal),
    )
    trainer.train()
    return trainer


def test_what_was_set_before_the_launch_is_in_the_record_and_plays_again(tmp_path):
    trainer = explicit()
    trainer.controls.set("learning_rate", 1e-2, by="user")
    trainer.controls.set("ent_coef", 0.1, by="user")
    trainer.controls.undo(by="user")
    run = daf.launch(trainer, runs_dir=tmp_path)
    run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path)
    assert list(record.journal["name"]) == ["learning_rate", "ent_coef", "ent_coef"]
    assert list(record.journal.number) == [1, 2, 3] and record.journal.undoes[2] == 2
    again = played_again(record)
    assert again.fingerprint() == run.fingerprint()
    assert [e.to_plain() for e in again.controls.journal] == [
        e.to_plain() for e in run.controls.journal
    ]


def test_a_curriculum_that_was_changed_before_the_launch_is_played_again_as_it_was(tmp_path):
    """Its state is in the spec: there and back is not gone once more."""
    manager = tasks()
    trainer = explicit(curriculum_manager=manager)
    for strategy in ("learnability", "adaptive"):
        trainer.controls.set("curriculum.strategy", strategy, by="user")
    trainer.controls.set("curriculum.difficulty", 0.9, by="user")
    trainer.controls.set("curriculum.difficulty", 0.55, by="user")
    manager.set_weight("t0", 3, by="by hand")
    manager.get_next_task()
    trainer.controls.set("learning_rate", 1e-2, by="user")
    run = daf.launch(trainer, runs_dir=tmp_path)
    run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path)
    journal = [entry.to_plain() for entry in run.controls.journal]
    assert list(record.journal["name"]) == [row["name"] for row in journal]
    assert "by hand" in list(record.journal.by) and len(journal) == 6
    with pytest.warns(daf.DafWarning, match="goes on from its 0 episodes"):  # a task was drawn
        again = played_again(record)
    assert again.fingerprint() == run.fingerprint()
    assert again.curriculum is not None
    assert again.curriculum.state_dict() == manager.state_dict()


def test_the_controllers_own_interval_is_in_the_record(tmp_path):
    config = daf.AdaptiveConfig(rules=(), checkpoint_interval=500)
    run = start(tmp_path, controller=config, total_timesteps=64)
    run.wait()
    (row,) = daf.load_run(run.id, runs_dir=tmp_path).journal.to_dict("records")
    assert (row["name"], row["new"], row["by"]) == (
        "checkpoint_interval",
        500,
        "adaptive controller",
    )


def test_what_is_asked_of_a_curriculum_while_the_run_starts_waits_and_is_recorded(tmp_path):
    manager = tasks()
    run = start(tmp_path, success=success, curriculum=manager, total_timesteps=64 * 30)
    with pytest.raises(daf.ConfigError, match="a run trains on curriculum"):
        manager.get_next_task()
    (change,) = manager.set_weight("t2", 0.0)
    assert change.new == 0.0
    run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path)
    assert "curriculum_state" not in record.config
    (row,) = record.journal.to_dict("records")
    assert (row["name"], row["new"]) == ("curriculum.weight[t2]", 0.0)
    again = played_again(record)
    assert again.fingerprint() == run.fingerprint()
    assert not manager.life.leased


def test_controls_are_closed_where_the_recorder_fails(tmp_path, monkeypatch):
    def fails(recorder: Any, main: Any) -> None:
        raise daf.RecordError("no disk")

    monkeypatch.setattr(Recorder, "run", fails)
    manager = tasks()
    run = start(tmp_path, success=success, curriculum=manager)
    with pytest.raises(daf.RecordError, match="no disk"):
        run.wait()
    with pytest.raises(daf.ConfigError, match=rf"run {run.id} has ended"):
        run.controls.set("learning_rate", 1e-5, by="user")
    assert not manager.life.leased and not run.trainer.gate.taken


def test_a_failed_start_gives_controller_and_controls_back(tmp_path):
    controller, controls = daf.AdaptiveController(), daf.Controls()
    (tmp_path / "file").write_text("no folder")
    own = {"controller": controller, "controls": controls, "total_timesteps": 64}
    with pytest.raises(daf.RecordError):
        start(tmp_path / "file" / "runs", **own)
    run = start(tmp_path, **own)
    run.wait()
    assert run.controls is controls and run.status == "COMPLETED"
    start(tmp_path, controller=controller, total_timesteps=64).wait()


def test_rows_of_a_script_that_had_no_turn_are_warned_of(tmp_path):
    rows = [
        {"step": step, "name": "ent_coef", "new": 0.1 + step / 1e6} for step in (64, 128, 192, 9999)
    ]
    script = daf.Controls(script=rows)
    with pytest.warns(daf.DafWarning, match=r"ended at step 128, before 2 of the script's rows"):
        run = start(tmp_path, controls=script, total_timesteps=128)
        run.wait()
    assert run.status == "COMPLETED"
    assert [entry.step for entry in run.controls.journal] == [64, 128]
