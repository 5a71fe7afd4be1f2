"""All copies of a world, stepped in this process into shared arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.arrays import Arrays, Episode, RowEnd
from daf_nb.envs.copy import Copy
from daf_nb.envs.seeds import EpisodeSeeds, fresh_seed
from daf_nb.envs.spaces import agent_spaces
from daf_nb.envs.worlds import as_parallel, close_world
from daf_nb.errors import ConfigError, TrainingEnvironmentError

__all__ = ["Copies"]


class Copies:
    """`num_envs` copies of a world, with seeds, deaths, limits and episodes kept apart.

    After `reset` or `step`, read `arrays`, `ends` and `episodes`; they are overwritten by the next
    step. A copy whose agents have all ended starts its next episode within the same step.

    Args:
        factory: returns a fresh world at each call.
        groups: group -> its agents, which must have equal spaces; by default all agents are one
            group named "all".
        num_envs: copies.
        seed: run seed, from which every episode's seed is derived; None draws one.
        held_out: use the seeds that training never uses.

    Attributes:
        arrays: what the learner reads.
        ends: the rows that ended in the last step.
        episodes: the episodes that ended in the last step, in copy order.
        infos: (copy, agent) -> the world's info of the last step, where it was not empty.
        reset_infos: (copy, agent) -> the world's info at the start of the current episode.
        seed: the run seed in use.
    """

    def __init__(
        self,
        factory: Callable[[], ParallelEnv],
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        num_envs: int,
        seed: int | None = None,
        held_out: bool = False,
    ) -> None:
        if num_envs < 1:
            raise ConfigError(f"num_envs={num_envs}: at least one copy is needed.")
        self.envs: list[ParallelEnv] = []
        self.closed = False
        try:
            for _ in range(num_envs):
                self.envs.append(as_parallel(factory(), "the factory"))
            if len({id(env) for env in self.envs}) < num_envs:
                raise ConfigError(
                    "the factory gave the same instance twice; it must make a new world at each "
                    "call."
                )
            by_agent = agent_spaces(self.envs[0])
            self.arrays = Arrays(groups or {"all": list(by_agent)}, by_agent, num_envs=num_envs)
            self._copies = [
                Copy(i, env, self.arrays, masked=by_agent) for i, env in enumerate(self.envs)
            ]
        except BaseException:
            self.close()
            raise
        self.num_envs = num_envs
        self.ends: list[RowEnd] = []
        self.episodes: list[Episode] = []
        self._held_out = held_out
        self._floats = [o for o in self.arrays.observations.values() if o.dtype.kind == "f"]
        self._limits = {
            name: getattr(shared.action, "nvec", getattr(shared.action, "n", None))
            for name, shared in self.arrays.spaces.items()
            if isinstance(shared.action, (spaces.Discrete, spaces.MultiDiscrete))
        }
        self.reseed(seed)

    def reseed(self, seed: int | None) -> None:
        """Starts over at episode 0 under `seed` from the next `reset` on; None draws a seed."""
        self.seed = fresh_seed() if seed is None else seed
        self._seeds = EpisodeSeeds(self.seed, num_envs=self.num_envs, held_out=self._held_out)
        for copy in self._copies:
            copy.number = -1

    @property
    def infos(self) -> dict[tuple[int, str], dict[str, Any]]:
        return {
            (c.index, agent): info for c in self._copies for agent, info in c.infos.items() if info
        }

    @property
    def reset_infos(self) -> dict[tuple[int, str], dict[str, Any]]:
        return {
            (c.index, agent): info
            for c in self._copies
            for agent, info in c.reset_infos.items()
            if info
        }

    def reset(self, options: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Starts the next episode of every copy.

        Args:
            options: reset options per copy; None for none.
        """
        self.ends, self.episodes = [], []
        self.arrays.terminated[:] = self.arrays.truncated[:] = False
        self.arrays.rewards[:] = 0
        for copy in self._copies:
            self._start(copy, options[copy.index] if options else {})
        self._refuse_nonfinite(None)

    def step(self, actions: Mapping[str, np.ndarray]) -> None:
        """One step of every copy.

        Args:
            actions: group -> [copies, agents of the group, *action shape]; what stands in rows that
                are not alive is ignored.

        Raises:
            TrainingEnvironmentError: a world raised, broke its contract, or gave NaN or infinity.
            ConfigError: an action outside its space.
        """
        arrays = self.arrays
        self._refuse_bad_actions(actions)
        arrays.rewards[:] = 0
        arrays.terminated[:] = arrays.truncated[:] = False
        self.ends, self.episodes = [], []
        for copy, chosen in zip(self._copies, self._per_copy(actions), strict=True):
            copy.step(chosen, self.ends)
        self._refuse_nonfinite(actions)
        for copy in self._copies:
            if not copy.playing:
                self.episodes.append(copy.finish())
                self._start(copy, {})
        if self.episodes:
            self._refuse_nonfinite(None)

    def close(self) -> None:
        """Closes every world once; one that raises there is told of, and the others still close."""
        if self.closed:
            return
        self.closed = True
        for index, env in enumerate(self.envs):
            close_world(env, f"copy {index}")

    def _per_copy(self, actions: Mapping[str, np.ndarray]) -> list[list[Any]]:
        """One list per copy, an action per column: Python ints where scalar, else arrays."""
        rows: list[list[Any]] = [[] for _ in self._copies]
        for name in self.arrays.groups:
            part = actions[name]
            if name in self._limits:
                part = part.astype(np.int64, copy=False)
            for row, chosen in zip(rows, part.tolist() if part.ndim == 2 else part, strict=True):
                row.extend(chosen)
        return rows

    def _start(self, copy: Copy, options: Mapping[str, Any]) -> None:
        copy.reset(self._seeds(copy.index, copy.number + 1), options)

    def _refuse_bad_actions(self, actions: Mapping[str, np.ndarray]) -> None:
        for name, part in actions.items():
            alive = self.arrays.alive[:, self.arrays.groups[name]]
            limit = self._limits.get(name)
            if limit is not None:
                bad = (part < 0) | (part >= limit)
                if part.dtype.kind not in "iu":
                    bad |= part != np.trunc(part)
            elif part.dtype.kind == "f":
                bad = ~np.isfinite(part)
            else:
                continue
            if bad.any():
                bad = bad.reshape(*alive.shape, -1).any(-1) & alive
                for c, a in np.argwhere(bad)[:1]:
                    agent = self.arrays.agents[self.arrays.groups[name].start + a]
                    space = self.arrays.spaces[name].action
                    raise ConfigError(
                        f"copy {c}, {agent}: action {part[c, a]!r} is not in {space}."
                    )

    def _refuse_nonfinite(self, actions: Mapping[str, np.ndarray] | None) -> None:
        """Stops at the first NaN or infinity, before anything can learn from it."""
        arrays = self.arrays
        final = [
            end
            for end in self.ends
            if end.observation is not None and end.observation.dtype.kind == "f"
        ]
        if (
            np.isfinite(arrays.rewards).all()
            and all(np.isfinite(block).all() for block in self._floats)
            and all(np.isfinite(end.observation).all() for end in final)
        ):
            return
        for c, column in np.argwhere(~np.isfinite(arrays.rewards)):
            self._say_nonfinite("reward", float(arrays.rewards[c, column]), c, column, actions)
        for end in final:
            bad = np.asarray(end.observation)[~np.isfinite(end.observation)]
            if bad.size:
                column = arrays.column[end.agent]
                self._say_nonfinite("final observation", bad[0], end.copy, column, actions)
        for name, block in arrays.observations.items():
            bad_rows = ~np.isfinite(block.reshape(*block.shape[:2], -1)).all(-1)
            for c, a in np.argwhere(bad_rows):
                value = block[c, a][~np.isfinite(block[c, a])][0]
                column = arrays.groups[name].start + a
                self._say_nonfinite("observation", value, c, column, actions)

    def _say_nonfinite(
        self,
        what: str,
        value: float,
        copy: int,
        column: int,
        actions: Mapping[str, np.ndarray] | None,
    ) -> None:
        agent = self.arrays.agents[column]
        action = "at reset"
        for name, columns in self.arrays.groups.items():
            if actions is not None and columns.start <= column < columns.stop:
                action = f"after action {actions[name][copy, column - columns.start].tolist()!r}"
        state = self._copies[copy]
        raise TrainingEnvironmentError(
            f"{what} of {agent} is {value} in copy {copy}, episode {state.number} (seed "
            f"{state.seed}), step {state.length}, {action}. Nothing was learned from it. Mend the "
            "world, or bound the value with a wrapper (clip_reward_v0, nan_zeros_v0)."
        )
