"""What the SB3 faces of the bridge share: rows of one group, and calls that reach the worlds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter, methodcaller
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices

from daf_nb.envs.copies import Copies

__all__ = ["RowVecEnv"]

_MASKS = "action_masks"


class RowVecEnv(VecEnv):
    """The rows of one group: copies x its agents.

    Args:
        copies: the copies behind the rows.
        group: the group.
    """

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

    def _reach(self, indices: VecEnvIndices, ask: Callable[[ParallelEnv], Any]) -> list[Any]:
        copies = [int(self.row_copies[i]) for i in self._get_indices(indices)]
        return self._source.reach(copies, ask)

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        if attr_name == _MASKS and self._offers_masks:
            return [self.action_masks] * len(list(self._get_indices(indices)))
        if attr_name == "render_mode":
            return self._reach(indices, _render_mode)
        return self._reach(indices, attrgetter(attr_name))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        self._reach(indices, partial(_set, name=attr_name, value=value))

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        if method_name == _MASKS and self._offers_masks:
            masks = self.action_masks()
            return [masks[i] for i in self._get_indices(indices)]
        return self._reach(indices, methodcaller(method_name, *method_args, **method_kwargs))

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:
        return self._reach(indices, partial(_is, kind=wrapper_class))

    def get_images(self) -> Sequence[np.ndarray | None]:
        """One picture per copy."""
        copies = range(self._source.num_envs)
        return [np.asarray(one) for one in self._source.reach(copies, methodcaller("render"))]


def _render_mode(env: ParallelEnv) -> Any:
    return getattr(env, "render_mode", None)


def _set(env: ParallelEnv, *, name: str, value: Any) -> None:
    setattr(env, name, value)


def _is(env: ParallelEnv, *, kind: type) -> bool:
    return isinstance(env, kind)
