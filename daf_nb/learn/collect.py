"""The one collection loop: steps the world once for all groups and fills each group's buffer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.envs import Copies, Drop, Episode, RowEnd
from daf_nb.envs.accounts import Outcome
from daf_nb.envs.halves import Half
from daf_nb.learn.breaking import BrokenOff
from daf_nb.learn.course import Course, go_on
from daf_nb.learn.endings import Endings
from daf_nb.learn.part import Part

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
        parts = {name: Part(name, model, self.copies) for name, model in self._models.items()}
        if on_step is None and len(self.copies.halves) > 1:
            self._overlapped(n_steps, rollout, parts, rolling)
        else:
            rollout.complete = self._one_by_one(n_steps, rollout, parts, on_step, rolling)
            if not rollout.complete:
                return rollout
        for part in parts.values():
            part.finish()
        if self.course.needs_advantages:
            copies = [drop.copy for drop in rollout.drops]
            dropped = list(zip(rollout.dropped_at, copies, strict=True))
            sums, counts = zip(*(part.advantages() for part in parts.values()), strict=True)
            told = np.sum(sums, 0), np.sum(counts, 0)
            self.course.advantages(*told, rollout.ended_at, rollout.episodes, dropped)
        return rollout

    def _one_by_one(
        self,
        n_steps: int,
        rollout: Rollout,
        parts: dict[str, Part],
        on_step: StepHook | None,
        rolling: Callable[[], bool],
    ) -> bool:
        """All copies step together; False where a hook stopped that early."""
        for step in range(n_steps):
            self._draw(parts)
            chosen = {name: part.choose(step) for name, part in parts.items()}
            kept = {name: part.chosen() for name, part in parts.items()} if on_step else {}
            self.copies.step(chosen)
            for part in parts.values():
                part.take(step)
            self._account(step, rollout, parts)
            told = {name: {**local, **parts[name].outcome()} for name, local in kept.items()}
            going_on = [on_step(name, local) for name, local in told.items()] if on_step else []
            if not all(going_on):
                return False
            if not rolling():
                raise BrokenOff
        return True

    def _overlapped(
        self,
        n_steps: int,
        rollout: Rollout,
        parts: dict[str, Part],
        rolling: Callable[[], bool],
    ) -> None:
        """One half of the copies steps while the other half's actions are chosen.

        The early half goes ahead into the next step before the late half has made this one, unless
        one of its episodes has ended: then what came of the whole step is taken in first, and what
        is to be played next is prepared.
        """
        early, late = self.copies.halves
        self._draw(parts)
        self._send(early, 0, parts)
        self._send(late, 0, parts)
        for step in range(n_steps):
            outcome, more = self._receive(early, step, parts), step + 1 < n_steps
            ahead = more and not outcome.begun
            if more:
                self._draw(parts)
            if ahead:
                self._send(early, step + 1, parts)
            outcome.add(self._receive(late, step, parts))
            self.copies.take(outcome)
            self._account(step, rollout, parts)
            if not rolling():
                raise BrokenOff
            if more and not ahead:
                self._send(early, step + 1, parts)
            if more:
                self._send(late, step + 1, parts)

    def _draw(self, parts: dict[str, Part]) -> None:
        for part in parts.values():
            part.draw(self._generator)

    def _send(self, half: Half, step: int, parts: dict[str, Part]) -> None:
        copies = slice(half.copies.start, half.copies.stop)
        half.send({name: part.choose(step, copies) for name, part in parts.items()})

    def _receive(self, half: Half, step: int, parts: dict[str, Part]) -> Outcome:
        outcome = half.receive(self.copies.on_tape)
        for part in parts.values():
            part.take(step, slice(half.copies.start, half.copies.stop))
        return outcome

    def _account(self, step: int, rollout: Rollout, parts: dict[str, Part]) -> None:
        """All copies have made a step: steps, episodes and ends are counted and told."""
        drops = self.copies.starts.drops
        for name, part in parts.items():
            part.settle(drops)
            rollout.steps[name] += part.acted
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
                parts[name].limit(end, step)
