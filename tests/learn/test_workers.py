"""Equal seeds give equal parameters, with any number of workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from stable_baselines3.common.callbacks import BaseCallback

import daf_nb as daf
from daf_nb.learn import RlTrainer
from daf_nb.session import fork, resume
from tests import worlds
from tests.learn.helpers import make_trainer
from tests.learn.test_curriculum import Levels, levels, trainer_of
from tests.test_session_resume import stopped, told

TRAIN: dict[str, Any] = {"num_envs": 5, "total_timesteps": 600}
CASES: dict[str, Callable[..., RlTrainer]] = {
    "limits and deaths": lambda **more: make_trainer(worlds.Staggered, **TRAIN, **more),
    "two groups": lambda **more: make_trainer(worlds.TwoKinds, **TRAIN, **more),
    "masks": lambda **more: make_trainer(worlds.Masked, **TRAIN, algorithm="MaskablePPO", **more),
    "continuous": lambda **more: make_trainer(worlds.Continuous, **TRAIN, **more),
    "dropped episodes": lambda **more: make_trainer(
        worlds.Failing, **TRAIN, on_failure="drop", **more
    ),
    "tasks of one step": lambda **more: trainer_of(levels("plr"), **more),
    "adaptive tasks": lambda **more: trainer_of(levels("adaptive"), **more),
    "worlds of other sizes": lambda **more: trainer_of(crowds(), algorithm="MaskablePPO", **more),
}


def crowds() -> Any:
    """Tasks of two and of four agents, for which other instances are made."""
    manager = levels(count=0)
    for crowd in (2, 4):
        manager.add_task(str(crowd), difficulty=crowd / 10, env_kwargs={"crowd": crowd})
    return manager


@pytest.mark.parametrize("case", CASES)
def test_parameters_and_metrics_are_those_without_workers(case):
    ends = []
    for workers in (0, 1, 2, 3) if case in ("tasks of one step", "two groups") else (0, 2):
        trainer = CASES[case](num_workers=workers)
        heard: list[Any] = []
        trainer.subscribe(
            lambda event, heard=heard: (
                heard.append(
                    {k: v for k, v in event.data.items() if k.startswith(("rollout", "train"))}
                )
                if event.kind == "metrics"
                else None
            )
        )
        trainer.train()
        tapes = [tape.digest for tape in trainer._learner.copies.tapes()]
        ends.append((trainer.fingerprint(), repr(heard), tapes))
        trainer.close()
    assert all(end == ends[0] for end in ends)


def test_callbacks_are_told_the_same_of_every_step():
    class Hearing(BaseCallback):
        def __init__(self) -> None:
            super().__init__()
            self.heard: list[Any] = []

        def _on_step(self) -> bool:
            told = self.locals
            self.heard.append(
                repr([told[name].tolist() for name in ("new_obs", "rewards", "dones", "actions")])
            )
            self.heard.append(repr(told["infos"]))
            return True

    sides = []
    for workers in (0, 2):
        trainer, hearing = make_trainer(worlds.Staggered, **TRAIN, num_workers=workers), Hearing()
        trainer.train(callback=hearing)
        sides.append((hearing.heard, trainer.fingerprint()))
        trainer.close()
    assert sides[0] == sides[1]


def test_a_run_goes_on_after_stops_and_kills_with_any_number_of_workers(tmp_path):
    def begin(folder: Any, **fields: Any) -> daf.Run:
        return daf.train(
            worlds.Slow,
            runs_dir=folder,
            total_timesteps=2500,
            num_envs=4,
            batch_size=32,
            algorithm_kwargs={"n_steps": 16, "n_epochs": 1},
            device="cpu",
            torch_threads=1,
            seed=0,
            **fields,
        )

    begin(tmp_path / "whole").wait()
    run, parted = begin(tmp_path / "parted", num_workers=2), tmp_path / "parted"
    workers = [child.pid for child in psutil.Process().children()]
    os.kill(workers[0], signal.SIGKILL)
    stopped(run, at=600)
    run = resume(1, runs_dir=parted, trust=True, world=worlds.Slow, num_workers=0)
    stopped(run, at=1200)
    resume(1, runs_dir=parted, trust=True, world=worlds.Slow, num_workers=3).wait()
    assert told(parted) == told(tmp_path / "whole")
    assert daf.reproduce(1, runs_dir=parted, world=worlds.Slow, num_workers=1).wait().identical
    forked = fork(1, runs_dir=parted, world=worlds.Slow, num_workers=2, total_timesteps=3000)
    forked.wait()
    plain = fork(1, runs_dir=tmp_path / "whole", world=worlds.Slow, total_timesteps=3000)
    plain.wait()
    assert forked.fingerprint() == plain.fingerprint()
    assert psutil.Process().children() == []


def test_stopping_in_the_middle_of_a_rollout_goes_back_to_the_boundary(monkeypatch):
    monkeypatch.setattr("daf_nb.learn.footing.EVERY", 0.0)
    monkeypatch.setattr("daf_nb.learn.footing.SHARE", 1e9)
    whole = make_trainer(worlds.Staggered, **TRAIN)
    whole.train()
    trainer = make_trainer(worlds.Staggered, **TRAIN, num_workers=2)
    steps = 0

    def stop(*_: Any) -> bool:
        nonlocal steps
        steps += 1
        if steps in (13, 30, 41):
            trainer.gate.stop(now=True)
        return not trainer.gate.breaking.wanted

    monkeypatch.setattr(trainer.footing, "rolling", stop)
    for _ in range(4):
        trainer.train()
    assert trainer.finished
    assert trainer.fingerprint() == whole.fingerprint()
    trainer.close()


def test_evaluations_and_visits_of_tasks_are_the_same():
    sides = []
    for workers in (0, 2):
        trainer = make_trainer(Levels, **TRAIN, num_workers=workers, curriculum_manager=levels())
        trainer.train_on_task("level 3", episodes=6)
        evaluation = trainer.evaluate_policy(episodes=4)
        trainer.train()
        sides.append((trainer.fingerprint(), evaluation.mean_reward))
        trainer.close()
    assert sides[0] == sides[1]
