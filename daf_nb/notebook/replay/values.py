"""What policies make of what agents see: its value, and how likely each action is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pettingzoo.utils.env import ParallelEnv
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy

from daf_nb.envs import Arrays, Setting, Step, agent_spaces
from daf_nb.envs.seat import Seat
from daf_nb.learn.actions import as_seen
from daf_nb.learn.players import Players

__all__ = ["Judge", "Opinion"]


@dataclass(frozen=True, eq=False)
class Opinion:
    """What a policy makes of what one agent sees.

    Attributes:
        value: the return that it expects from here on, as it was trained: discounted.
        chances: float [actions], how likely each action of a Discrete is; None in other spaces.
        mean, scale: of continuous actions, before they are clipped; None in other spaces.
    """

    value: float
    chances: np.ndarray | None = None
    mean: np.ndarray | None = None
    scale: np.ndarray | None = None


class Judge:
    """Asks policies, step by step of a tape that is played.

    Args:
        players: whose policies.
        setting: what is played; its goal is part of what policies see.
        env: an instance of the world that is played.

    Raises:
        TrainingEnvironmentError, ConfigError: the world does not fit what the policies see.
    """

    def __init__(self, players: Players, setting: Setting, env: ParallelEnv) -> None:
        layout = players.layout
        self._policies = players.policies
        self._arrays = Arrays(players.groups, layout.spaces, num_envs=1)
        own = agent_spaces(env)
        self._seat = Seat(0, env, self._arrays, own=own, goal_size=layout.goal_size)
        self._seat.open(setting.goal)

    @torch.no_grad()
    def look(self, step: Step, agents: list[str]) -> dict[str, Opinion]:
        """Agent -> opinion, of those that act next.

        Args:
            step: what the world gave.
            agents: who acts next.
        """
        arrays, seat = self._arrays, self._seat
        for block in arrays.observations.values():
            block[...] = 0
        for mask in arrays.masks.values():
            mask[...] = True
        for agent in agents:
            seat.admit(agent)
            seat.slots[agent][...] = seat.read(agent, step.observations, step.infos)
        told: dict[str, Opinion] = {}
        for group, columns in arrays.groups.items():
            members = arrays.agents[columns]
            if any(agent in agents for agent in members):
                asked = zip(members, self._asked(group), strict=True)
                told.update((agent, opinion) for agent, opinion in asked if agent in agents)
        return told

    def _asked(self, group: str) -> list[Opinion]:
        policy = self._policies[group]
        rows = as_seen(policy, self._arrays.observations[group])
        seen, extra = torch.as_tensor(rows, device=policy.device), dict[str, Any]()
        if isinstance(policy, MaskableActorCriticPolicy):
            extra["action_masks"] = self._arrays.masks[group].reshape(len(rows), -1)
        values = policy.predict_values(seen).flatten().tolist()
        told = policy.get_distribution(seen, **extra).distribution
        if isinstance(told, torch.distributions.Categorical):
            chances = told.probs.float().numpy()
            pairs = zip(values, chances, strict=True)
            return [Opinion(value, chance) for value, chance in pairs]
        if isinstance(told, torch.distributions.Normal):
            means, scales = told.mean.float().numpy(), told.stddev.float().numpy()
            known = zip(values, means, scales, strict=True)
            return [Opinion(value, None, mean, scale) for value, mean, scale in known]
        return [Opinion(value) for value in values]
