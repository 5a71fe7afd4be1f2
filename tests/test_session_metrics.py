"""Everything measured of a run at once: for a live run, a trainer, and the machine alone."""

from __future__ import annotations

import json

import pytest

from daf_nb import AdaptiveConfig, CurriculumManager, RlConfig, RlTrainer, train
from daf_nb.errors import ConfigError
from daf_nb.session.metrics import advice, collect_metrics
from tests.worlds import Counting

KEYS = ["training", "curriculum", "adaptive", "system", "timestamp"]
SYSTEM = ["cpu_usage", "memory_usage", "disk_usage", "gpu_usage"]


def half(episode: object) -> float:
    return 0.5


def test_a_live_run_tells_of_all_its_parts(tmp_path):
    curriculum = CurriculumManager()
    curriculum.add_task("near", difficulty=0.2)
    run = train(
        Counting,
        curriculum=curriculum,
        controller=AdaptiveConfig(rules="machine"),
        success=half,
        total_timesteps=20_000,
        num_envs=2,
        seed=0,
        algorithm_kwargs={"n_steps": 8},
        runs_dir=tmp_path,
    )
    told = collect_metrics(run)
    run.stop()
    run.finished.wait(60)
    assert list(told) == KEYS and list(told["system"]) == SYSTEM
    assert told["curriculum"]["num_custom_tasks"] == 1
    assert told["adaptive"]["mode"] == "auto"
    assert told["training"]["timesteps"] >= told["training"]["updates"]
    assert json.loads(json.dumps(told))["timestamp"] == told["timestamp"]


def test_a_trainer_tells_what_its_getters_do():
    trainer = RlTrainer(RlConfig(total_timesteps=64, num_envs=2, seed=0), env=Counting)
    trainer.train()
    told = collect_metrics(trainer)
    assert told["curriculum"] is None and told["adaptive"] is None
    training = told["training"]
    assert training.keys() > trainer.get_training_metrics().keys()
    assert training["timesteps"] == trainer.progress.step == 512
    assert training["updates_per_second"] == trainer.get_update_frequency() > 0
    assert training["episodes_per_second"] == trainer.get_episodes_per_second()
    assert training["train/gradient_norm"] == trainer.get_gradient_norm()
    assert advice(trainer) == trainer.performance_advice()


def test_without_a_run_it_is_the_machine():
    told = collect_metrics()
    assert list(told) == KEYS
    assert [told[part] for part in ("training", "curriculum", "adaptive")] == [None] * 3
    assert told["system"]["memory_usage"]["process_bytes"] > 0


def test_what_is_no_run_is_refused():
    for ask in (collect_metrics, advice):
        with pytest.raises(ConfigError, match="neither a live run nor a trainer"):
            ask(3)  # type: ignore[arg-type]
