"""A batched world whose every number is known beforehand."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch
from gymnasium import spaces

from daf_nb.envs import BatchedWorld


class Clockwork(BatchedWorld):
    """Copy c's agent i earns (i + 1) each step and sees (copy, agent, step of its episode).

    Agent i of copy c dies in step `deaths[c][i]` of an episode, where that is not 0; all others are
    cut off in step `limit`. A reward is NaN in step `broken`, a shape is wrong with `misshapen`.
    """

    def __init__(
        self,
        *,
        num_envs: int,
        device: str | torch.device = "cpu",
        agents: int = 2,
        deaths: tuple[tuple[int, ...], ...] = (),
        limit: int = 5,
        broken: int = 0,
        misshapen: bool = False,
        raises: bool = False,
        hangs: bool = False,
    ) -> None:
        self.num_envs, self.device = num_envs, torch.device(device)
        self.agents = [f"agent_{i}" for i in range(agents)]
        rows = [deaths[c % len(deaths)] if deaths else (0,) * agents for c in range(num_envs)]
        self.deaths = torch.tensor(rows)
        self.limit, self.broken, self.misshapen = limit, broken, misshapen
        self.raises, self.hangs = raises, hangs
        self.steps = torch.zeros(num_envs, dtype=torch.int64)
        self.seeds: list[int] = []
        self.resets: list[list[bool] | None] = []

    def observation_space(self, agent: str) -> spaces.Space:
        return spaces.Box(-np.inf, np.inf, (3,), np.float32)

    def action_space(self, agent: str) -> spaces.Space:
        return spaces.Discrete(3)

    def reset(
        self, copies: torch.Tensor | None = None, *, seed: int | None = None
    ) -> Mapping[str, torch.Tensor]:
        if seed is not None:
            self.seeds.append(seed)
        self.resets.append(None if copies is None else copies.tolist())
        everybody = torch.ones(self.num_envs, dtype=torch.bool)
        self.steps = torch.where(everybody if copies is None else copies, 0, self.steps)
        return self.seen()

    def step(self, actions: Mapping[str, torch.Tensor]):
        if self.raises:
            raise ZeroDivisionError("as it was told to")
        while self.hangs:
            time.sleep(0.01)
        assert all(actions[agent].shape == (self.num_envs,) for agent in self.agents)
        self.steps = self.steps + 1
        rewards = torch.arange(1.0, len(self.agents) + 1).repeat(self.num_envs, 1)
        if self.broken:
            rewards[self.steps == self.broken] = torch.nan
        if self.misshapen:
            rewards = rewards[:-1]
        died = self.steps[:, None] == self.deaths
        return self.seen(), rewards, died, (self.steps >= self.limit)[:, None]

    def seen(self) -> dict[str, torch.Tensor]:
        copies = torch.arange(float(self.num_envs))
        steps = self.steps.float()
        return {
            agent: torch.stack([copies, torch.full_like(copies, i), steps], 1)
            for i, agent in enumerate(self.agents)
        }

    def state(self) -> dict[str, torch.Tensor]:
        return {"steps": self.steps.clone()}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        self.steps = state["steps"].clone()

    def close(self) -> None:
        self.resets.append([])
