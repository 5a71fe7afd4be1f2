"""The collection loop of batched worlds: all on the device; the host is told afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy

from daf_nb.envs import BatchedCopies, RowEnd
from daf_nb.envs.batched.told import Ended
from daf_nb.errors import TrainingEnvironmentError
from daf_nb.learn.acting import Actor
from daf_nb.learn.batched.buffer import DeviceBuffer
from daf_nb.learn.breaking import BrokenOff
from daf_nb.learn.collect import Rollout, StepHook
from daf_nb.learn.course import Course

__all__ = ["BatchedCollector", "into_space"]


class BatchedCollector:
    """As `Collector`, for batched copies.

    Args:
        copies: already begun on the course.
        models: group -> its SB3 model, whose buffer is a `DeviceBuffer`.
        generator: source of all action noise, on the copies' device.
        course: where outcomes go, once a rollout is over.
    """

    def __init__(
        self,
        copies: BatchedCopies,
        models: Mapping[str, OnPolicyAlgorithm],
        generator: torch.Generator,
        course: Course,
    ) -> None:
        self.copies, self.course = copies, course
        self._models, self._generator = dict(models), generator
        self._into = {name: into_space(model.policy) for name, model in models.items()}
        self._actors: dict[str, Actor] = {}
        self._cuts: dict[str, list[tuple[int, torch.Tensor, torch.Tensor]]] = {}

    def collect(
        self,
        n_steps: int,
        on_step: StepHook | None = None,
        rolling: Callable[[], bool] = lambda: True,
    ) -> Rollout:
        """One rollout into every model's buffer, advantages included; see `Collector.collect`.

        Raises:
            BrokenOff: `rolling`, asked after every step, said so.
            TrainingEnvironmentError: the world failed, or gave NaN or infinity.
        """
        self._cuts = {name: [] for name in self._models}
        counts = {name: torch.zeros((), dtype=torch.int64) for name in self._models}
        for name, model in self._models.items():
            model.policy.set_training_mode(False)
            model.rollout_buffer.reset()
            self._actors[name] = Actor(model.policy, model.n_envs)
        complete = True
        for step in range(n_steps):
            before = {name: self._alive(name) for name in self._models}
            locals_ = self._step(step, keep=on_step is not None)
            counts = {name: counts[name] + before[name].sum() for name in before}
            going_on = [on_step(name, local) for name, local in locals_.items()] if on_step else []
            if not all(going_on):
                complete = False
                break
            if not rolling():
                raise BrokenOff
        steps = {name: int(count) for name, count in counts.items()}
        rollout = Rollout(steps, ends={name: [] for name in self._models}, complete=complete)
        for name, model in self._models.items():
            model.num_timesteps += steps[name]
            self._refuse_nonfinite(name)
            if complete:
                self._finish(name, model)
        self._tell(rollout, self.copies.read())
        return rollout

    @torch.no_grad()
    def _step(self, step: int, *, keep: bool) -> dict[str, dict[str, Any]]:
        copies, given, locals_ = self.copies, {}, {}
        for name, model in self._models.items():
            seen = copies.observations[name]
            rows = seen.reshape(-1, *seen.shape[2:])
            actor = self._actors[name]
            actions, log_probs, values = actor(rows, actor.draw(self._generator))
            _buffer(model).store(rows, self._alive(name), actions, values, log_probs)
            shape = (*seen.shape[:2], *(model.action_space.shape or ()))
            given[name] = self._into[name](actions).reshape(shape)
            if keep:
                locals_[name] = _told(rows, actions, given[name], values, log_probs)
        copies.step(given)
        ended = copies.terminated | copies.truncated
        for name, model in self._models.items():
            columns = copies.arrays.groups[name]
            rewards, ends = copies.rewards[:, columns].flatten(), ended[:, columns].flatten()
            _buffer(model).result(rewards, ends)
            _buffer(model).advance()
            if name in copies.cuts:
                self._cuts[name].append((step, *copies.cuts[name]))
            if keep:
                rows = copies.observations[name].flatten(0, 1)
                locals_[name] |= {
                    "new_obs": _fetched(rows),
                    "rewards": _fetched(rewards),
                    "dones": _fetched(ends),
                    "infos": [{} for _ in range(len(rows))],
                }
        return locals_

    def _alive(self, name: str) -> torch.Tensor:
        return self.copies.alive[:, self.copies.arrays.groups[name]].flatten()

    @torch.no_grad()
    def _finish(self, name: str, model: OnPolicyAlgorithm) -> None:
        """Values of what limits cut off, in one forward pass; then the advantages."""
        buffer, cuts = _buffer(model), self._cuts[name]
        if cuts:
            finals = torch.cat([seen for _, _, seen in cuts])
            values = (
                model.policy.predict_values(finals).flatten().split([len(r) for _, r, _ in cuts])
            )
            for (step, rows, _), its in zip(cuts, values, strict=True):
                buffer.rewards[step, rows] += model.gamma * its
        seen = self.copies.observations[name]
        buffer.finish(model.policy.predict_values(seen.flatten(0, 1)).flatten())

    def _refuse_nonfinite(self, name: str) -> None:
        finite = _buffer(self._models[name]).finite()
        if bool(finite.all()):
            return
        columns = self.copies.arrays.groups[name]
        agents = self.copies.arrays.agents[columns]
        copy, place = divmod(int((~finite).nonzero()[0]), len(agents))
        raise TrainingEnvironmentError(
            f"{self.copies.envs[copy]}: {agents[place]} of copy {copy} saw or earned NaN or "
            "infinity in this rollout; nothing of it was trained on. Look for divisions by zero, "
            "and positions that run away.",
            what="NaN or infinity",
        )

    def _tell(self, rollout: Rollout, ended: list[Ended]) -> None:
        """The course, and the rollout, of what has ended."""
        groups = self.copies.arrays.groups
        agents = {name: self.copies.arrays.agents[part] for name, part in groups.items()}
        for step, episode in ended:
            rollout.episodes.append(episode)
            rollout.ended_at.append(step - 1)
            rollout.scores.append(self.course.finished(episode))
            for name, members in agents.items():
                rollout.ends[name] += [
                    RowEnd(
                        episode.copy,
                        agent,
                        None,
                        episode.terminated,
                        not episode.terminated,
                        episode.returns[agent],
                        episode.length,
                    )
                    for agent in members
                    if agent in episode.returns
                ]
        if self.course.needs_advantages and rollout.complete:
            self.course.advantages(*self._advantages(), rollout.ended_at, rollout.episodes)

    def _advantages(self) -> tuple[np.ndarray, np.ndarray]:
        """[copies, steps]: absolute advantages summed over live rows, and how many these were."""
        sums, counts = 0.0, 0
        for model in self._models.values():
            buffer = _buffer(model)
            by_copy = (buffer.buffer_size, self.copies.num_envs, -1)
            sums = sums + buffer.advantages.abs().reshape(by_copy).sum(2).T.cpu().numpy()
            counts = counts + buffer.alive.reshape(by_copy).sum(2).T.cpu().numpy()
        return np.asarray(sums), np.asarray(counts)


def into_space(policy: ActorCriticPolicy) -> Callable[[torch.Tensor], torch.Tensor]:
    """What gives the world its actions: in a Box scaled or clipped into it, as SB3 does.

    The bounds are brought to the policy's device once.
    """
    space = policy.action_space
    if not isinstance(space, spaces.Box):
        return lambda actions: actions
    low, high = (torch.as_tensor(one, device=policy.device) for one in (space.low, space.high))
    if policy.squash_output:
        return lambda actions: low + 0.5 * (actions + 1.0) * (high - low)
    return lambda actions: torch.clamp(actions, low, high)


def _buffer(model: OnPolicyAlgorithm) -> DeviceBuffer:
    buffer = model.rollout_buffer
    assert isinstance(buffer, DeviceBuffer), "made by make_model for a batched world"
    return buffer


def _told(
    rows: torch.Tensor,
    actions: torch.Tensor,
    given: torch.Tensor,
    values: torch.Tensor,
    log_probs: torch.Tensor,
) -> dict[str, Any]:
    """SB3's names for what was chosen, for callbacks that read their `locals`."""
    with torch.inference_mode(False):  # callbacks may differentiate through them
        return {
            "obs_tensor": rows.clone(),
            "actions": _fetched(actions),
            "clipped_actions": _fetched(given.flatten(0, 1)),
            "values": values[:, None].clone(),
            "log_probs": log_probs.clone(),
        }


def _fetched(tensor: torch.Tensor) -> np.ndarray:
    """An array of its own, which the next step does not write."""
    return tensor.cpu().numpy().copy()
