"""A run on a curriculum: recorded so that the record alone makes it again, and steered live."""

from __future__ import annotations

import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.testing import Scripted

TINY = {
    "num_envs": 2,
    "seed": 3,
    "batch_size": 16,
    "algorithm_kwargs": {"n_steps": 16, "n_epochs": 1},
}


class Graded(Scripted):
    """Success is one minus the `level` of the reset options."""

    level = 0.0

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.level = (options or {}).get("level", 0.0)
        return super().reset(seed=seed, options=options)

    def info(self, agent: str) -> dict[str, Any]:
        return {"is_success": 1.0 - self.level}


def graded(strategy: str = "uniform", **config: Any) -> daf.CurriculumManager:
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy=strategy, **config))
    manager.add_task("easy", difficulty=0.1, config={"level": daf.Uniform(0.0, 0.3)})
    manager.add_task("hard", difficulty=(0.5, 1.0), config={"level": daf.Linear(0.0, 1.0)})
    return manager


def start(tmp_path: Path, curriculum: Any, **changes: Any) -> daf.Run:
    fields = {**TINY, "total_timesteps": 400, **changes}
    return daf.train(Graded, runs_dir=tmp_path, curriculum=curriculum, **fields)


def test_the_record_of_a_run_makes_the_same_curriculum_again(tmp_path):
    first = start(tmp_path, graded("learnability", window=20))
    first.wait()
    config = daf.load_run(first.id, runs_dir=tmp_path).config["curriculum_config"]
    second = start(tmp_path, daf.CurriculumConfig(**config))
    second.wait()
    assert second.fingerprint() == first.fingerprint()
    assert first.curriculum is not None and second.curriculum is not None
    assert second.curriculum.state_dict() == first.curriculum.state_dict()


def test_a_used_curriculum_is_recorded_with_its_state(tmp_path):
    manager = graded()
    start(tmp_path, manager).wait()
    state = manager.state_dict()
    with pytest.warns(daf.DafWarning, match="goes on from"):
        again = start(tmp_path, manager)
    again.wait()
    record = daf.load_run(again.id, runs_dir=tmp_path)
    rebuilt = daf.CurriculumManager(daf.CurriculumConfig(**record.config["curriculum_config"]))
    rebuilt.load_state_dict(record.config["curriculum_state"])
    assert rebuilt.state_dict() == state
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", daf.DafWarning)
        third = start(tmp_path, rebuilt)
    third.wait()
    assert third.fingerprint() == again.fingerprint()
    fresh = start(tmp_path, graded())
    assert "curriculum_state" not in daf.load_run(fresh.id, runs_dir=tmp_path).config
    fresh.wait()


def test_every_change_from_outside_is_in_the_journal_with_its_step(tmp_path):
    manager = graded()
    run = start(tmp_path, manager, total_timesteps=10**7)
    while run.step < 100:
        time.sleep(0.01)

    def weigh(task: str) -> None:
        for weight in (2, 3, 4):
            manager.set_weight(task, weight, by=task)

    threads = [threading.Thread(target=weigh, args=(task,)) for task in ("easy", "hard")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (change,) = manager.adapt_curriculum("rehearse")
    assert (change.old, change.new, change.by) == (0, 100, "user")
    run.stop()
    run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path)
    rows = record.journal
    assert list(rows.columns) == ["step", "name", "old", "new", "by", "number"]
    assert len(rows) == 7
    for task in ("easy", "hard"):
        mine = rows[rows["by"] == task]
        assert set(mine["name"]) == {f"curriculum.weight[{task}]"}
        assert mine["old"].tolist() == [1, 2, 3] and mine["new"].tolist() == [2, 3, 4]
    assert rows["step"].is_monotonic_increasing
    assert set(rows["step"]) <= {0, *record.metrics.index}


def test_a_paused_run_takes_changes_and_evaluations(tmp_path):
    manager = graded()
    run = start(tmp_path, manager, total_timesteps=10**7)
    run.pause()
    while run.status != "PAUSED":
        time.sleep(0.01)
    (change,) = manager.set_weight("easy", 0)
    assert (change.old, change.new) == (1, 0)
    evaluation = run.evaluate(episodes=2)
    assert evaluation.tasks == ("hard",) and evaluation.success == pytest.approx(0.0)
    assert run.evaluate(episodes=2, task="easy").tasks == ("easy",)
    run.stop()
    run.wait()


def test_a_busy_curriculum_is_refused_before_anything_is_recorded(tmp_path):
    manager = graded()
    run = start(tmp_path, manager, total_timesteps=10**7)
    while not manager.life.leased:
        time.sleep(0.01)
    with pytest.raises(daf.ConfigError, match="being trained on by another run"):
        start(tmp_path, manager)
    run.stop()
    run.wait()
    assert len(daf.list_runs(runs_dir=tmp_path)) == 1


def test_metrics_of_the_curriculum_are_recorded(tmp_path):
    run = start(tmp_path, graded())
    run.wait()
    metrics = daf.load_run(run.id, runs_dir=tmp_path).metrics
    names = {
        f"curriculum/{kind}/{task}" for kind in ("share", "success") for task in ("easy", "hard")
    }
    assert names | {"curriculum/difficulty", "curriculum/success"} <= set(metrics.columns)
    assert metrics["curriculum/share/easy"].dropna().unique().tolist() == [0.5]
    assert min(metrics["curriculum/success/easy"].dropna().tolist()) >= 0.7
