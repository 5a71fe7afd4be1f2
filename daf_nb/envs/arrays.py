"""The arrays that copies write and learners read: one slot per (copy, agent), made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import spaces

from daf_nb.envs.settings import Setting
from daf_nb.envs.spaces import AgentSpaces, equal_spaces, storage

__all__ = ["Arrays", "Episode", "Room", "RowEnd"]

Room = Callable[[tuple[int, ...], np.dtype], np.ndarray]
"""Gives an array of a shape and dtype, to be filled: memory of this process, or shared."""


@dataclass(frozen=True, eq=False)
class RowEnd:
    """An agent's own last step.

    Attributes:
        copy: the copy it happened in.
        agent: the agent.
        observation: its final observation, or None where the world gave none at a death.
        terminated: it died or reached its goal (wins over `truncated` where both are true).
        truncated: a limit cut it off; its value must be bootstrapped from `observation`.
        episode_return: sum of its rewards.
        length: steps it acted in.
    """

    copy: int
    agent: str
    observation: Any
    terminated: bool
    truncated: bool
    episode_return: float
    length: int


@dataclass(frozen=True)
class Episode:
    """One finished episode of one copy: the unit that curricula and statistics count.

    Attributes:
        copy: the copy that played it.
        number: its number within that copy, from 0.
        seed: the seed it was reset with.
        setting: what it was played with beside the seed.
        length: world steps.
        returns: agent -> sum of its rewards, for the agents that took part.
        terminated: at least one agent ended by termination.
        info: agent -> the world's last info of that agent, where it said something.
    """

    copy: int
    number: int
    seed: int
    setting: Setting
    length: int
    returns: Mapping[str, float]
    terminated: bool
    info: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def mean_return(self) -> float:
        """Return per agent: the mean of the agents' summed rewards."""
        return sum(self.returns.values()) / len(self.returns)

    @property
    def task(self) -> str:
        """The task that it is credited to; "" for the world as it is."""
        return self.setting.task

    @property
    def options(self) -> Mapping[str, Any]:
        """The reset options it was played with."""
        return self.setting.options


class Arrays:
    """Observations per group, everything else per (copy, agent), C-contiguous.

    Columns are agents, laid out group by group, so that a group's part of each array is a slice.

    Attributes:
        agents: list of str, column -> agent.
        column: agent -> column.
        groups: group -> slice of columns.
        spaces: group -> the spaces its agents share.
        observations: group -> [copies, agents of the group, *observation shape].
        masks: group -> bool [copies, agents, number of actions], where the group acts in a Discrete
            or MultiDiscrete; all True until the world says otherwise.
        choices: int64 [copies, agents], how many actions of its Discrete the agent has in the world
            that its copy plays; 0 where it acts in another space.
        rewards: float32 [copies, agents]; 0 for rows that did not act.
        terminated, truncated: bool [copies, agents], of the last step.
        alive: bool [copies, agents], the agent's next action counts.

    Args:
        groups: group -> its agents.
        by_agent: agent -> its spaces.
        num_envs: copies.
        room: where the arrays lie.
        attach: they lie there already, and are in use: nothing is written.
    """

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]],
        by_agent: Mapping[str, AgentSpaces],
        *,
        num_envs: int,
        room: Room = np.zeros,
        attach: bool = False,
    ) -> None:
        self.agents = [agent for members in groups.values() for agent in members]
        self.column = {agent: i for i, agent in enumerate(self.agents)}
        self.groups: dict[str, slice] = {}
        self.spaces: dict[str, AgentSpaces] = {}
        self.observations: dict[str, np.ndarray] = {}
        self.masks: dict[str, np.ndarray] = {}
        plane = (num_envs, len(self.agents))
        self.choices = room(plane, np.dtype(np.int64))
        start = 0
        for name, members in groups.items():
            self.groups[name] = slice(start, start + len(members))
            start += len(members)
            self.spaces[name] = shared = equal_spaces(by_agent, members)
            shape, dtype = storage(shared.observation)
            self.observations[name] = room((num_envs, len(members), *shape), dtype)
            if isinstance(shared.action, (spaces.Discrete, spaces.MultiDiscrete)):
                width = int(np.sum(getattr(shared.action, "nvec", getattr(shared.action, "n", 0))))
                self.masks[name] = room((num_envs, len(members), width), np.dtype(bool))
        self.rewards = room(plane, np.dtype(np.float32))
        self.terminated, self.truncated, self.alive = (
            room(plane, np.dtype(bool)) for _ in range(3)
        )
        if not attach:
            self._fill()

    def part(self, copies: range) -> Arrays:
        """The same arrays, seen from the first of these copies to the last: views."""
        some, these = copy(self), slice(copies.start, copies.stop)
        some.observations = {name: block[these] for name, block in self.observations.items()}
        some.masks = {name: block[these] for name, block in self.masks.items()}
        for name in ("choices", "rewards", "terminated", "truncated", "alive"):
            setattr(some, name, getattr(self, name)[these])
        return some

    def clear(self, copies: range) -> None:
        """Forgets what the last step of these copies brought."""
        these = slice(copies.start, copies.stop)
        self.terminated[these] = self.truncated[these] = False
        self.rewards[these] = 0

    @contextmanager
    def kept(self, copies: Sequence[int]) -> Iterator[None]:
        """What the last step of these copies brought is the same afterwards."""
        planes = (self.rewards, self.terminated, self.truncated)
        before = [plane[copies] for plane in planes]
        yield
        for plane, shown in zip(planes, before, strict=True):
            plane[copies] = shown

    def _fill(self) -> None:
        for mask in self.masks.values():
            mask[...] = True
        for name, columns in self.groups.items():
            action = self.spaces[name].action
            if isinstance(action, spaces.Discrete):
                self.choices[:, columns] = action.n
