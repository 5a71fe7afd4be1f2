"""A tiny world whose every event is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

__all__ = ["SCENARIOS", "Scripted"]


class Scripted(ParallelEnv):
    """Agents that die, run out of time or stay away exactly when told.

    An agent sees (a number drawn anew at each step, the step's number, its own index plus one), so
    that no observation is all zeros, and earns 1 plus its index plus a tenth of its action.
    An episode is a function of its seed and the actions alone; without a seed, the generator goes
    on from where it was.

    Args:
        agents: the possible agents, or their number (agent_0, agent_1 and so on).
        limit: the step at which everybody who is left runs out of time; None for never.
        deaths: index -> the step at which that agent terminates.
        limits: index -> the step at which that agent alone runs out of time.
        arrivals: index -> the step behind which that agent joins, if the episode still runs.
        absence: probability that an agent stays away from an episode; one always comes.
        num_actions: how many discrete actions an agent has.
    """

    def __init__(
        self,
        *,
        agents: int | Sequence[str] = 3,
        limit: int | None = 5,
        deaths: Mapping[int, int] | None = None,
        limits: Mapping[int, int] | None = None,
        arrivals: Mapping[int, int] | None = None,
        absence: float = 0.0,
        num_actions: int = 3,
    ) -> None:
        self.metadata = {"name": type(self).__name__.lower(), "render_modes": []}
        self.render_mode = None
        names = range(agents) if isinstance(agents, int) else agents
        self.possible_agents = [f"agent_{a}" if isinstance(a, int) else a for a in names]
        self.agents: list[str] = []
        self.limit = limit
        self.deaths = dict(deaths or {})
        self.limits = dict(limits or {})
        self.arrivals = dict(arrivals or {})
        self.absence = absence
        self.num_actions = num_actions
        self.elapsed = 0
        self.drawn = 0.0
        self.seed: int | None = None
        self.generator = np.random.default_rng()
        # PettingZoo wants the same object at every call.
        self._observation_spaces = {
            agent: self.make_observation_space(agent) for agent in self.possible_agents
        }
        self._action_spaces = {
            agent: self.make_action_space(agent) for agent in self.possible_agents
        }

    def make_observation_space(self, agent: str) -> spaces.Space:
        """The agent's observation space: three unbounded numbers."""
        return spaces.Box(-np.inf, np.inf, (3,), np.float32)

    def make_action_space(self, agent: str) -> spaces.Space:
        """The agent's action space: `num_actions` choices."""
        return spaces.Discrete(self.num_actions)

    def observe(self, agent: str) -> Any:
        """What the agent sees now."""
        return np.array([self.drawn, self.elapsed, 1 + self.index(agent)], np.float32)

    def reward(self, agent: str, action: Any) -> float:
        """What the agent earns for the action in the step that has just been taken."""
        return 1.0 + self.index(agent) + 0.1 * float(np.sum(action))

    def info(self, agent: str) -> dict[str, Any]:
        """What the world says beside the observation."""
        return {}

    def index(self, agent: str) -> int:
        """The agent's place among the possible agents."""
        return self.possible_agents.index(agent)

    def observation_space(self, agent: str) -> spaces.Space:
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        return self._action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        self.seed = seed
        if seed is not None:
            self.generator = np.random.default_rng(seed)
        self.elapsed = 0
        self.drawn = float(self.generator.random())
        present = self.generator.random(len(self.possible_agents)) >= self.absence
        present[self.generator.integers(len(present))] = True
        self.agents = [
            agent
            for index, agent in enumerate(self.possible_agents)
            if present[index] and index not in self.arrivals
        ]
        return (
            {agent: self.observe(agent) for agent in self.agents},
            {agent: self.info(agent) for agent in self.agents},
        )

    def step(self, actions: dict[str, Any]) -> tuple[Any, Any, Any, Any, Any]:
        self.elapsed += 1
        self.drawn = float(self.generator.random())
        acting = self.agents
        rewards = {agent: self.reward(agent, actions[agent]) for agent in acting}
        terminated = {
            agent: self.elapsed >= self.deaths.get(self.index(agent), np.inf) for agent in acting
        }
        truncated = {agent: self.elapsed >= self._limit_of(agent) for agent in acting}
        self.agents = [a for a in acting if not terminated[a] and not truncated[a]]
        if self.agents:
            joining = [i for i, step in self.arrivals.items() if step == self.elapsed]
            self.agents = self.agents + [self.possible_agents[i] for i in joining]
        # PettingZoo wants a newcomer in every dict: nothing earned, nothing ended.
        newcomers = [agent for agent in self.agents if agent not in acting]
        nothing = dict.fromkeys(newcomers, False)
        seeing = [*acting, *newcomers]
        return (
            {agent: self.observe(agent) for agent in seeing},
            rewards | dict.fromkeys(newcomers, 0.0),
            terminated | nothing,
            truncated | nothing,
            {agent: self.info(agent) for agent in seeing},
        )

    def render(self) -> None:
        return None

    def close(self) -> None:
        return None

    def _limit_of(self, agent: str) -> float:
        own = self.limits.get(self.index(agent), np.inf)
        return min(own, np.inf if self.limit is None else self.limit)


SCENARIOS: dict[str, Callable[[], Scripted]] = {
    "a time limit": lambda: Scripted(limit=5),
    "a common death": lambda: Scripted(limit=None, deaths={0: 4, 1: 4, 2: 4}),
    "staggered deaths": lambda: Scripted(limit=None, deaths={0: 2, 1: 4, 2: 6}),
    "deaths, own limits and both at once": lambda: Scripted(
        agents=4, limit=6, deaths={0: 2, 3: 6}, limits={1: 3}
    ),
    "absent agents": lambda: Scripted(agents=4, limit=4, deaths={1: 2}, absence=0.5),
    "an agent that joins late": lambda: Scripted(limit=5, deaths={0: 3}, arrivals={2: 2}),
    "episodes of one step": lambda: Scripted(limit=1),
}
"""Worlds in which everything that a bridge can get wrong happens within a few steps."""
