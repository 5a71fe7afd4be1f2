"""Which tasks may be drawn: by weight, by turn, or the one in focus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daf_nb.curriculum.state import capture, restore
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError

__all__ = ["Roster"]


class Roster:
    """The tasks' weights, whose turn it is, and the focus.

    Args:
        tasks: the curriculum's tasks.
        limit: tasks that are active at a time, the easiest first; None for all.

    Attributes:
        weights: float [K], factors of the shares; a task of weight 0 is not drawn.
        active: bool [K], tasks whose turn it is.
        done: bool [K], tasks that were mastered and gave way.
        focus: place of the only task that is drawn, be it its turn or not; None for no such task.
    """

    def __init__(self, tasks: Sequence[Task], *, limit: int | None = None) -> None:
        self.names = [task.name for task in tasks]
        self.difficulties = np.array([(task.low + task.high) / 2 for task in tasks])
        self.weights = np.array([task.weight for task in tasks], float)
        self.active = np.full(len(tasks), limit is None)
        self.done = np.zeros(len(tasks), bool)
        self.limit = limit
        self.focus: int | None = None
        self._fill()

    @property
    def due(self) -> np.ndarray:
        """Bool [K]: active, and of a weight above 0.

        Raises:
            ConfigError: none is.
        """
        due = self.active & (self.weights > 0)
        if not due.any():
            raise ConfigError("no task can be drawn: every active task has weight 0.")
        return due

    @property
    def allowed(self) -> np.ndarray:
        """Bool [K]: the tasks that may be drawn, which is the one in focus or all that are `due`.

        Raises:
            ConfigError: none is.
        """
        return self.due if self.focus is None else self.focused

    @property
    def focused(self) -> np.ndarray:
        """Bool [K]: the task in focus."""
        return np.arange(len(self.names)) == (-1 if self.focus is None else self.focus)

    @property
    def waiting(self) -> np.ndarray:
        """Bool [K]: tasks whose turn is yet to come."""
        return ~self.active & ~self.done & (self.weights > 0)

    def set_weight(self, place: int, weight: float) -> None:
        """Wants more or less of a task; one of weight 0 gives its place to the easiest that waits.

        Raises:
            ConfigError: no task could be drawn any more; nothing was changed.
        """
        if place == self.focus and weight == 0:
            raise ConfigError(
                f"no task can be drawn: {self.names[place]!r} is the only one in focus; take the "
                "focus (curriculum.task) from it before you leave it out."
            )
        before = self.weights.copy(), self.active.copy()
        self.weights[place] = weight
        if self.limit is not None and weight == 0:
            self.active[place] = False
        self._fill()
        try:
            _ = self.due
        except ConfigError:
            self.weights, self.active = before
            raise

    def set_focus(self, place: int | None) -> None:
        """Draws only this task from now on, even one whose turn it is not; None ends that.

        Raises:
            ConfigError: a task of weight 0; nothing was changed.
        """
        if place is not None and self.weights[place] == 0:
            raise ConfigError(
                f"task {self.names[place]!r} has weight 0 and is not drawn; raise its weight "
                "before you focus on it."
            )
        self.focus = place

    def rotate(self, mastered: np.ndarray) -> list[tuple[int, int]]:
        """Mastered active tasks give way to the easiest that wait; pairs of (left, came)."""
        moves = []
        queue = self._queue()
        for left in np.flatnonzero(mastered & self.active):
            if not queue:
                break
            came = queue.pop(0)
            self.active[left], self.done[left], self.active[came] = False, True, True
            moves.append((int(left), came))
        return moves

    def _queue(self) -> list[int]:
        """Tasks that may become active, the easiest first."""
        order = np.argsort(self.difficulties, kind="stable")
        return order[self.waiting[order]].tolist()

    def _fill(self) -> None:
        """The easiest tasks that wait take the places that are free."""
        if self.limit is not None:
            free = self.limit - np.count_nonzero(self.active)
            self.active[self._queue()[: max(0, free)]] = True

    def state_dict(self) -> dict[str, Any]:
        return capture(self, leave=_FIXED)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore(self, state, leave=_FIXED)


_FIXED = frozenset({"names", "difficulties"})
