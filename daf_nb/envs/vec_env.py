"""The SB3 face of the bridge: copies x agents as the rows of one `VecEnv`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.arrays import Episode
from daf_nb.envs.copies import Copies
from daf_nb.envs.rows import RowVecEnv
from daf_nb.envs.tape import Tape
from daf_nb.envs.worlds import World
from daf_nb.errors import ConfigError

__all__ = ["AgentVecEnv", "GroupVecEnv"]


class AgentVecEnv(RowVecEnv):
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
        num_workers: worker processes that step the copies; 0 steps them in this process.
        world: what the factory builds, for the tapes to say so.

    Raises:
        ConfigError: the agents' spaces differ, or the world cannot be sent to workers.
    """

    def __init__(
        self,
        factory: Callable[[], ParallelEnv],
        *,
        num_envs: int,
        seed: int | None = None,
        num_workers: int = 0,
        world: World | None = None,
    ) -> None:
        copies = Copies(factory, num_envs=num_envs, num_workers=num_workers, seed=seed, world=world)
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

    @property
    def on_tape(self) -> Callable[[Episode, Callable[[], Tape]], object] | None:
        """Told of every episode that ends, with a function that gives its tape; see `Copies`."""
        return self._source.on_tape

    @on_tape.setter
    def on_tape(self, listener: Callable[[Episode, Callable[[], Tape]], object] | None) -> None:
        self._source.on_tape = listener

    def tapes(self) -> list[Tape]:
        """The episodes in progress, one of each copy, as they are now."""
        return self._source.tapes()

    def restore(self, tapes: Iterable[Tape]) -> np.ndarray:
        """Puts copies into the middle of their taped episodes, as `Copies.restore` does.

        Returns:
            The observations, as `reset` does.
        """
        self._source.restore(tapes)
        self._note_resets(range(self._source.num_envs))
        return self._observations()

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


class GroupVecEnv(RowVecEnv):
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
