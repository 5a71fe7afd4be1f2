"""Training on batched worlds: it learns, seeds decide it, and it goes on where it stopped."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

import daf_nb as daf
from daf_nb.errors import ConfigError, RecordError
from tests.envs.batched.points import Points
from tests.envs.batched.scripted import Clockwork
from tests.worlds import Counting

needs_vmas = pytest.mark.skipif(
    importlib.util.find_spec("vmas") is None, reason="VMAS is not installed: daf_nb[vmas]"
)
TINY: dict[str, Any] = {
    "total_timesteps": 4000,
    "num_envs": 16,
    "seed": 0,
    "device": "cpu",
    "torch_threads": 1,
    "batch_size": 128,
    "partial_minibatch": True,
    "algorithm_kwargs": {"n_steps": 16, "n_epochs": 2},
}
TASKS = [{"limit": 4}, {"limit": 9, "walkers": 1}, {"limit": 15}]


def trainer(world: Any = Points, *, tasks: Any = (), env_kwargs: Any = None, **fields: Any) -> Any:
    curriculum = None
    if tasks:
        config = daf.CurriculumConfig(name="points", strategy="learning_progress")
        curriculum = daf.CurriculumManager(config)
        for place, kwargs in enumerate(tasks):
            difficulty = place / len(tasks)
            curriculum.add_task(f"task_{place}", difficulty=difficulty, env_kwargs=kwargs)
    return daf.RlTrainer(
        daf.RlConfig(**{**TINY, **fields}),
        env=world,
        env_kwargs=env_kwargs or {},
        curriculum_manager=curriculum,
        success=(-30, 0),
    )


def stopped(made: Any, at: int) -> Any:
    """Its state at the first boundary after a step."""

    def look(event: Any) -> None:
        if event.kind == "metrics" and event.step >= at:
            made.gate.stop()

    made.subscribe(look)
    made.train()
    return made.state()


@pytest.mark.slow
def test_walkers_learn_to_go_to_their_goals():
    made = trainer(
        total_timesteps=60_000,
        num_envs=64,
        batch_size=1024,
        algorithm_kwargs={"n_steps": 32, "learning_rate": 3e-3},
    )
    made.train()
    evaluation = made.evaluate_policy(episodes=100)
    assert evaluation.random_mean_reward < -18
    assert evaluation.mean_reward > -5


@pytest.mark.parametrize(
    ("world", "tasks"), [(Points, ()), (Points, TASKS), ("vmas/simple_spread", ())]
)
def test_equal_seeds_give_equal_runs_and_a_state_goes_on_exactly(world: Any, tasks: Any):
    if isinstance(world, str) and importlib.util.find_spec("vmas") is None:
        pytest.skip("VMAS is not installed: daf_nb[vmas]")
    whole, same, other = trainer(world, tasks=tasks), trainer(world, tasks=tasks), None
    whole.train()
    other = trainer(world, tasks=tasks)
    torch.manual_seed(1)
    other.load_state(stopped(same, 1500))
    results = other.train()
    assert same.progress.step < other.progress.step == whole.progress.step
    assert other.fingerprint() == whole.fingerprint() != same.fingerprint()
    assert results == whole.progress.results()
    different = trainer(world, tasks=tasks, seed=1)
    different.train()
    assert different.fingerprint() != whole.fingerprint()


@pytest.mark.parametrize("tasks", [(), TASKS])
def test_a_rollout_that_was_broken_off_is_played_again_as_if_it_had_not_been(
    tasks: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("daf_nb.learn.footing.EVERY", 0.0)  # every boundary's state is held
    monkeypatch.setattr("daf_nb.learn.footing.SHARE", 1e9)
    whole, broken = trainer(tasks=tasks), trainer(tasks=tasks)
    whole.train()
    calls: list[None] = []
    rolling = broken.footing.rolling

    def once() -> bool:
        calls.append(None)
        return rolling() and len(calls) != 40  # in the middle of the third rollout

    broken.footing.rolling = once
    assert broken.train() and not broken.finished
    assert broken.footing.back is not None
    at = broken.state()
    broken.train()
    assert broken.fingerprint() == whole.fingerprint()
    other = trainer(tasks=tasks)
    other.load_state(at)
    other.train()
    assert other.fingerprint() == whole.fingerprint()


def test_every_episode_counts_for_its_own_task():
    made = trainer(Clockwork, tasks=[{"limit": 2}, {"limit": 5}])
    lengths: dict[str, set[int]] = {}
    finished = made._tasks.finished

    def note(episode: Any) -> Any:
        lengths.setdefault(episode.task, set()).add(episode.length)
        return finished(episode)

    made._tasks.finished = note
    made.train()
    assert lengths == {"task_0": {2}, "task_1": {5}}
    assert made.curriculum.teacher.episodes == made.progress.episodes > 100


def test_an_evaluation_plays_the_targets_on_seeds_of_its_own():
    made = trainer(Clockwork, tasks=[{"limit": 2}, {"limit": 5}])
    evaluation = made.evaluate_policy(episodes=10, task=["task_0", "task_1"])
    assert evaluation.n == 10
    assert sorted(evaluation.returns) == [3.0] * 5 + [7.5] * 5
    assert evaluation.agent_means == {"agent_0": 3.5, "agent_1": 7.0}
    plain = trainer(Clockwork).evaluate_policy(episodes=3, deterministic=True)
    assert plain.returns == (7.5,) * 3


def test_evaluations_in_between_change_nothing():
    plain, looked = trainer(), trainer(evaluation_interval=1000, evaluation_episodes=3)
    plain.train()
    heard: list[Any] = []
    looked.train(on_evaluation_complete=heard.append)
    assert len(heard) >= 4
    assert looked.fingerprint() == plain.fingerprint()


def test_knobs_of_rollouts_and_batches_take_effect():
    made = trainer()
    made.controls.set("n_steps", 32, by="user")
    made.train()
    buffer = made.policies["all"].rollout_buffer
    assert len(buffer.observations) == 32
    assert made.get_memory_usage()["buffers"] == buffer.nbytes


def test_runs_are_recorded_resumed_and_reproduced(tmp_path: Path):
    fields = {**TINY, "runs_dir": tmp_path}
    name = "tests.envs.batched.points:Points"
    run = daf.train(name, **fields)
    run.wait()
    assert daf.reproduce(run.id, runs_dir=tmp_path, trust=True).identical
    fork = daf.fork(run.id, step=run.step, runs_dir=tmp_path, trust=True, total_timesteps=6000)
    fork.wait()
    longer = daf.train(name, **{**fields, "total_timesteps": 6000})
    longer.wait()
    assert fork.status == longer.status == "COMPLETED"
    assert fork.fingerprint() == longer.fingerprint()
    with pytest.raises(RecordError, match="batched one, whose episodes are not taped"):
        run.replay()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"num_workers": 2}, "use 0 workers"),
        ({"algorithm": "MaskablePPO"}, "use PPO"),
        ({"algorithm": "A2C"}, "use PPO"),
        ({"on_failure": "drop"}, "on_failure='stop'"),
    ],
)
def test_what_does_not_apply_is_refused(fields: dict[str, Any], said: str):
    with pytest.raises(ConfigError, match=f"Points is a batched world.*{said}"):
        trainer(**fields)


def test_policies_of_a_batched_world_visit_batched_worlds_only():
    made = trainer(Clockwork)
    with pytest.raises(ConfigError, match=r"copy by copy|other agents or spaces"):
        made.train_on_task("elsewhere", Counting, episodes=2)
    results = made.train_on_task("short", Clockwork, episodes=5, env_kwargs={"limit": 2})
    assert results["avg_reward"] == 3.0


@pytest.mark.gpu
@needs_vmas
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_everything_stays_on_the_gpu():
    made = trainer("vmas/simple_spread", device="cuda", tasks=())
    made.train()
    model = made.policies["all"]
    assert model.device.type == model.rollout_buffer.observations.device.type == "cuda"
    other = trainer("vmas/simple_spread", device="cuda")
    other.load_state(stopped(trainer("vmas/simple_spread", device="cuda"), 1500))
    other.train()
    assert other.progress.step == made.progress.step
