"""Worlds and users with bad habits: what must stay right all the same."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from stable_baselines3.common.callbacks import BaseCallback

import daf_nb as daf
from daf_nb.learn.gate import Gate
from daf_nb.testing import Scripted
from tests.worlds import Counting, TwoKinds

TINY: dict[str, Any] = {
    "num_envs": 2,
    "seed": 3,
    "batch_size": 16,
    "algorithm_kwargs": {"n_steps": 16, "n_epochs": 1},
}


class SlamsTheDoor(Counting):
    """Raises when it is closed after it was played."""

    def close(self) -> None:
        if getattr(self, "agents", None) is not None and self.elapsed:
            raise OSError("the display is gone")


class OneDictionary(Scripted):
    """Says success in dictionaries that it makes once and writes again and again."""

    def __init__(self) -> None:
        super().__init__(agents=2, deaths={0: 2}, limit=5)
        self.said = {agent: {"is_success": False} for agent in self.possible_agents}

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        observations, _ = super().reset(seed, options)
        self.said["agent_0"]["is_success"] = self.said["agent_1"]["is_success"] = False
        return observations, self.said

    def step(self, actions: Any) -> Any:
        *rest, _ = super().step(actions)
        self.said["agent_1"]["is_success"] = self.elapsed == 5
        return *rest, self.said


def test_a_world_that_raises_when_closed_does_not_hang_the_run(tmp_path: Path):
    with pytest.warns(daf.DafWarning, match="closed"):
        run = daf.train(SlamsTheDoor, runs_dir=tmp_path, total_timesteps=100, **TINY)
        assert run.wait(timeout=20) is not None
    assert run.status == "COMPLETED"
    assert run.done


def test_what_an_info_said_at_an_end_is_kept_though_the_world_writes_over_it():
    trainer = daf.RlTrainer(daf.RlConfig(total_timesteps=200, **TINY), env=OneDictionary)
    assert trainer.train()["completion_rate"] == 0.5  # agent_0 never, agent_1 always


def test_a_stop_ends_a_pause_for_good():
    gate = Gate()
    with gate.guard():
        gate.pause()
        gate.stop()
        assert not gate.wait_open()
    with gate.guard():
        assert gate.wait_open()


def test_a_stop_ends_an_evaluation_of_a_world_that_never_ends(tmp_path: Path):
    run = daf.train(
        lambda: Counting(limit=None),
        runs_dir=tmp_path,
        total_timesteps=10**6,
        evaluation_interval=64,
        **TINY,
    )
    while run.step < 64:
        time.sleep(0.01)
    time.sleep(0.3)
    run.stop()
    assert run.wait(timeout=20) is not None
    assert run.status == "INTERRUPTED"


def test_a_task_of_another_name_gets_the_trainers_wrappers():
    trainer = daf.RlTrainer(
        daf.RlConfig(total_timesteps=10**6, **TINY),
        env="mpe2.simple_spread_v3",
        wrappers=[("frame_stack_v1", {"stack_size": 2})],
    )
    results = trainer.train_on_task("more", "mpe2.simple_spread_v3", episodes=2)
    assert list(results["task_performance"]) == ["more"]


class Stop(BaseCallback):
    """Stops at a step."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def _on_step(self) -> bool:
        return self.num_timesteps < self.at


def test_callbacks_that_fit_no_group_are_refused_before_anything_is_recorded(tmp_path: Path):
    with pytest.raises(daf.ConfigError, match="sheep"):
        daf.train(TwoKinds, callback=Stop(1), runs_dir=tmp_path, total_timesteps=100, **TINY)
    assert not list(tmp_path.iterdir())


def test_a_run_that_a_callback_stopped_in_its_last_rollout_is_not_completed(tmp_path: Path):
    run = daf.train(Counting, callback=Stop(99), runs_dir=tmp_path, total_timesteps=100, **TINY)
    run.wait()
    assert run.status == "INTERRUPTED"


def test_a_world_given_as_an_instance_is_called_by_its_class(tmp_path: Path):
    run = daf.train(Counting(), runs_dir=tmp_path, total_timesteps=100, **TINY)
    run.wait()
    world = daf.load_run(run.id, runs_dir=tmp_path).config["world"]
    assert world == f"{Counting.__module__}:Counting"


def test_one_trainer_trains_once_at_a_time(tmp_path: Path):
    run = daf.train(Counting, runs_dir=tmp_path, total_timesteps=10**7, **TINY)
    while run.step == 0:
        time.sleep(0.01)
    with pytest.raises(daf.ConfigError, match="trains already"):
        run.trainer.train_episodes(1)
    run.stop()
    run.wait()
    assert run.status == "INTERRUPTED"


def test_many_may_ask_for_a_checkpoint_at_once(tmp_path: Path):
    run = daf.train(Counting, runs_dir=tmp_path, total_timesteps=3000, **TINY)
    askers = [threading.Thread(target=lambda: [run.checkpoint() for _ in range(5)]) for _ in "ab"]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    run.wait()
    assert run.status == "COMPLETED"
