"""The state at the boundary behind, to which training goes back when a cycle is broken off."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from daf_nb.curriculum.state import of_data
from daf_nb.errors import ConfigError
from daf_nb.learn.model_state import load_model
from daf_nb.learn.snapshot import Snapshot, load_chance, take_snapshot

if TYPE_CHECKING:
    from daf_nb.control import AdaptiveController
    from daf_nb.curriculum import CurriculumManager
    from daf_nb.learn.learner import Learner
    from daf_nb.learn.loop import TrainingLoop

__all__ = ["Footing"]

EVERY = 1.0
"""Least seconds from one state that is held to the next: a shorter cycle is waited for."""
SHARE = 0.005
"""Greatest part of the time that holding them takes."""


class Footing:
    """Holds a trainer's state at boundaries, and puts it back.

    Args:
        learner: the trainer's.
        loop: the trainer's.
        curriculum: the trainer's.
        controller: the trainer's.
        clock: seconds, that only rise.

    Attributes:
        held: the state at the boundary where the cycle under way began; None where it was not
            taken, because the cycle will be short, or nothing was played before.
        on_hold: told of every state that is held, at its boundary.
        on_return: told that training is back at the boundary of `held`, and ends there.
    """

    def __init__(
        self,
        learner: Learner,
        loop: TrainingLoop,
        curriculum: CurriculumManager | None,
        controller: AdaptiveController | None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.held: Snapshot | None = None
        self.on_hold: Callable[[Snapshot], object] | None = None
        self.on_return: Callable[[], object] | None = None
        self._parts = learner, loop, curriculum, controller
        self._learner, self._loop, self._clock = learner, loop, clock
        self._due = -math.inf
        self._back = self._closed = self._short = False

    @property
    def back(self) -> Snapshot | None:
        """The state that training went back to, and goes on from; None where it did not."""
        return self.held if self._back else None

    def now(self) -> Snapshot:
        """The state that training goes on from, with what was changed since it went back.

        Raises:
            ConfigError: no episode of it is in progress, or something is no plain data.
        """
        before = self.back
        return self._taken(before, begun=before is None or not before.episodes)

    def leave(self) -> None:
        """In the training thread, at a boundary that training leaves: holds the state, if due."""
        before, began = self.back, self._clock()
        self.held, self._back, self._short = None, False, False
        begun = self._learner.ground.playing
        if self._learner.ground.away:
            self._due = began
        elif began >= self._due or not begun:
            if before is None:
                self._closed = self._learner.copies.closed
            try:
                self.held = self._taken(before, begun=begun)
            except ConfigError:  # a checkpoint cannot be taken either, and that is said there
                self._due = began
                return
            now = self._clock()
            self._due = now + max(EVERY, (now - began) / SHARE)
            if self.held.episodes and self.on_hold is not None:
                self.on_hold(self.held)
        else:
            self._short = True

    def _taken(self, before: Snapshot | None, *, begun: bool) -> Snapshot:
        """The state; where worlds are not put back yet, with the episodes that they will play."""
        snapshot = take_snapshot(*self._parts, begun=begun)
        return snapshot if begun or before is None else snapshot.playing(before)

    def rolled(self) -> None:
        """An update begins; where there is nothing to go back to, it is seen through."""
        if self.held is None:
            self._loop.gate.breaking.shut()

    def rolling(self) -> bool:
        """Whether a rollout under way goes on; asked after each step."""
        return self._short or not self._loop.gate.breaking.wanted

    def updating(self) -> bool:
        """Whether an update under way goes on; asked before each minibatch."""
        return self.held is None or not self._loop.gate.breaking.wanted

    def go_back(self) -> None:
        """In the training thread: the cycle under way was broken off; it will be trained again.

        Models, noise, curriculum and journal are put back at once, the worlds when it goes on.
        """
        learner, loop, curriculum, _ = self._parts
        snapshot = self.held
        if snapshot is None:
            return
        self._back = True
        told = of_data(snapshot.state["told"])
        for group, model in learner.models.items():
            load_model(model, group, told["models"][group], snapshot.tensors)
        load_chance(learner, told["models"], snapshot.tensors)
        learner.ground.course.load_state_dict(told["course"])
        if curriculum is not None:
            curriculum.teacher.load_state_dict(snapshot.state["curriculum"])
        if len(loop.controls.journal) != len(told["controls"]["journal"]):
            loop.controls.load_state_dict(told["controls"])
        learner.ground.stand_later(told["learner"], snapshot.episodes, closed=self._closed)

    def tell(self) -> None:
        """Tells that training ends at the boundary of `held`."""
        if self.held is not None and self.held.episodes and self.on_return is not None:
            self.on_return()
