"""The rollout of one group as tensors on the learner's device, from the first step on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from daf_nb.learn.buffer import PLANES, AgentRolloutBuffer

__all__ = ["DeviceBuffer"]


class DeviceBuffer(AgentRolloutBuffer):
    """As its base, but its planes are tensors [steps, rows, ...], and nothing is fetched from them.

    Minibatches are drawn on the device too, from seeds that come from `rng`.
    """

    observations: Any
    actions: Any
    rewards: Any
    values: Any
    log_probs: Any
    advantages: Any
    returns: Any
    alive: Any
    ended: Any
    _live: torch.Tensor

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        tensors = {id(one): one for one in vars(self).values() if torch.is_tensor(one)}
        return sum(one.nbytes for one in tensors.values())

    def _allocate(self) -> None:
        plane = (self.buffer_size, self.n_envs)

        def zeros(shape: tuple[int, ...], dtype: Any) -> torch.Tensor:
            kept = np.float32 if np.dtype(dtype) == np.float64 else dtype
            like = torch.from_numpy(np.zeros(0, kept)).dtype
            return torch.zeros((*plane, *shape), dtype=like, device=self.device)

        self.planes = torch.zeros((len(PLANES), *plane), device=self.device)
        self.tensors = dict(zip(PLANES, self.planes, strict=True)) | {
            "observations": zeros(self.obs_shape, self.observation_space.dtype or np.float32),  # type: ignore[arg-type] - no Dict
            "actions": zeros((self.action_dim,), self.action_space.dtype or np.float32),
        }
        vars(self).update(self.tensors)
        self.alive, self.ended = zeros((), np.bool_), zeros((), np.bool_)
        self.episode_starts = self.ended  # SB3's name; nothing of ours reads it
        self._live = torch.zeros(0, dtype=torch.int64, device=self.device)

    def store(  # type: ignore[override] - tensors in place of arrays
        self,
        observations: torch.Tensor,
        alive: torch.Tensor,
        actions: torch.Tensor,
        values: torch.Tensor,
        log_probs: torch.Tensor,
        masks: None = None,
    ) -> None:
        """As its base's, all of it tensors on the device."""
        at = self.pos
        self.observations[at] = observations
        self.alive[at] = alive
        self.actions[at] = actions.reshape(self.n_envs, self.action_dim)
        self.values[at] = values
        self.log_probs[at] = log_probs

    def result(self, rewards: torch.Tensor, ended: torch.Tensor) -> None:  # type: ignore[override]
        """As its base's, tensors on the device."""
        self.rewards[self.pos] = rewards
        self.ended[self.pos] = ended

    def finish(self, last_values: torch.Tensor) -> None:  # type: ignore[override] - a tensor
        """As its base's, on the device: the same operations in the same order."""
        going_on = 1.0 - self.ended.float()
        following = torch.cat([self.values[1:], last_values[None]])
        deltas = self.rewards + self.gamma * following * going_on - self.values
        carry = self.gamma * self.gae_lambda * going_on
        running = torch.zeros_like(last_values)
        for step in reversed(range(self.buffer_size)):
            running = deltas[step] + carry[step] * running
            self.advantages[step] = running
        torch.add(self.advantages, self.values, out=self.returns)
        dead = ~self.alive
        for plane in (self.advantages, self.returns, self.values):
            plane.masked_fill_(dead, 0.0)
        self._live = self.alive.flatten().nonzero().flatten()

    @property
    def live(self) -> torch.Tensor:  # type: ignore[override] - a tensor
        """Indices of the live rows in the flattened rollout, step by step."""
        return self._live

    def finite(self) -> torch.Tensor:
        """Bool [rows]: what a row saw and earned in the rollout is finite."""
        seen = self.observations
        bad = ~torch.isfinite(self.rewards)
        if seen.is_floating_point():
            bad |= ~torch.isfinite(seen.flatten(2)).all(2)
        return ~(bad & self.alive).any(0)

    def minibatches(self, batch_size: int | None) -> list[torch.Tensor]:  # type: ignore[override]
        """One shuffled pass over the live rows, as index tensors into the flattened rollout."""
        count = len(self._live)
        noise = torch.Generator(self.device).manual_seed(int(self.rng.integers(2**62)))  # type: ignore[union-attr] - a Generator of ours
        shuffled = self._live[torch.randperm(count, generator=noise, device=self.device)]
        if not batch_size or batch_size >= count:
            return [shuffled]
        if self.partial:
            return list(shuffled.split(batch_size))
        return list(shuffled.tensor_split(-(-count // batch_size)))

    def shuffled(self, batch_size: int | None) -> list[torch.Tensor]:
        """The same."""
        return self.minibatches(batch_size)
