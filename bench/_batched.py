"""What the benchmarks of batched worlds measure: one function each, given a job, gives a rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from daf_nb import RlConfig, RlTrainer
from daf_nb.envs import World
from daf_nb.learn.update import update

AGENTS, EPOCHS = 3, 4
WORLD = World("vmas/simple_spread", {"n_agents": AGENTS})

Job = dict[str, Any]


def world_alone(job: Job) -> dict[str, float]:
    """The world as we step it, with random forces drawn beforehand; reset where it ended."""
    torch.set_num_threads(job["threads"])
    world = WORLD.build_batched(job["copies"], job["device"])
    drawn = torch.rand(16, AGENTS, job["copies"], 2, device=job["device"]) * 2 - 1
    given = [dict(zip(world.agents, forces, strict=True)) for forces in drawn]
    world.reset(seed=0)

    def play() -> None:
        for step in range(job["steps"]):
            *_, truncated = world.step(given[step % 16])
            if truncated.any():
                world.reset()

    return _rate(job, play)


def update_alone(job: Job) -> dict[str, float]:
    """Our update, again and again on one rollout."""
    trainer = _trainer(job)
    learner = trainer._learner
    torch.set_num_threads(job["threads"])
    with learner.ground.entered() as collector:
        collector.collect(learner.n_steps)
    return _rate(job, lambda: update(learner.models["all"]))


def ours(job: Job) -> dict[str, float]:
    """daf_nb: its training loop, less threads and record."""
    trainer = _trainer(job)
    learner = trainer._learner
    torch.set_num_threads(job["threads"])
    return _rate(job, lambda: learner.cycle(lambda steps: 1.0, None, lambda: None))


def stock(job: Job) -> dict[str, float]:
    """SB3's own PPO; an iteration of its `learn` is one rollout and update."""
    torch.set_num_threads(job["threads"])
    rows = job["copies"] * AGENTS
    model = PPO(
        "MlpPolicy",
        Rows(job["copies"], job["device"]),
        n_steps=job["steps"],
        batch_size=rows * job["steps"] // 4,
        n_epochs=EPOCHS,
        device=job["device"],
        seed=0,
    )
    first = [True]

    def learn() -> None:
        model.learn(rows * job["steps"], reset_num_timesteps=first.pop() if first else False)

    return _rate(job, learn)


def _trainer(job: Job) -> RlTrainer:
    rollout = job["copies"] * AGENTS * job["steps"]
    config = RlConfig(
        total_timesteps=10**12,
        num_envs=job["copies"],
        seed=0,
        device=job["device"],
        torch_threads=job["threads"],
        batch_size=rollout // 4,
        algorithm_kwargs={"n_steps": job["steps"], "n_epochs": EPOCHS},
    )
    return RlTrainer(config, env=WORLD)


def _rate(job: Job, work: Callable[[], object]) -> dict[str, float]:
    """Agent-steps a second, each call being worth one rollout of them; the first is not timed."""
    work()
    _wait(job)
    count, began, spent = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < job["seconds"] or not count:
        work()
        _wait(job)
        count += 1
    total = count * job["copies"] * AGENTS * job["steps"]
    seconds, processor = time.perf_counter() - began, time.process_time() - spent
    return {"rate": total / seconds, "per_processor_second": total / processor}


def _wait(job: Job) -> None:
    if job["device"].startswith("cuda"):
        torch.cuda.synchronize()


class Rows(VecEnv):
    """The same world as SB3 wants it: arrays on the host, and an info for every row that ended."""

    def __init__(self, copies: int, device: str) -> None:
        self.world = WORLD.build_batched(copies, device)
        self.device, self._silent = device, [{} for _ in range(copies * AGENTS)]
        box = self.world.observation_space("agent_0"), self.world.action_space("agent_0")
        super().__init__(copies * AGENTS, *box)
        assert isinstance(self.action_space, spaces.Box), "forces"

    def reset(self) -> np.ndarray:
        return self._rows(self.world.reset(seed=0))

    def step_async(self, actions: np.ndarray) -> None:
        self._given = torch.as_tensor(actions, device=self.device)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        per_copy = self._given.reshape(-1, AGENTS, 2)
        given = {agent: per_copy[:, i] for i, agent in enumerate(self.world.agents)}
        seen, rewards, _, truncated = self.world.step(given)
        rows, dones = self._rows(seen), truncated.expand(-1, AGENTS).flatten().cpu().numpy()
        infos: list[dict[str, Any]] = self._silent
        if dones.any():
            infos = [
                {"TimeLimit.truncated": True, "terminal_observation": rows[i]} if dones[i] else {}
                for i in range(self.num_envs)
            ]
            rows = self._rows(self.world.reset(truncated[:, 0]))
        return rows, rewards.flatten().cpu().numpy(), dones, infos

    def _rows(self, seen: Any) -> np.ndarray:
        stacked = torch.stack([seen[agent] for agent in self.world.agents], 1)
        return stacked.flatten(0, 1).cpu().numpy()

    def close(self) -> None:
        self.world.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError("nobody asks for it here")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
        raise NotImplementedError("nobody asks for it here")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs
