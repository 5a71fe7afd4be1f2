"""What a training does about worlds that fail: tells of it, journals it, and leaves them behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from daf_nb.envs import Drop, Hang
from daf_nb.errors import TrainingEnvironmentError

if TYPE_CHECKING:
    from daf_nb.learn.loop import TrainingLoop

__all__ = ["Mishaps"]


class Mishaps:
    """Listens to a loop's playground.

    Args:
        loop: whose listeners, controls and gate.
    """

    def __init__(self, loop: TrainingLoop) -> None:
        self._loop = loop
        loop.learner.ground.watch.told = self._tell_of_hang

    def dropped(self, drops: Sequence[Drop]) -> None:
        """In the training thread, at a boundary: journals what was dropped before, and tells.

        A run does it again by itself when its journal is played again, so the rows are its own.
        """
        for drop in drops:
            self._loop.controls.note("on_failure", str(drop), "dropped", by="recovery", own=True)
            self._loop.emit("dropped", drop.to_plain())

    def when_stuck(self, hook: Callable[[TrainingEnvironmentError], object] | None) -> None:
        """As `RlTrainer.when_stuck`."""
        loop = self._loop

        def take_over(hang: Hang) -> None:
            loop.learner.ground.leave_behind()
            loop.gate.leave_behind()  # after which others may train
            self._tell_of_hang(hang)
            assert hook is not None, "else nobody takes over"
            hook(hang.error())

        loop.learner.ground.watch.taken_over = None if hook is None else take_over

    def _tell_of_hang(self, hang: Hang) -> None:
        """In the thread of the watch."""
        self._loop.emit("hang", hang.to_plain())
