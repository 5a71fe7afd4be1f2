"""Spaces of agents: which can be trained on, which are equal, and how observations are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces
from pettingzoo.utils.env import ParallelEnv

from daf_nb.errors import ConfigError, TrainingEnvironmentError

__all__ = ["AgentSpaces", "agent_spaces", "equal_groups", "equal_spaces", "storage"]

_MASK_KEY, _OBSERVATION_KEY = "action_mask", "observation"


@dataclass(frozen=True)
class AgentSpaces:
    """What one agent sees and does.

    Attributes:
        observation: the space of what the policy sees.
        action: the space of what it does.
        masked: the observation is a Dict of `observation` and `action_mask`, as in PettingZoo's
            board games; `observation` is then the inner space.
    """

    observation: spaces.Space
    action: spaces.Space
    masked: bool = False

    def __str__(self) -> str:
        return f"{self.observation} -> {self.action}"


def agent_spaces(env: ParallelEnv) -> dict[str, AgentSpaces]:
    """The spaces of every possible agent, in the world's order.

    Raises:
        TrainingEnvironmentError: the world does not declare `possible_agents`.
        ConfigError: a space that stable-baselines3's PPO cannot learn on.
    """
    agents = getattr(env, "possible_agents", None)
    if not agents:
        raise TrainingEnvironmentError(
            f"{env} declares no possible_agents; rows are laid out from them. Give the world a "
            "possible_agents list of every agent that may ever appear."
        )
    return {agent: _checked(env, agent) for agent in agents}


def _checked(env: ParallelEnv, agent: str) -> AgentSpaces:
    observation, action = env.observation_space(agent), env.action_space(agent)
    masked = False
    if isinstance(observation, spaces.Dict) and set(observation) == {_OBSERVATION_KEY, _MASK_KEY}:
        observation, masked = observation[_OBSERVATION_KEY], True
    if not isinstance(observation, (spaces.Box, spaces.Discrete, spaces.MultiBinary)):
        raise ConfigError(
            f"{agent} observes {observation}: Box, Discrete and MultiBinary can be trained on, and "
            "a Dict of 'observation' and 'action_mask'. Flatten it with a wrapper first."
        )
    known = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
    if not isinstance(action, known):
        raise ConfigError(
            f"{agent} acts in {action}: Box, Discrete, MultiDiscrete and MultiBinary can be "
            "trained on."
        )
    if isinstance(action, spaces.Discrete) and action.start != 0:
        raise ConfigError(f"{agent} acts in {action}: a Discrete that starts at 0 is needed.")
    return AgentSpaces(observation, action, masked)


def equal_spaces(by_agent: Mapping[str, AgentSpaces], agents: Sequence[str]) -> AgentSpaces:
    """The spaces that `agents` share.

    Raises:
        ConfigError: they differ; the message lists them and the two ways out.
    """
    first = by_agent[agents[0]]
    if all(by_agent[agent] == first for agent in agents):
        return first
    listing = "\n".join(f"  {agent}: {by_agent[agent]}" for agent in agents)
    raise ConfigError(
        f"one policy was asked for, but the agents' spaces differ:\n{listing}\n"
        "Either train one policy per kind of agent (share='group'), or pad them to one shape "
        "(wrappers=('pad_observations_v0', 'pad_action_space_v0'))."
    )


def equal_groups(by_agent: Mapping[str, AgentSpaces]) -> list[list[str]]:
    """Agents with equal spaces, in the world's order."""
    kinds: list[AgentSpaces] = []
    groups: list[list[str]] = []
    for agent, its in by_agent.items():
        if its not in kinds:
            kinds.append(its)
            groups.append([])
        groups[kinds.index(its)].append(agent)
    return groups


def storage(space: spaces.Space) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of one observation as it is stored; float64 is kept as the space says."""
    return tuple(space.shape or ()), np.dtype(space.dtype or np.float32)
