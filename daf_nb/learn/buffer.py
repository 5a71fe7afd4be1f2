"""The rollout of one group: preallocated, masked by who is alive, advantages of live rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

from daf_nb.learn.advantages import cut_off, estimate

__all__ = ["PLANES", "AgentRolloutBuffer", "buffer_of"]

PLANES = ("log_probs", "advantages", "returns", "values", "rewards")
_EVERY = slice(None)


class AgentRolloutBuffer(RolloutBuffer):
    """SB3's rollout buffer for rows that are not always alive, on the device that learns from it.

    `tensors` are [rows, steps, ...], so that flattening them in SB3's order needs no copy; they are
    made once and written in place. float64 observations are kept as float32, which is what policies
    compute in anyway. `store` and `result` fill one step, `advance` moves on to the next, `finish`
    computes advantages, and `get` yields minibatches of live rows only, as SB3's algorithms expect
    them.

    SB3's names (`observations`, `actions`, `rewards`, `values`, `log_probs`, `advantages`,
    `returns`) are numpy arrays: the tensors' own memory on a CPU, else copies at every access.

    Attributes:
        tensors: name -> what is learned from, on the device.
        planes: those with one number for each row and step, in the order of `PLANES`.
        alive: bool [rows, steps]; the row's action counted. On the host, as is the next.
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
    tensors: dict[str, torch.Tensor]

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
        """Bytes of its arrays, and of its tensors where they are elsewhere."""
        arrays = {id(one): one for one in vars(self).values() if isinstance(one, np.ndarray)}
        away = () if self.here else self.tensors.values()
        return sum(one.nbytes for one in (*arrays.values(), *away))

    @property
    def here(self) -> bool:
        """The tensors are in the host's memory."""
        return self.device.type == "cpu"

    def _allocate(self) -> None:
        plane = (self.n_envs, self.buffer_size)
        seen = np.dtype(self.observation_space.dtype or np.float32)
        kept = np.dtype(np.float32) if seen == np.float64 else seen
        acted = np.dtype(self.action_space.dtype or np.float32)
        acted = np.dtype(np.float32) if acted == np.float64 else acted
        self.planes = self._zeros((len(PLANES), *plane), np.float32)
        self.tensors = dict(zip(PLANES, self.planes, strict=True)) | {
            "observations": self._zeros((*plane, *self.obs_shape), kept),
            "actions": self._zeros((*plane, self.action_dim), acted),
        }
        if self.here:
            vars(self).update({name: tensor.numpy() for name, tensor in self.tensors.items()})
        else:
            self.rewards = np.zeros(plane, np.float32)  # gathered here, sent over once
        self.alive, self.ended = np.zeros(plane, bool), np.zeros(plane, bool)
        self.episode_starts = self.ended  # SB3's name; nothing of ours reads it

    def _zeros(self, shape: tuple[int, ...], dtype: Any) -> torch.Tensor:
        return torch.from_numpy(np.zeros(shape, dtype)).to(self.device)

    def __getattr__(self, name: str) -> np.ndarray:
        """SB3's names of what is on another device than the host's."""
        tensors = self.__dict__.get("tensors", {})
        if name not in tensors:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return tensors[name].cpu().numpy()

    def keep_masks(self, width: int) -> None:
        """Makes room for action masks of `width` actions per row."""
        self.masks = np.ones((self.n_envs, self.buffer_size, width), bool)
        self.tensors["masks"] = torch.from_numpy(self.masks).to(self.device)

    def store(
        self,
        observations: Any,
        alive: np.ndarray,
        actions: Any,
        values: Any,
        log_probs: Any,
        masks: np.ndarray | None = None,
        *,
        rows: slice = _EVERY,
        step: int | None = None,
    ) -> None:
        """Writes what was seen and chosen; `result` completes it.

        Args:
            observations: [rows, *observation shape], as all others a tensor or an array.
            alive: bool [rows]; an array, as are the masks.
            actions: [rows, ...] as the policy gave them.
            values: [rows].
            log_probs: [rows].
            masks: bool [rows, number of actions], where kept.
            rows: which rows these are; by default all.
            step: of the rollout; by default the current one.
        """
        at = self.pos if step is None else step
        self.alive[rows, at] = alive
        count = len(alive)
        self._write("observations", rows, at, observations.reshape(count, *self.obs_shape))
        self._write("actions", rows, at, actions.reshape(count, self.action_dim))
        self._write("values", rows, at, values)
        self._write("log_probs", rows, at, log_probs)
        if self.masks is not None and masks is not None:
            self.masks[rows, at] = masks

    def _write(self, name: str, rows: slice, at: int, what: Any) -> None:
        if self.here:  # numpy writes a column several times faster than torch does
            vars(self)[name][rows, at] = what.numpy() if torch.is_tensor(what) else what
        else:
            self.tensors[name][rows, at] = torch.as_tensor(what, device=self.device)

    def result(
        self,
        rewards: np.ndarray,
        ended: np.ndarray,
        *,
        rows: slice = _EVERY,
        step: int | None = None,
    ) -> None:
        """Writes what came of a step: float and bool [rows], which and when as for `store`."""
        at = self.pos if step is None else step
        self.rewards[rows, at] = rewards
        self.ended[rows, at] = ended

    def advance(self) -> None:
        """The current step is written; the next one is current."""
        self.pos += 1
        self.full = self.pos == self.buffer_size

    def cut(self, broken: np.ndarray) -> int:
        """Forgets the current step, of rows [rows] whose world broke in it, as `cut_off` tells."""
        worth = self.tensors["values"][:, self.pos].cpu().numpy() * np.float32(self.gamma)
        return cut_off(broken, worth, self.pos, self.alive, self.ended, self.rewards)

    def bootstrap(self, rows: Any, steps: Any, values: torch.Tensor) -> None:
        """Adds to rewards what limits cut off: discounted values of final observations."""
        self.rewards[rows, steps] += self.gamma * values.cpu().numpy()

    @torch.no_grad()
    def finish(self, last_values: Any) -> None:
        """Advantages and returns; rows that were not alive are left at 0.

        Args:
            last_values: [rows], of the observations after the last step; ignored where it ended.
        """
        if not self.here:
            self.tensors["rewards"].copy_(torch.from_numpy(self.rewards))
            if self.masks is not None:
                self.tensors["masks"].copy_(torch.from_numpy(self.masks))
        tensors, values = self.tensors, self.tensors["values"]
        advantages = estimate(
            tensors["rewards"],
            values,
            torch.from_numpy(self.ended).to(self.device),
            torch.as_tensor(last_values, device=self.device),
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
        )
        tensors["advantages"].copy_(advantages)
        torch.add(advantages, values, out=tensors["returns"])
        dead = ~torch.from_numpy(self.alive).to(self.device)
        for name in ("advantages", "returns", "values"):
            tensors[name].masked_fill_(dead, 0)

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

    def shuffled(self, batch_size: int | None) -> Sequence[torch.Tensor]:
        """The same on the device, sent there at once."""
        pieces = self.minibatches(batch_size)
        whole = torch.from_numpy(np.concatenate(pieces)).to(self.device)
        return whole.split([len(piece) for piece in pieces])

    def flat(self) -> dict[str, torch.Tensor]:
        """What is learned from, as tensors [rows x steps, ...] on the buffer's device, uncopied."""
        return {
            name: tensor.flatten(0, 1) for name, tensor in self.tensors.items() if name != "rewards"
        }

    def get(self, batch_size: int | None = None) -> Iterator[RolloutBufferSamples]:  # type: ignore[override]
        """Minibatches of live rows in SB3's form, for algorithms that bring their own `train`."""
        assert self.full, "a rollout is trained on once it is complete"
        data = self.flat()
        for at in self.shuffled(batch_size):
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
