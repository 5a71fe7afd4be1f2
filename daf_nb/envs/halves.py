"""Copies that are stepped together, while others think: what goes to them, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from daf_nb.envs.accounts import Outcome
from daf_nb.envs.arrays import Arrays, Episode
from daf_nb.envs.guards import Guard
from daf_nb.envs.layout import Layout
from daf_nb.envs.tape import Tape
from daf_nb.envs.taping import Taping
from daf_nb.envs.worlds import World

__all__ = ["Half", "Stepper"]


class Stepper(Protocol):
    """Steps some copies, here or in another process."""

    def send(self, copies: range, actions: Mapping[str, np.ndarray]) -> None:
        """Begins a step of those of `copies` that it has."""

    def receive(self, copies: range) -> Outcome:
        """What came of the step that was begun first."""
        ...


class Half:
    """All copies, or those of one half: they are stepped together.

    Args:
        copies: which.
        arrays: of all copies.
        layout: of the arrays.
        world: what the copies are of, for their tapes.
        guard: looks at actions.
        steppers: those that have some of these copies, in copy order, and which.

    Attributes:
        copies: as given.
        taping: the recording of these copies.
    """

    def __init__(
        self,
        copies: range,
        arrays: Arrays,
        layout: Layout,
        *,
        world: World | None,
        guard: Guard,
        steppers: Sequence[tuple[Stepper, range]],
    ) -> None:
        self.copies, self._arrays, self._guard = copies, arrays, guard
        self._own = arrays.part(copies)
        self.taping = Taping(self._own, layout, world, first=copies.start)
        self._steppers = list(steppers)

    def send(self, actions: Mapping[str, np.ndarray]) -> None:
        """Begins a step of these copies; arguments and errors as `Copies.step`."""
        these = slice(self.copies.start, self.copies.stop)
        self._guard.refuse_bad_actions(actions, self.copies)
        self._arrays.clear(self.copies)
        self.taping.before_step({name: part[these] for name, part in actions.items()})
        for stepper, copies in self._steppers:
            stepper.send(copies, actions)

    def receive(
        self, tell: Callable[[Episode, Callable[[], Tape]], object] | None = None
    ) -> Outcome:
        """What came of it; `tell` is told of the episodes that ended, and of their tapes."""
        outcome = Outcome()
        for stepper, copies in self._steppers:
            outcome.add(stepper.receive(copies))
        with self._before(outcome.begun):
            self.taping.after_step(outcome.ends)
        if tell is not None:
            for episode in outcome.episodes:
                tell(episode, self.taping.ended(episode))
        for copy in outcome.begun:
            self.taping.begin(copy)
        return outcome

    @contextmanager
    def _before(self, begun: Sequence[int]) -> Iterator[None]:
        """In there, the arrays show copies that have begun another episode as before that."""
        if not begun:
            yield
            return
        rows = np.array(begun) - self.copies.start
        kept: list[tuple[np.ndarray, Any]] = []
        for block in self._own.observations.values():
            kept.append((block, block[rows]))
            block[rows] = 0
        yield
        for block, shown in kept:
            block[rows] = shown
