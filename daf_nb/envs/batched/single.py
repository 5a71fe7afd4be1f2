"""One copy of a batched world as an ordinary PettingZoo world, to look at and to play in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.batched.protocol import BatchedWorld

__all__ = ["SingleCopy"]


class SingleCopy(ParallelEnv):
    """A batched world of one copy through PettingZoo's parallel API.

    Args:
        world: made with `num_envs=1`, on the CPU.
        name: what it is called.
    """

    def __init__(self, world: BatchedWorld, name: str) -> None:
        self.metadata = {"name": name, "render_modes": []}
        self.possible_agents = list(world.agents)
        self.agents: list[str] = []
        self.world = world
        self._spaces = {
            agent: (world.observation_space(agent), world.action_space(agent))
            for agent in self.possible_agents
        }
        self.render_mode = None

    def observation_space(self, agent: str) -> spaces.Space:
        return self._spaces[agent][0]

    def action_space(self, agent: str) -> spaces.Space:
        return self._spaces[agent][1]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        self.agents = list(self.possible_agents)
        return self._seen(self.world.reset(seed=seed)), {agent: {} for agent in self.agents}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[
        dict[str, Any],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        given = {
            agent: torch.as_tensor(np.asarray(actions.get(agent, self._nothing(agent))))[None]
            for agent in self.possible_agents
        }
        seen, earned, terminated, truncated = self.world.step(given)
        acted, count = self.agents, len(self.possible_agents)
        planes = [plane.expand(1, count)[0].tolist() for plane in (earned, terminated, truncated)]
        rewards, died, cut = (dict(zip(self.possible_agents, row, strict=True)) for row in planes)
        found = self._seen(seen)
        self.agents = [agent for agent in acted if not (died[agent] or cut[agent])]
        return (
            {agent: found[agent] for agent in acted},
            {agent: rewards[agent] for agent in acted},
            {agent: bool(died[agent]) for agent in acted},
            {agent: bool(cut[agent]) for agent in acted},
            {agent: {} for agent in acted},
        )

    def close(self) -> None:
        self.world.close()

    def _seen(self, seen: Any) -> dict[str, np.ndarray]:
        return {agent: seen[agent][0].cpu().numpy().copy() for agent in self.possible_agents}

    def _nothing(self, agent: str) -> np.ndarray:
        space = self.action_space(agent)
        return np.zeros(space.shape or (), space.dtype)
