"""One group's part in a rollout: its noise, its actions, and what came of them in its buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.envs import Copies, Drop, GroupVecEnv, RowEnd
from daf_nb.learn.acting import Actor
from daf_nb.learn.actions import as_seen, to_world
from daf_nb.learn.buffer import buffer_of

__all__ = ["EVERY", "Part"]

EVERY = slice(None)
"""All copies."""


@dataclass(frozen=True)
class _Cut:
    """A row that a limit cut off, waiting for the value of its final observation."""

    row: int
    step: int
    observation: np.ndarray


class Part:
    """Chooses for one group, copy by copy in any ranges, and writes what came of it.

    A forward pass is always of all rows, with noise that was drawn for all: what a row is given
    does not depend on the range in which it is asked for.

    Args:
        name: the group's.
        model: its model; its buffer is emptied.
        copies: the world's copies.
    """

    def __init__(self, name: str, model: OnPolicyAlgorithm, copies: Copies) -> None:
        arrays = copies.arrays
        self.name, self.model, self.buffer = name, model, buffer_of(model)
        self.acted, self.local = 0, dict[str, Any]()
        self._arrays, self._columns = arrays, arrays.groups[name]
        self._width = self._columns.stop - self._columns.start
        self._place = {agent: i for i, agent in enumerate(arrays.agents[self._columns])}
        self._whole = (copies.num_envs * self._width, *arrays.observations[name].shape[2:])
        self._masked = self.buffer.masks is not None
        self._cuts: list[_Cut] = []
        model.policy.set_training_mode(False)
        self.buffer.reset()
        self._actor = Actor(model.policy, self._whole[0], masked=self._masked)

    @torch.inference_mode()
    def draw(self, generator: torch.Generator) -> None:
        """A step begins: its noise, for all rows."""
        self._noise = self._actor.draw(generator)

    @torch.inference_mode()
    def choose(self, step: int, copies: slice = EVERY) -> np.ndarray:
        """The actions [copies, agents, *action shape] of a range of copies, as the world gets them.

        What the policy saw and drew goes into the buffer. Those of other copies are of no use.
        """
        rows, arrays = self._rows(copies), self._arrays
        alive = arrays.alive[copies, self._columns].reshape(-1)
        masks = None
        if self._masked:
            masks = arrays.masks[self.name].reshape(self._whole[0], -1)
        observations = self._observations()
        actions, log_probs, values = self._actor(observations, self._noise, masks)
        acted = actions.cpu().numpy()
        kept = actions if not self.buffer.here else acted
        self.buffer.store(
            observations[rows],
            alive,
            kept[rows],
            values[rows],
            log_probs[rows],
            None if masks is None else masks[rows],
            rows=rows,
            step=step,
        )
        given = to_world(self.model.policy, acted)
        self.local = {
            "obs_tensor": observations,
            "actions": acted,
            "clipped_actions": given,
            "values": values[:, None],
            "log_probs": log_probs,
        }
        return given.reshape(-1, self._width, *(self.model.action_space.shape or ()))

    def take(self, step: int, copies: slice = EVERY) -> None:
        """The rewards and ends of a range of copies, which have made the step."""
        arrays, at = self._arrays, (copies, self._columns)
        ended = arrays.terminated[at] | arrays.truncated[at]
        rewards = arrays.rewards[at].reshape(-1)
        self.buffer.result(rewards, ended.reshape(-1), rows=self._rows(copies), step=step)

    def settle(self, drops: Sequence[Drop]) -> None:
        """All copies have made the step, and some were broken in it; the next one is current."""
        self.acted = int(np.count_nonzero(self.buffer.alive[:, self.buffer.pos]))
        if drops:
            broken = np.zeros(len(self._arrays.alive), bool)
            broken[[drop.copy for drop in drops if drop.step]] = True
            self.acted -= self.buffer.cut(np.repeat(broken, self._width))
        self.buffer.advance()
        self.model.num_timesteps += self.acted

    def limit(self, end: RowEnd, step: int) -> None:
        """A limit cut one of its agents off in this step of the rollout."""
        row = end.copy * self._width + self._place[end.agent]
        self._cuts.append(_Cut(row, step, end.observation))

    def chosen(self) -> dict[str, Any]:
        """SB3's names for what was seen and drawn in this step, for callbacks to keep."""
        # Cloned out of inference mode: callbacks may differentiate through them.
        return {k: v.clone() if torch.is_tensor(v) else v for k, v in self.local.items()}

    def outcome(self) -> dict[str, Any]:
        """SB3's names for what came of a step, for callbacks that read their `locals`."""
        assert self.model.env is not None, "models are made over a GroupVecEnv"
        env, arrays = self.model.env.unwrapped, self._arrays
        assert isinstance(env, GroupVecEnv), "models are made over a GroupVecEnv"
        return {
            "new_obs": as_seen(self.model.policy, arrays.observations[self.name]).copy(),
            "rewards": arrays.rewards[:, self._columns].flatten(),
            "dones": env.terminated | env.truncated,
            "infos": env.infos(),
        }

    @torch.no_grad()
    def finish(self) -> None:
        """The rollout is complete: limits are bootstrapped in one forward pass, then advantages."""
        if self._cuts:
            stacked = np.stack([cut.observation for cut in self._cuts])[:, None]
            finals = self._on_device(as_seen(self.model.policy, stacked))
            rows, steps = [cut.row for cut in self._cuts], [cut.step for cut in self._cuts]
            self.buffer.bootstrap(rows, steps, self.model.policy.predict_values(finals).flatten())
        last = self.model.policy.predict_values(self._observations())
        self.buffer.finish(last.flatten())

    def advantages(self) -> tuple[np.ndarray, np.ndarray]:
        """[copies, steps]: absolute advantages summed over live rows, and how many these were."""
        by_copy = (len(self._arrays.alive), self._width, -1)  # those not alive have advantage 0
        sums = np.abs(self.buffer.advantages).reshape(by_copy).sum(1)
        return sums, self.buffer.alive.reshape(by_copy).sum(1)

    def _rows(self, copies: slice) -> slice:
        if copies == EVERY:
            return EVERY
        start, stop, _ = copies.indices(len(self._arrays.alive))
        return slice(start * self._width, stop * self._width)

    def _observations(self) -> torch.Tensor:
        block = self._arrays.observations[self.name]
        return self._on_device(as_seen(self.model.policy, block))

    def _on_device(self, rows: np.ndarray) -> torch.Tensor:
        """As the policy computes: on its device, doubles in float32."""
        if rows.dtype == np.float64:
            rows = rows.astype(np.float32)
        return torch.as_tensor(rows, device=self.model.device)
