"""The example of `docs/batched.md`: a batched world in a few dozen lines of torch."""

import numpy as np
import torch
from gymnasium import spaces

import daf_nb as daf


class Points(daf.BatchedWorld):
    """Each walker goes to a goal of its own, and is done there; after `limit` steps it is late."""

    def __init__(self, *, num_envs, device="cpu", walkers=2, limit=20):
        self.num_envs, self.device = num_envs, torch.device(device)
        self.agents = [f"walker_{i}" for i in range(walkers)]
        self.limit = limit
        self.chance = torch.Generator(self.device)
        self.here = torch.zeros(num_envs, walkers, 2, device=self.device)
        self.goal = torch.zeros_like(self.here)
        self.steps = torch.zeros(num_envs, dtype=torch.int64, device=self.device)

    def observation_space(self, agent):
        return spaces.Box(-np.inf, np.inf, (2,), np.float32)

    def action_space(self, agent):
        return spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, copies=None, *, seed=None):
        if seed is not None:
            self.chance.manual_seed(seed)
        if copies is None:
            copies = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        drawn = torch.rand(2, *self.here.shape, generator=self.chance, device=self.device) * 2 - 1
        self.here = torch.where(copies[:, None, None], drawn[0], self.here)
        self.goal = torch.where(copies[:, None, None], drawn[1], self.goal)
        self.steps = torch.where(copies, 0, self.steps)
        return self.seen()

    def step(self, actions):
        moves = torch.stack([actions[agent] for agent in self.agents], 1)
        self.here = self.here + 0.2 * moves
        self.steps = self.steps + 1
        away = (self.goal - self.here).norm(dim=2)
        return self.seen(), -away, away < 0.2, (self.steps >= self.limit)[:, None]

    def seen(self):
        return {agent: (self.goal - self.here)[:, i] for i, agent in enumerate(self.agents)}

    def state(self):
        own = {"here": self.here, "goal": self.goal, "steps": self.steps}
        return {name: one.clone() for name, one in own.items()} | {
            "chance": self.chance.get_state()
        }

    def load_state(self, state):
        for name in ("here", "goal", "steps"):
            setattr(self, name, state[name].to(self.device, copy=True))
        self.chance.set_state(state["chance"].cpu())
