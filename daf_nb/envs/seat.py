"""One instance of a world in its place in the arrays: where it writes, what is padded around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.arrays import Arrays
from daf_nb.envs.drivers import drive
from daf_nb.envs.failing import BrokenPromise
from daf_nb.envs.spaces import AgentSpaces

__all__ = ["Seat"]


class Seat:
    """What a copy writes through while it plays this instance.

    Args:
        copy: which copy's part of the arrays it writes.
        env: the world.
        arrays: where it writes.
        own: agent -> the world's own spaces, which fit those of the arrays.
        goal_size: how many numbers at the end of each observation are the goal's.

    Attributes:
        env: the world.
        world: the world as it is stepped.
        slots: agent -> where its own observation goes; zeros and the goal follow, if there is room.
    """

    def __init__(
        self,
        copy: int,
        env: ParallelEnv,
        arrays: Arrays,
        *,
        own: Mapping[str, AgentSpaces],
        goal_size: int = 0,
    ) -> None:
        self.env = env
        self.world = drive(env)
        self.slots: dict[str, np.ndarray] = {}
        self._rows: dict[str, np.ndarray] = {}
        self._goals: dict[str, np.ndarray] = {}
        self._goal: np.ndarray | float = 0.0
        self._masks: dict[str, np.ndarray] = {}
        self._own_masks: dict[str, np.ndarray] = {}
        self._in_dict = frozenset(agent for agent, its in own.items() if its.masked)
        self._restricted: set[str] = set()
        self._choices = arrays.choices[copy]
        self._own_choices = np.zeros_like(self._choices)
        for group, columns in arrays.groups.items():
            action = arrays.spaces[group].action
            self._own_choices[columns] = action.n if isinstance(action, spaces.Discrete) else 0
            for place, agent in enumerate(arrays.agents[columns]):
                if agent in own:
                    row = arrays.observations[group][copy, place, ...]
                    self._lay_out(agent, row, own[agent].observation, goal_size)
                    if group in arrays.masks:
                        mask = arrays.masks[group][copy, place]
                        self._lay_out_mask(agent, mask, own[agent].action, columns.start + place)

    def _lay_out(self, agent: str, row: np.ndarray, own: spaces.Space, goal_size: int) -> None:
        self._rows[agent] = row
        self.slots[agent] = row if row.ndim != 1 else row[: (own.shape or (0,))[0]]
        if goal_size:
            self._goals[agent] = row[-goal_size:]

    def _lay_out_mask(self, agent: str, mask: np.ndarray, own: spaces.Space, column: int) -> None:
        self._masks[agent] = self._own_masks[agent] = mask
        if isinstance(own, spaces.Discrete):
            self._own_choices[column] = own.n
            self._own_masks[agent] = mask[: own.n]

    def open(self, goal: np.ndarray | None) -> None:
        """Before an episode: takes the place in the arrays, which nobody is alive in."""
        self._goal = 0.0 if goal is None else goal
        self._choices[:] = self._own_choices

    def admit(self, agent: str) -> None:
        """An agent becomes alive: its goal is set, and what its world does not have, forbidden.

        Raises:
            BrokenPromise: the world never declared the agent.
        """
        if agent not in self.slots:
            raise BrokenPromise(
                f"{agent} is not among the world's possible_agents, from which rows are laid out"
            )
        if self._goals:
            self._goals[agent][:] = self._goal
        if agent in self._masks:
            self._masks[agent][len(self._own_masks[agent]) :] = False

    def read(
        self,
        agent: str,
        observations: Mapping[str, Any],
        infos: Mapping[str, Mapping[str, Any]],
    ) -> np.ndarray:
        """The agent's own observation; its action mask, if it has one, goes to its place.

        Args:
            agent: whose.
            observations: what the world gave.
            infos: the infos that came with them.

        Raises:
            BrokenPromise: there is none, or its shape is not what its space says.
        """
        try:
            observation = observations[agent]
        except KeyError:
            raise BrokenPromise(f"the world gave no observation of {agent}") from None
        if agent in self._in_dict:
            self._own_masks[agent][:] = observation["action_mask"]
            observation = observation["observation"]
        elif infos and (info := infos.get(agent)) and "action_mask" in info:
            self._own_masks[agent][:] = info["action_mask"]
            self._restricted.add(agent)
        elif agent in self._restricted:
            self._own_masks[agent][:] = True
            self._restricted.remove(agent)
        if not isinstance(observation, np.ndarray):
            observation = np.asarray(observation)
        if observation.shape != (expected := self.slots[agent].shape):
            raise BrokenPromise(
                f"{agent} observed an array of shape {observation.shape}; its space says {expected}"
            )
        return observation

    def dismiss(
        self, agent: str, observations: Mapping[str, Any], *, needed: bool
    ) -> np.ndarray | None:
        """An agent is no longer alive: clears its row and frees its mask.

        Args:
            agent: who.
            observations: what the world gave in the agent's last step.
            needed: there must be one of this agent.

        Returns:
            Its final observation as the learner sees it, or None where the world gave none.
        """
        row, final = self._rows[agent], None
        if needed or agent in observations:
            self.slots[agent][...] = self.read(agent, observations, {})
            final = row.copy()
        row[...] = 0
        if agent in self._masks:
            self._masks[agent][:] = True
        return final
