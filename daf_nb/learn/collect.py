"""The one collection loop: steps the world once for all groups and fills each group's buffer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.envs import Copies, Drop, Episode, GroupVecEnv, RowEnd
from daf_nb.learn.actions import act, as_seen, to_world
from daf_nb.learn.breaking import BrokenOff
from daf_nb.learn.buffer import buffer_of
from daf_nb.learn.course import Course, go_on
from daf_nb.learn.endings import Endings

__all__ = ["Collector", "Rollout", "StepHook"]

StepHook = Callable[[str, dict[str, Any]], bool]
"""Told (group, SB3's local variables) after every step; False stops collecting."""


@dataclass
class Rollout:
    """What one rollout brought.

    Attributes:
        steps: group -> live agent-steps.
        episodes: the episodes that ended, in order.
        scores: their successes; None where success is not defined.
        ended_at: the steps of the rollout in which they ended.
        ends: group -> the rows that ended.
        drops: the episodes that were dropped, in order; of their last steps nothing is in the
            buffers.
        dropped_at: the steps of the rollout in which that happened.
        complete: False where a hook stopped it early; there is then nothing to train on.
    """

    steps: dict[str, int]
    episodes: list[Episode] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    ended_at: list[int] = field(default_factory=list)
    ends: dict[str, list[RowEnd]] = field(default_factory=dict)
    drops: list[Drop] = field(default_factory=list)
    dropped_at: list[int] = field(default_factory=list)
    complete: bool = True


@dataclass(frozen=True)
class _Cut:
    """A row that a limit cut off, waiting for the value of its final observation."""

    row: int
    step: int
    observation: np.ndarray


class Collector:
    """Plays `n_steps` of every copy with the groups' policies.

    Args:
        copies: the world's copies, already begun on the course.
        models: group -> its SB3 model.
        generator: source of all action noise, drawn in group order, rows in order.
        course: what the copies play next, and where outcomes go.
        endings: tells of the episodes that end; None where nobody is to hear of them.
    """

    def __init__(
        self,
        copies: Copies,
        models: Mapping[str, OnPolicyAlgorithm],
        generator: torch.Generator,
        course: Course,
        endings: Endings | None = None,
    ) -> None:
        self.copies = copies
        self.course = course
        self._endings = endings or Endings()
        self._endings.follow(copies)
        self._models = dict(models)
        self._generator = generator
        agents = copies.arrays.agents
        self._group_of = {
            agent: name for name, part in copies.arrays.groups.items() for agent in agents[part]
        }

    def collect(
        self,
        n_steps: int,
        on_step: StepHook | None = None,
        rolling: Callable[[], bool] = lambda: True,
    ) -> Rollout:
        """One rollout into every model's buffer, advantages included.

        Truncated rows are bootstrapped from their final observations in one forward pass per group
        when the rollout ends; the policy has not changed in between.

        Raises:
            BrokenOff: `rolling`, asked after every step, said so.
        """
        rollout = Rollout(dict.fromkeys(self._models, 0), ends={name: [] for name in self._models})
        cuts: dict[str, list[_Cut]] = {name: [] for name in self._models}
        for model in self._models.values():
            model.policy.set_training_mode(False)
            model.rollout_buffer.reset()
        for step in range(n_steps):
            locals_ = self._step(step, rollout, cuts, keep=on_step is not None)
            going_on = [on_step(name, local) for name, local in locals_.items()] if on_step else []
            if not all(going_on):
                rollout.complete = False
                return rollout
            if not rolling():
                raise BrokenOff
        for name, model in self._models.items():
            self._finish(name, model, cuts[name])
        if self.course.needs_advantages:
            copies = [drop.copy for drop in rollout.drops]
            dropped = list(zip(rollout.dropped_at, copies, strict=True))
            self.course.advantages(*self._advantages(), rollout.ended_at, rollout.episodes, dropped)
        return rollout

    @torch.inference_mode()
    def _step(
        self, step: int, rollout: Rollout, cuts: dict[str, list[_Cut]], *, keep: bool
    ) -> dict[str, dict[str, Any]]:
        arrays = self.copies.arrays
        chosen: dict[str, np.ndarray] = {}
        acted: dict[str, int] = {}
        locals_: dict[str, dict[str, Any]] = {}
        for name, model in self._models.items():
            alive = arrays.alive[:, arrays.groups[name]].reshape(-1)
            acted[name] = int(alive.sum())
            rollout.steps[name] += acted[name]
            chosen[name], local = self._choose(name, model, alive)
            if keep:
                with torch.inference_mode(False):  # callbacks may differentiate through them
                    tensors = {k: v.clone() for k, v in local.items() if torch.is_tensor(v)}
                locals_[name] = {**local, **tensors}
        self.copies.step(chosen)
        drops = self.copies.starts.drops
        ended = arrays.terminated | arrays.truncated
        for name, model in self._models.items():
            columns = arrays.groups[name]
            buffer = buffer_of(model)
            buffer.result(arrays.rewards[:, columns].reshape(-1), ended[:, columns].reshape(-1))
            if drops:
                lost = buffer.cut(self._broken_rows(drops, columns))
                acted[name] -= lost
                rollout.steps[name] -= lost
            model.num_timesteps += acted[name]
            if keep:
                locals_[name] |= self._outcome(name, model)
        rollout.drops += drops
        rollout.dropped_at += [step] * len(drops)
        if self.copies.episodes:
            rollout.episodes.extend(self.copies.episodes)
            rollout.ended_at.extend([step] * len(self.copies.episodes))
            scores = go_on(self.copies, self.course)
            rollout.scores.extend(scores)
            self._endings.tell(self.copies.episodes, scores, rollout.steps)
        for end in self.copies.ends:
            name = self._group_of[end.agent]
            rollout.ends[name].append(end)
            if end.truncated:
                cuts[name].append(_Cut(self._row(name, end), step, end.observation))
        return locals_

    def _broken_rows(self, drops: Sequence[Drop], columns: slice) -> np.ndarray:
        """Bool [rows]: whose copy was in the middle of an episode that was dropped."""
        broken = np.zeros(self.copies.num_envs, bool)
        broken[[drop.copy for drop in drops if drop.step]] = True
        return np.repeat(broken, columns.stop - columns.start)

    def _choose(
        self, name: str, model: OnPolicyAlgorithm, alive: np.ndarray
    ) -> tuple[np.ndarray, dict[str, Any]]:
        arrays, buffer = self.copies.arrays, buffer_of(model)
        observations, rows = self._observations(name, model), len(alive)
        masks = arrays.masks[name].reshape(rows, -1) if buffer.masks is not None else None
        actions, log_probs, values = act(model.policy, observations, self._generator, masks)
        acted = actions.cpu().numpy()
        buffer.store(
            observations.cpu().numpy(),
            alive,
            acted,
            values.cpu().numpy(),
            log_probs.cpu().numpy(),
            masks,
        )
        given = to_world(model.policy, acted)
        per_copy = (self.copies.num_envs, -1, *(model.action_space.shape or ()))
        local = {
            "obs_tensor": observations,
            "actions": acted,
            "clipped_actions": given,
            "values": values[:, None],
            "log_probs": log_probs,
        }
        return given.reshape(per_copy), local

    def _observations(self, name: str, model: OnPolicyAlgorithm) -> torch.Tensor:
        rows = as_seen(model.policy, self.copies.arrays.observations[name])
        return torch.as_tensor(rows, device=model.device)

    def _outcome(self, name: str, model: OnPolicyAlgorithm) -> dict[str, Any]:
        """SB3's names for what came of a step, for callbacks that read their `locals`."""
        assert model.env is not None, "models are made over a GroupVecEnv"
        env, arrays = model.env.unwrapped, self.copies.arrays
        assert isinstance(env, GroupVecEnv), "models are made over a GroupVecEnv"
        return {
            "new_obs": as_seen(model.policy, arrays.observations[name]).copy(),
            "rewards": arrays.rewards[:, arrays.groups[name]].flatten(),
            "dones": env.terminated | env.truncated,
            "infos": env.infos(),
        }

    def _advantages(self) -> tuple[np.ndarray, np.ndarray]:
        """[copies, steps]: absolute advantages summed over live rows, and how many these were."""
        copies, sums, counts = self.copies.num_envs, 0.0, 0
        for model in self._models.values():
            buffer = buffer_of(model)  # rows are copy by copy; those not alive have advantage 0
            by_copy = (copies, -1, buffer.buffer_size)
            sums = sums + np.abs(buffer.advantages).reshape(by_copy).sum(1)
            counts = counts + buffer.alive.reshape(by_copy).sum(1)
        return np.asarray(sums), np.asarray(counts)

    def _row(self, name: str, end: RowEnd) -> int:
        columns = self.copies.arrays.groups[name]
        place = self.copies.arrays.column[end.agent] - columns.start
        return end.copy * (columns.stop - columns.start) + place

    @torch.no_grad()
    def _finish(self, name: str, model: OnPolicyAlgorithm, cuts: list[_Cut]) -> None:
        buffer = buffer_of(model)
        if cuts:
            stacked = np.stack([cut.observation for cut in cuts])[:, None]
            finals = torch.as_tensor(as_seen(model.policy, stacked), device=model.device)
            values = model.policy.predict_values(finals).flatten().cpu().numpy()
            at = [cut.row for cut in cuts], [cut.step for cut in cuts]
            buffer.rewards[at] += model.gamma * values
        last = model.policy.predict_values(self._observations(name, model))
        buffer.finish(last.flatten().cpu().numpy())
