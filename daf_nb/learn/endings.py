"""Episodes that end: told with their successes and their tapes, to whoever keeps tapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from daf_nb.envs import Copies, Episode
from daf_nb.envs.tape import Tape

__all__ = ["Endings", "Evaluated", "TapeListener"]


@dataclass(frozen=True)
class Evaluated:
    """An episode of an evaluation: itself, its success where that is defined, and its tape."""

    episode: Episode
    success: float | None
    tape: Tape


class TapeListener(Protocol):
    """Hears of episodes that have ended."""

    @property
    def room(self) -> int:
        """Bytes of tapes that an evaluation may gather; of more, the first in order of ending."""
        ...

    def ended(
        self,
        episode: Episode,
        success: float | None,
        cut: Callable[[], Tape],
        steps: Mapping[str, int],
    ) -> object:
        """Told of every episode of a training, in the training thread.

        Args:
            episode: what has ended.
            success: its success; None where that is not defined.
            cut: gives its tape, until the next step.
            steps: group -> agent-steps since the last boundary.
        """

    def forget(self) -> object:
        """What was told since the last boundary has not happened; training is back there."""

    def evaluated(self, step: int, played: Sequence[Evaluated]) -> object:
        """Told of a whole evaluation, in the thread that asked for it.

        Args:
            step: agent-steps that its policies were trained for.
            played: its episodes whose tapes found room, in order of (copy, episode).
        """


class Endings:
    """Between the copies that end episodes and the course that says what they were worth.

    Attributes:
        listener: who is told; None where nobody is.
    """

    def __init__(self) -> None:
        self.listener: TapeListener | None = None
        self._cuts: list[Callable[[], Tape]] = []

    def follow(self, copies: Copies) -> None:
        """From a boundary on, the episodes of these copies are told of."""
        self._cuts.clear()
        if self.listener is not None:
            self.listener.forget()
        copies.on_tape = self._note

    def tell(
        self,
        episodes: Sequence[Episode],
        successes: Sequence[float | None],
        steps: Mapping[str, int],
    ) -> None:
        """Tells of what has ended in a step, before the next."""
        cuts, self._cuts = self._cuts, []
        if self.listener is not None:
            for episode, success, cut in zip(episodes, successes, cuts, strict=True):
                self.listener.ended(episode, success, cut, steps)

    def _note(self, episode: Episode, cut: Callable[[], Tape]) -> None:
        if self.listener is not None:
            self._cuts.append(cut)
