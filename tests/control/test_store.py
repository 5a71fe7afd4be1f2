"""What a controller logs reaches the record of its run, and nothing else does."""

from __future__ import annotations

import pytest

import daf_nb as daf
from tests.worlds import Counting


def launched(tmp_path, controller, on_metrics=None):
    config = daf.RlConfig(
        total_timesteps=128,
        num_envs=2,
        seed=3,
        batch_size=16,
        algorithm_kwargs={"n_steps": 16, "n_epochs": 1},
    )
    trainer = daf.RlTrainer(config, env=Counting, adaptive_controller=controller)
    if on_metrics is not None:
        trainer.subscribe(lambda event: on_metrics() if event.kind == "metrics" else None)
    return daf.launch(trainer, runs_dir=tmp_path)


def test_metrics_of_ones_own_are_recorded_flat_and_their_source_as_an_event(tmp_path):
    controller = daf.AdaptiveController(daf.AdaptiveConfig(mode="off"))
    logged = []

    def log():
        given = {"system": {"cpu_share": 0.5}, "episode": len(logged), "said": "so"}
        logged.append(controller.store.log_metrics(given))

    run = launched(tmp_path, controller, on_metrics=log)
    run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path)
    assert logged[0] == {"system/cpu_share": 0.5, "episode": 0.0}
    assert list(record.metrics["episode"].dropna()) == [float(i) for i in range(len(logged))]
    events = [event for event in record.events if event["kind"] == "logged"]
    assert [event["data"]["data"]["said"] for event in events] == ["so"] * len(logged)


def test_an_evaluation_is_logged_under_the_names_that_rules_follow(tmp_path):
    controller = daf.AdaptiveController(daf.AdaptiveConfig(mode="off"))

    def log():
        controller.store.log_evaluation_results({"mean_reward": 2.5, "success": 0.25})

    run = launched(tmp_path, controller, on_metrics=log)
    run.wait()
    last = daf.load_run(run.id, runs_dir=tmp_path).metrics.iloc[-1]
    assert (last["evaluation/return_mean"], last["evaluation/success"]) == (2.5, 0.25)


def test_what_holds_no_number_is_refused(tmp_path):
    controller = daf.AdaptiveController(daf.AdaptiveConfig(mode="off"))
    with pytest.raises(daf.AdaptiveControllerError, match=r"store\.log_metrics"):
        controller.store.log_metrics({"a": 1})
    trainer = daf.RlTrainer(daf.RlConfig(num_envs=2), env=Counting, adaptive_controller=controller)
    with pytest.raises(daf.ConfigError, match="no number"):
        controller.store.log_metrics({"a": "text"})
    trainer.close()


def test_a_checkpoint_is_asked_for_unless_the_config_forbids_it(tmp_path):
    controller = daf.AdaptiveController(daf.AdaptiveConfig(mode="off"))
    run = launched(tmp_path, controller, on_metrics=controller.save_checkpoint)
    run.wait()
    events = [event["kind"] for event in daf.load_run(run.id, runs_dir=tmp_path).events]
    assert events.count("checkpoint") == events.count("saved") - 1 > 0
    never = daf.AdaptiveController(daf.AdaptiveConfig(mode="off", enable_checkpointing=False))
    trainer = daf.RlTrainer(daf.RlConfig(num_envs=2), env=Counting, adaptive_controller=never)
    with pytest.raises(daf.AdaptiveControllerError, match="enable_checkpointing"):
        never.save_checkpoint()
    trainer.close()
