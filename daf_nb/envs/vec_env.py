"""The SB3 face of the bridge: copies x agents as the rows of one `VecEnv`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices

from daf_nb.envs.copies import Copies
from daf_nb.errors import ConfigError

__all__ = ["AgentVecEnv", "GroupVecEnv"]

_MASKS = "action_masks"


class _RowVecEnv(VecEnv):
    """What both faces share: rows of one group, and calls that reach the worlds behind them."""

    def __init__(self, copies: Copies, group: str) -> None:
        self._source = copies
        self._group = group
        columns = copies.arrays.groups[group]
        agents = copies.arrays.agents[columns]
        self.row_agents: list[str] = agents * copies.num_envs
        self.row_copies: np.ndarray = np.repeat(np.arange(copies.num_envs), len(agents))
        self._row_of = {agent: place for place, agent in enumerate(agents)}
        self._silent: list[dict[str, Any]] = [{} for _ in self.row_agents]
        self._columns = columns
        self._offers_masks = group in copies.arrays.masks
        shared = copies.arrays.spaces[group]
        super().__init__(len(self.row_agents), shared.observation, shared.action)

    @property
    def alive(self) -> np.ndarray:
        """Bool [rows]: the row's agent is alive now, so its next action counts."""
        return self._rows(self._source.arrays.alive)

    @property
    def terminated(self) -> np.ndarray:
        """Bool [rows]: the row's agent died or reached its goal in the last step."""
        return self._rows(self._source.arrays.terminated)

    @property
    def truncated(self) -> np.ndarray:
        """Bool [rows]: a limit cut the row's agent off in the last step."""
        return self._rows(self._source.arrays.truncated)

    @property
    def copies(self) -> Copies:
        """The copies behind the rows, with the episodes that ended in the last step."""
        return self._source

    def action_masks(self) -> np.ndarray:
        """Bool [rows, number of actions]: what each row may do now, as sb3-contrib reads it."""
        masks = self._source.arrays.masks[self._group]
        return masks.reshape(self.num_envs, -1).copy()

    def infos(self) -> list[dict[str, Any]]:
        """SB3's infos of the last step, one dict per row; silent rows share no new dictionary."""
        source, rows = self._source, self._row_of
        if any(self._silent):  # somebody wrote into what was said of a silent row
            self._silent = [{} for _ in self.row_agents]
        infos = self._silent[:]
        for (copy, agent), info in source.infos.items():
            if agent in rows:
                infos[copy * len(rows) + rows[agent]] = dict(info)
        for end in source.ends:
            if end.agent in rows:
                row = end.copy * len(rows) + rows[end.agent]
                infos[row] = {
                    **infos[row],
                    "TimeLimit.truncated": end.truncated,
                    "terminal_observation": self._final(end.observation),
                    "episode": {"r": end.episode_return, "l": end.length},
                }
        return infos

    def _final(self, observation: np.ndarray | None) -> np.ndarray:
        block = self._source.arrays.observations[self._group]
        return np.zeros(block.shape[2:], block.dtype) if observation is None else observation

    def _rows(self, plane: np.ndarray) -> np.ndarray:
        return plane[:, self._columns].flatten()

    def _worlds(self, indices: VecEnvIndices) -> list[tuple[int, ParallelEnv]]:
        return [(i, self._source.envs[self.row_copies[i]]) for i in self._get_indices(indices)]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        if attr_name == _MASKS and self._offers_masks:
            return [self.action_masks] * len(list(self._get_indices(indices)))
        if attr_name == "render_mode":
            return [getattr(env, attr_name, None) for _, env in self._worlds(indices)]
        return [getattr(env, attr_name) for _, env in self._worlds(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        for _, env in self._worlds(indices):
            setattr(env, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        worlds = self._worlds(indices)
        if method_name == _MASKS and self._offers_masks:
            masks = self.action_masks()
            return [masks[i] for i, _ in worlds]
        return [getattr(env, method_name)(*method_args, **method_kwargs) for _, env in worlds]

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:
        return [isinstance(env, wrapper_class) for _, env in self._worlds(indices)]

    def get_images(self) -> Sequence[np.ndarray | None]:
        """One picture per copy."""
        return [np.asarray(env.render()) for env in self._source.envs]


class AgentVecEnv(_RowVecEnv):
    """`num_envs` copies of a world as one SB3 `VecEnv` with a row per (copy, agent).

    Rows are copy-major, agents in the order of the world's `possible_agents`. An agent's last step
    has `done` True, and its `infos[row]` holds `terminal_observation`, `TimeLimit.truncated` (cut
    off by a limit, not dead) and `episode` = {"r": return, "l": length}. Until its copy's next
    episode the row is not `alive`: observation zeros, reward 0, done False. A copy starts its next
    episode in the step in which its last agent ended; the infos are those of the finished episode,
    the new one's are in `reset_infos`. Arrays that were returned are never written again.

    SB3's own collection loop knows no `alive`; where agents die before their copy ends, train with
    `RlTrainer`, which does.

    Args:
        factory: returns a fresh world at each call.
        num_envs: copies of the world (SB3's `num_envs` attribute counts rows).
        seed: run seed in [0, 2**32 - 1]; every episode of every copy gets its own seed from it.
        num_workers: 0; all copies are stepped in this process.

    Raises:
        ConfigError: the agents' spaces differ, or workers were asked for.
    """

    def __init__(
        self,
        factory: Callable[[], ParallelEnv],
        *,
        num_envs: int,
        seed: int | None = None,
        num_workers: int = 0,
    ) -> None:
        if num_workers:
            raise ConfigError(
                f"num_workers={num_workers}: copies are stepped in this process so far; use 0."
            )
        copies = Copies(factory, num_envs=num_envs, seed=seed)
        try:
            super().__init__(copies, "all")
        except BaseException:
            copies.close()
            raise
        self._actions: np.ndarray | None = None

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Sets the run seed; the next `reset` starts over at episode 0. Returns it per row."""
        self._source.reseed(seed)
        return [self._source.seed] * self.num_envs

    def reset(self) -> np.ndarray:
        """Starts the next episode of every copy (the options set for its first row reach it)."""
        self._source.reset(self._options[:: len(self._row_of)])
        self._reset_options()
        self._note_resets(range(self._source.num_envs))
        return self._observations()

    def step_async(self, actions: np.ndarray) -> None:
        shape = self.action_space.shape or ()
        per_copy = (self._source.num_envs, -1, *shape)
        self._actions = np.asarray(actions).reshape(per_copy)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        assert self._actions is not None, "step_async comes first"
        source = self._source
        source.step({"all": self._actions})
        self._actions = None
        dones = self._rows(source.arrays.terminated | source.arrays.truncated)
        infos = self.infos()
        if source.episodes:
            self._note_resets(episode.copy for episode in source.episodes)
        return self._observations(), self._rows(source.arrays.rewards), dones, infos

    def close(self) -> None:
        """Closes every copy's world once."""
        self._source.close()

    def _observations(self) -> np.ndarray:
        block = self._source.arrays.observations["all"]
        return block.reshape(self.num_envs, *block.shape[2:]).copy()

    def _note_resets(self, copies: Iterable[int]) -> None:
        fresh = set(copies)
        for row, copy in enumerate(self.row_copies):
            if int(copy) in fresh:
                self.reset_infos[row] = {}
        for (copy, agent), info in self._source.reset_infos.items():
            if copy in fresh:
                self.reset_infos[copy * len(self._row_of) + self._row_of[agent]] = dict(info)


class GroupVecEnv(_RowVecEnv):
    """The rows of one group as the `env` of that group's SB3 model.

    One collector steps the world for all groups, so this face does not step or reset; spaces,
    `alive`, attributes and methods of the worlds are there for models and callbacks.

    Args:
        copies: the copies that the collector steps.
        group: the group whose rows these are.
    """

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Does nothing: the collector's seed rules."""
        return [self._source.seed] * self.num_envs

    def reset(self) -> np.ndarray:
        raise ConfigError("the trainer resets the world for all groups; make an AgentVecEnv.")

    def step_async(self, actions: np.ndarray) -> None:
        raise ConfigError("the trainer steps the world for all groups; make an AgentVecEnv.")

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        raise ConfigError("the trainer steps the world for all groups; make an AgentVecEnv.")

    def close(self) -> None:
        """Does nothing: the trainer owns the copies."""
