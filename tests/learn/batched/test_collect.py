"""Rollouts of batched worlds: what is in the buffers, and what the course is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback
from torch.utils._python_dispatch import TorchDispatchMode

import daf_nb as daf
from daf_nb.errors import TrainingEnvironmentError
from tests.envs.batched.scripted import Clockwork


def trainer(
    num_envs: int = 3,
    n_steps: int = 7,
    env_kwargs: Any = None,
    **fields: Any,
) -> Any:
    algorithm = {"n_steps": n_steps, "n_epochs": 1, "gamma": 0.5}
    config = daf.RlConfig(
        total_timesteps=10**6,
        num_envs=num_envs,
        seed=0,
        device="cpu",
        torch_threads=1,
        partial_minibatch=True,
        algorithm_kwargs=algorithm,
        **fields,
    )
    return daf.RlTrainer(config, env=Clockwork, env_kwargs=env_kwargs or {})


def rolled(made: Any) -> Any:
    """One rollout without its update; the models' buffers hold it."""
    learner = made._learner
    with learner.ground.entered() as collector:
        return collector.collect(learner.n_steps)


def test_only_live_steps_count_and_train():
    made = trainer(env_kwargs={"deaths": ((2, 4), (0, 0), (3, 3)), "limit": 5})
    rollout = rolled(made)
    buffer = made.policies["all"].rollout_buffer
    # Copy 0: 2 + 4 steps, then 2 + 3; copy 1: 7 of each; copy 2: 7 of each.
    assert rollout.steps == {"all": 2 + 4 + 2 + 3 + 14 + 14}
    assert len(buffer.live) == made.policies["all"].num_timesteps == 39
    assert [(e.copy, e.length) for e in rollout.episodes] == [(2, 3), (0, 4), (1, 5), (2, 3)]
    assert rollout.ended_at == [2, 3, 4, 5]
    assert [(end.agent, end.episode_return) for end in rollout.ends["all"]][2:4] == [
        ("agent_0", 2.0),
        ("agent_1", 8.0),
    ]


def test_a_limit_is_bootstrapped_from_the_final_observation_and_a_death_is_not():
    made = trainer(num_envs=1, env_kwargs={"deaths": ((2, 0),), "limit": 3})
    rolled(made)
    model = made.policies["all"]
    buffer = model.rollout_buffer
    final = torch.tensor([[0.0, 1.0, 3.0]])
    with torch.no_grad():
        value = float(model.policy.predict_values(final))
    assert buffer.rewards[1, 0] == 1.0, "agent_0 died in its second step"
    assert buffer.rewards[2, 1] == pytest.approx(2.0 + 0.5 * value)
    assert buffer.rewards[1, 1] == 2.0
    # Nothing flows back over an end.
    assert buffer.returns[2, 1] == pytest.approx(2.0 + 0.5 * value, abs=1e-6)
    assert buffer.returns[1, 0] == pytest.approx(1.0, abs=1e-6)


def test_a_world_that_gives_nan_stops_the_run_before_its_update():
    made = trainer(env_kwargs={"broken": 4, "deaths": ((0, 2),)}, strict=False)
    made._loop.description = "looked at already"
    before = made.fingerprint()
    with pytest.raises(TrainingEnvironmentError, match="agent_0 of copy 0 saw or earned NaN"):
        made.train()
    assert made.fingerprint() == before


def test_a_world_that_hangs_is_got_out_and_named():
    made = trainer(env_kwargs={"hangs": True}, step_deadline=0.3)
    made._loop.description = "looked at already"
    with pytest.raises(TrainingEnvironmentError, match=r"copies 0 to 2.*did not come back"):
        made.train()


def test_the_worlds_count_as_memory():
    made = trainer(num_envs=1000)
    rolled(made)
    seen = made._learner.copies.observations["all"]
    assert made.get_memory_usage()["worlds"] > seen.nbytes


class Questions(TorchDispatchMode):
    """Counts what asks a tensor for a value on the host."""

    ASKING = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func.overloadpacket.__name__ in self.ASKING
        return func(*args, **(kwargs or {}))


def test_a_step_asks_the_device_one_question():
    made = trainer(env_kwargs={"limit": 100})
    rolled(made)  # the first makes what is made once
    counts = []
    for n_steps in (4, 9):
        made._learner.resize_rollouts(n_steps)
        with Questions() as questions:
            assert not rolled(made).ends["all"], "an end asks more"
        counts.append(questions.count)
    assert counts[1] - counts[0] == 5


def test_callbacks_are_told_of_every_step_and_may_stop():
    class Listens(BaseCallback):
        def __init__(self) -> None:
            super().__init__()
            self.told: list[dict[str, Any]] = []

        def _on_step(self) -> bool:
            names = ("obs_tensor", "actions", "rewards", "dones", "new_obs", "infos", "values")
            self.told.append({name: self.locals[name] for name in names})
            return len(self.told) < 10

    callback, made = Listens(), trainer()
    made.train(callback=callback)
    assert len(callback.told) == 10
    assert made.progress.updates == 1, "the second rollout was stopped"
    assert callback.told[0]["rewards"].tolist() == [1, 2] * 3
    assert callback.told[4]["dones"].all()
    assert callback.told[1]["obs_tensor"].tolist() == callback.told[0]["new_obs"].tolist()


def test_each_group_fills_its_own_buffer():
    made = trainer(share="none", env_kwargs={"deaths": ((2, 4),)})
    rollout = rolled(made)
    assert rollout.steps == {"agent_0": 3 * 4, "agent_1": 3 * 7}
    rewards = {name: model.rollout_buffer.rewards for name, model in made.policies.items()}
    assert rewards["agent_0"][:, 0].tolist() == [1, 1, 0, 0, 1, 1, 0]
    assert rewards["agent_1"][:, 0].tolist() == [2] * 7
