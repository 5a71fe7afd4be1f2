"""One copy of a world: its episode, its deaths and limits, written into its row of the arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.arrays import Arrays, Episode, RowEnd
from daf_nb.envs.drivers import drive
from daf_nb.envs.spaces import AgentSpaces
from daf_nb.errors import TrainingEnvironmentError

__all__ = ["Copy"]


class Copy:
    """Plays episodes of one world.

    Args:
        index: which copy this is.
        env: the world.
        arrays: where it writes; only row `index` is touched.
        masked: agent -> its spaces, for the agents' names and who carries a mask in a Dict.

    Attributes:
        number: the current episode's number, -1 before the first.
        seed: the current episode's seed.
        length: world steps in the current episode.
        playing: some agent is still in the world.
        infos: agent -> the world's info of the last step.
        reset_infos: agent -> the world's info at the current episode's start.
    """

    def __init__(
        self, index: int, env: ParallelEnv, arrays: Arrays, *, masked: Mapping[str, AgentSpaces]
    ) -> None:
        self.index = index
        self.number = -1
        self.seed = 0
        self.length = 0
        self.playing = False
        self.infos: Mapping[str, dict[str, Any]] = {}
        self.reset_infos: Mapping[str, dict[str, Any]] = {}
        self._world = drive(env)
        self._options: Mapping[str, Any] = {}
        self._column = arrays.column
        self._rewards = arrays.rewards[index]
        self._terminated = arrays.terminated[index]
        self._truncated = arrays.truncated[index]
        self._alive = arrays.alive[index]
        self._slots: dict[str, np.ndarray] = {}
        self._masks: dict[str, np.ndarray] = {}
        for group, columns in arrays.groups.items():
            for place, agent in enumerate(arrays.agents[columns]):
                self._slots[agent] = arrays.observations[group][index, place, ...]
                if group in arrays.masks:
                    self._masks[agent] = arrays.masks[group][index, place]
        self._in_dict = frozenset(agent for agent in self._slots if masked[agent].masked)
        self._returns: dict[str, float] = {}
        self._lengths: dict[str, int] = {}
        self._died = False
        self._last_infos: dict[str, Mapping[str, Any]] = {}
        self._restricted: set[str] = set()

    def reset(self, seed: int, options: Mapping[str, Any]) -> None:
        """Starts the next episode with `seed` and `options`."""
        self.number += 1
        self.seed, self._options, self.length = seed, options, 0
        self._returns, self._lengths, self._died = {}, {}, False
        self._last_infos = {}
        self._restricted.clear()
        self._alive[:] = False
        for slot in self._slots.values():
            slot[...] = 0
        for mask in self._masks.values():
            mask[:] = True
        try:
            observations, infos = self._world.reset(seed=seed, options=dict(options) or None)
        except Exception as error:
            raise self._blame(error, "reset") from error
        if not self._world.agents:
            raise TrainingEnvironmentError(
                f"episode {self.number} of copy {self.index} (seed {seed}) began without agents."
            )
        self.reset_infos = infos or {}
        self._enter(self._world.agents, observations, self.reset_infos)

    def step(self, actions: Sequence[Any], ends: list[RowEnd]) -> None:
        """One world step; appends the agents' ends to `ends`.

        Args:
            actions: one action per column; those of agents that are not alive are ignored.
            ends: where finished rows are told.
        """
        world, column = self._world, self._column
        acting = {agent: actions[column[agent]] for agent in world.agents}
        try:
            observations, rewards, terminations, truncations, infos = world.step(acting)
        except Exception as error:
            raise self._blame(error, f"step with actions {acting!r}") from error
        self.length += 1
        self.infos = infos
        staying = world.agents
        try:
            for agent in acting:
                at, reward = column[agent], rewards[agent]
                self._rewards[at] = reward
                self._returns[agent] += reward
                self._lengths[agent] += 1
                terminated, truncated = terminations[agent], truncations[agent]
                if terminated or truncated:
                    if info := infos.get(agent):
                        self._last_infos[agent] = dict(info)  # the world may use it again
                    ends.append(self._end(agent, at, observations, terminated))
                elif agent not in staying:
                    raise TrainingEnvironmentError(
                        f"{agent} left the world in copy {self.index}, episode {self.number}, step "
                        f"{self.length} neither terminated nor truncated."
                    )
        except KeyError as error:
            raise TrainingEnvironmentError(
                f"the world's step said nothing of {error} (copy {self.index}, step "
                f"{self.length}): rewards, terminations and truncations must name every agent that "
                "acted."
            ) from error
        self._enter(staying, observations, infos)

    def finish(self) -> Episode:
        """The episode that has just ended."""
        return Episode(
            copy=self.index,
            number=self.number,
            seed=self.seed,
            options=self._options,
            length=self.length,
            returns={agent: float(value) for agent, value in self._returns.items()},
            terminated=self._died,
            info=self._last_infos,
        )

    def _enter(
        self,
        agents: Sequence[str],
        observations: Mapping[str, Any],
        infos: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Writes the observations of the agents that act next; newcomers become alive."""
        self.playing = bool(agents)
        alive, column = self._alive, self._column
        for agent in agents:
            if agent not in column or not alive[column[agent]]:
                self._admit(agent)
            self._slots[agent][...] = self._seen(agent, observations, infos)

    def _admit(self, agent: str) -> None:
        if agent not in self._slots:
            raise TrainingEnvironmentError(
                f"{agent} is not among the world's possible_agents, from which rows are laid out."
            )
        self._alive[self._column[agent]] = True
        self._returns.setdefault(agent, 0.0)
        self._lengths.setdefault(agent, 0)

    def _seen(
        self, agent: str, observations: Mapping[str, Any], infos: Mapping[str, Mapping[str, Any]]
    ) -> np.ndarray:
        """The agent's observation; its action mask, if it has one, goes to its place."""
        try:
            observation = observations[agent]
        except KeyError:
            raise TrainingEnvironmentError(
                f"the world gave no observation of {agent} (copy {self.index}, step {self.length})."
            ) from None
        if agent in self._in_dict:
            self._masks[agent][:] = observation["action_mask"]
            observation = observation["observation"]
        elif infos and (info := infos.get(agent)) and "action_mask" in info:
            self._masks[agent][:] = info["action_mask"]
            self._restricted.add(agent)
        elif agent in self._restricted:
            self._masks[agent][:] = True
            self._restricted.remove(agent)
        if not isinstance(observation, np.ndarray):
            observation = np.asarray(observation)
        if observation.shape != (expected := self._slots[agent].shape):
            raise TrainingEnvironmentError(
                f"{agent} observed an array of shape {observation.shape} in copy {self.index}, "
                f"step {self.length}; its space says {expected}."
            )
        return observation

    def _end(
        self, agent: str, at: int, observations: Mapping[str, Any], terminated: bool
    ) -> RowEnd:
        self._alive[at] = False
        self._terminated[at], self._truncated[at] = terminated, not terminated
        self._died = self._died or bool(terminated)
        slot = self._slots[agent]
        slot[...] = 0
        final = None
        if agent in observations or not terminated:
            final = np.array(self._seen(agent, observations, {}), dtype=slot.dtype)
        if agent in self._masks:
            self._masks[agent][:] = True
        return RowEnd(
            copy=self.index,
            agent=agent,
            observation=final,
            terminated=bool(terminated),
            truncated=not terminated,
            episode_return=float(self._returns[agent]),
            length=self._lengths[agent],
        )

    def _blame(self, error: Exception, during: str) -> TrainingEnvironmentError:
        return TrainingEnvironmentError(
            f"the world raised {type(error).__name__}: {error} in copy {self.index}, episode "
            f"{self.number} (seed {self.seed}), after {self.length} steps, during {during}."
        )
