"""The rollout of one group: preallocated, masked by who is alive, advantages of live rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

from daf_nb.errors import ConfigError

__all__ = ["AgentRolloutBuffer", "action_width", "buffer_of"]


class AgentRolloutBuffer(RolloutBuffer):
    """SB3's rollout buffer for rows that are not always alive.

    Arrays are [rows, steps, ...], so that flattening them in SB3's order needs no copy; they are
    made once and written in place. float64 observations are kept as float32, which is what policies
    compute in anyway. `store` fills one step, `finish` computes advantages, and `get` yields
    minibatches of live rows only, as SB3's algorithms expect them.

    Attributes:
        alive: bool [rows, steps]; the row's action counted.
        ended: bool [rows, steps]; the row's agent ended in that step.
        masks: bool [rows, steps, number of actions], once `keep_masks` was called; else None.
        rng: what shuffles minibatches: anything with numpy's `permutation(n)`.
        partial: allow a smaller last minibatch, as SB3 does; otherwise minibatches are even.
        precision: what an update runs the networks in; None for the parameters' own.
    """

    rng: np.random.Generator | np.random.RandomState
    partial: bool = False
    precision: torch.dtype | None = None
    masks: np.ndarray | None = None

    def reset(self) -> None:
        """Forgets the rollout; allocates at the first call only."""
        self.pos, self.full, self.generator_ready = 0, False, False
        if not hasattr(self, "alive"):
            self.rng = np.random.default_rng()
            self._allocate()

    def resize(self, steps: int) -> None:
        """Forgets the rollout; from now on there is room for `steps` steps of every row."""
        width = None if self.masks is None else self.masks.shape[-1]
        self.buffer_size = steps
        self._allocate()
        if width is not None:
            self.keep_masks(width)
        self.reset()

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        arrays = {id(one): one for one in vars(self).values() if isinstance(one, np.ndarray)}
        return sum(one.nbytes for one in arrays.values())

    def _allocate(self) -> None:
        plane = (self.n_envs, self.buffer_size)
        seen = np.dtype(self.observation_space.dtype or np.float32)
        kept = np.dtype(np.float32) if seen == np.float64 else seen
        acted = np.dtype(self.action_space.dtype or np.float32)
        self.observations = np.zeros((*plane, *self.obs_shape), kept)
        self.actions = np.zeros(
            (*plane, self.action_dim), np.float32 if acted == np.float64 else acted
        )
        self.rewards, self.values, self.log_probs, self.advantages, self.returns = (
            np.zeros(plane, np.float32) for _ in range(5)
        )
        self.alive, self.ended = np.zeros(plane, bool), np.zeros(plane, bool)
        self.episode_starts = self.ended  # SB3's name; nothing of ours reads it

    def keep_masks(self, width: int) -> None:
        """Makes room for action masks of `width` actions per row."""
        self.masks = np.ones((self.n_envs, self.buffer_size, width), bool)

    def store(
        self,
        observations: np.ndarray,
        alive: np.ndarray,
        actions: np.ndarray,
        values: np.ndarray,
        log_probs: np.ndarray,
        masks: np.ndarray | None = None,
    ) -> None:
        """Writes what was seen and chosen at the current step; `result` completes it.

        Args:
            observations: [rows, *observation shape].
            alive: bool [rows].
            actions: [rows, ...] as the policy gave them.
            values: [rows].
            log_probs: [rows].
            masks: bool [rows, number of actions], where kept.
        """
        at = self.pos
        self.observations[:, at] = observations.reshape(self.n_envs, *self.obs_shape)
        self.alive[:, at] = alive
        self.actions[:, at] = actions.reshape(self.n_envs, self.action_dim)
        self.values[:, at] = values
        self.log_probs[:, at] = log_probs
        if self.masks is not None and masks is not None:
            self.masks[:, at] = masks

    def result(self, rewards: np.ndarray, ended: np.ndarray) -> None:
        """Writes what came of the current step, and moves on to the next.

        Args:
            rewards: float [rows].
            ended: bool [rows]; terminated or truncated.
        """
        self.rewards[:, self.pos] = rewards
        self.ended[:, self.pos] = ended
        self.pos += 1
        self.full = self.pos == self.buffer_size

    def cut(self, broken: np.ndarray) -> int:
        """Forgets the step that was written last, of rows whose world broke in it.

        Their episodes end before it as by a limit: with the value of what was seen last in place of
        what would have come. So what was learned until then is neither thrown away nor taken for a
        failure of the policy. Throwing the whole episode away would be wrong: which steps train
        would then depend on what came after them, so that actions which lead to a failure a little
        later would be missing from the sample, and with them what they are worth. Cut like this,
        each step that trains was kept by what happened in it and before it alone, and its advantage
        is that of GAE at a stopping time (Pardo et al. 2018, arXiv 1712.00378, on time limits).

        Args:
            broken: bool [rows].

        Returns:
            How many of these rows had acted in the step.
        """
        at = self.pos - 1
        acted = broken & self.alive[:, at]
        self.alive[broken, at] = False
        if at:
            cut = acted & self.alive[:, at - 1] & ~self.ended[:, at - 1]
            self.rewards[cut, at - 1] += self.gamma * self.values[cut, at]
            self.ended[cut, at - 1] = True
        return int(acted.sum())

    def finish(self, last_values: np.ndarray) -> None:
        """Advantages by GAE(lambda) (Schulman et al. 2016, arXiv 1506.02438) and returns.

        Same operations in the same order as SB3's, for all rows at once; where a row's agent ended,
        nothing flows back. Rows that were not alive are left at 0.

        Args:
            last_values: [rows], values of the observations after the last step; ignored where the
                row ended.
        """
        going_on = 1.0 - self.ended.astype(np.float32)
        next_values = np.concatenate([self.values[:, 1:], last_values[:, None]], axis=1)
        deltas = (self.rewards + self.gamma * next_values * going_on - self.values).T.copy()
        carry = (self.gamma * self.gae_lambda * going_on).T.copy()
        running = np.zeros(self.n_envs, np.float32)
        for step in reversed(range(self.buffer_size)):
            running = deltas[step] + carry[step] * running
            deltas[step] = running
        self.advantages[:] = deltas.T
        np.add(self.advantages, self.values, out=self.returns)
        dead = ~self.alive
        for plane in (self.advantages, self.returns, self.values):
            plane[dead] = 0

    @property
    def live(self) -> np.ndarray:
        """Indices of the live rows in the flattened rollout, in SB3's order."""
        return np.flatnonzero(self.alive)

    def minibatches(self, batch_size: int | None) -> list[np.ndarray]:
        """One shuffled pass over the live rows, as index arrays into the flattened rollout."""
        live = self.live
        shuffled = live[self.rng.permutation(len(live))]
        if not batch_size or batch_size >= len(live):
            return [shuffled]
        if self.partial:
            return [shuffled[i : i + batch_size] for i in range(0, len(live), batch_size)]
        return np.array_split(shuffled, -(-len(live) // batch_size))

    def flat(self) -> dict[str, torch.Tensor]:
        """The rollout as tensors [rows x steps, ...] on the buffer's device.

        On a CPU they share the arrays' memory.
        """
        names = ("observations", "actions", "values", "log_probs", "advantages", "returns")
        arrays = {name: getattr(self, name) for name in names}
        if self.masks is not None:
            arrays["masks"] = self.masks
        size = self.n_envs * self.buffer_size
        flat = {
            name: torch.from_numpy(array.reshape(size, *array.shape[2:]))
            for name, array in arrays.items()
        }
        return {name: tensor.to(self.device) for name, tensor in flat.items()}

    def get(self, batch_size: int | None = None) -> Iterator[RolloutBufferSamples]:  # type: ignore[override]
        """Minibatches of live rows in SB3's form, for algorithms that bring their own `train`."""
        assert self.full, "a rollout is trained on once it is complete"
        data = self.flat()
        for indices in self.minibatches(batch_size):
            at = torch.from_numpy(indices).to(self.device)
            yield RolloutBufferSamples(
                data["observations"][at],
                data["actions"][at].float(),
                data["values"][at],
                data["log_probs"][at],
                data["advantages"][at],
                data["returns"][at],
            )


def buffer_of(model: Any) -> AgentRolloutBuffer:
    """The rollout buffer of a model that `make_model` made."""
    buffer = model.rollout_buffer
    assert isinstance(buffer, AgentRolloutBuffer), "models are made by make_model"
    return buffer


def action_width(space: spaces.Space) -> int:
    """How many entries an action mask of `space` has.

    Raises:
        ConfigError: its actions cannot be masked.
    """
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    raise ConfigError(f"MaskablePPO needs Discrete or MultiDiscrete actions, not {space}.")
