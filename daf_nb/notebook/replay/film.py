"""A film: the pictures and numbers of one episode, made when somebody looks at them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping

import numpy as np

from daf_nb.envs import Tape
from daf_nb.errors import ConfigError, DafError
from daf_nb.notebook.replay.numbers import Numbers
from daf_nb.notebook.replay.projector import Projector
from daf_nb.notebook.replay.stills import decoded
from daf_nb.notebook.replay.take import Take
from daf_nb.notebook.replay.wishes import Heard

__all__ = ["Film", "FilmError"]

_log = logging.getLogger("daf_nb")

_CLOSED = "this film was closed."


class FilmError(DafError):
    """An episode that could not be played again, or not to its end."""


class Film:
    """One episode, played again in a thread of its own as far as somebody looks.

    Pictures are kept compressed, at most `Shelf.ROOM` bytes of them, those near the cursor; what
    was let go is drawn anew. Numbers are kept of every step. Only `wait`, `tape` and `frame` wait.

    Args:
        take: what is played.

    Attributes:
        take: as given.
    """

    def __init__(self, take: Take) -> None:
        self.take = take
        self._listeners: list[Callable[[], object]] = []
        self._projector = Projector(take, self._tell)

    @property
    def last(self) -> int | None:
        """The last step that can be seen; None as long as the episode is being played."""
        return self._projector.last

    @property
    def still(self) -> int:
        """The step whose picture stands for the whole film; it is always kept."""
        return self._projector.still

    @property
    def known(self) -> int:
        """Steps whose numbers are known, the reset among them."""
        return self._projector.known

    @property
    def ended(self) -> bool:
        """All numbers are known, or none will be any more."""
        return self._projector.ended

    @property
    def error(self) -> str:
        """Why it did not get further; empty where nothing failed."""
        return self._projector.error

    @property
    def undrawn(self) -> str:
        """Why the world is not drawn, and observations are; empty where it is."""
        return self._projector.about["undrawn"]

    @property
    def unjudged(self) -> str:
        """Why the policies have no opinion, although they were asked; empty where they have."""
        return self._projector.about.get("unjudged", "")

    @property
    def fps(self) -> float:
        """Steps per second at which its world says that it is to be shown; 10 where it does not."""
        return self._projector.about.get("fps", 10.0)

    @property
    def numbers(self) -> Numbers | None:
        """What is known of its steps; None as long as the episode is being played."""
        return self._projector.numbers

    @property
    def size(self) -> int:
        """Bytes of the pictures that are kept."""
        return self._projector.shelf.size

    def kept(self, step: int) -> bytes | None:
        """A step's picture as bytes, where it is at hand."""
        return self._projector.shelf.get(step)

    def subscribe(self, listener: Callable[[], object]) -> None:
        """Calls `listener`, from any thread, when more is known: now and then, and at the end."""
        self._listeners.append(listener)

    def begin(self) -> None:
        """Has the numbers made, and the first pictures."""
        with self._projector.turn:
            self._projector.wake()

    def look(self, step: int, wanted: Mapping[int, Heard], *, owner: Hashable) -> None:
        """Moves the cursor; what the owner wanted before, and has not come, is forgotten.

        Args:
            step: of the cursor.
            wanted: step -> who is told of its picture, from any thread.
            owner: who looks.
        """
        self._projector.wish(owner, step, wanted)

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until all numbers are known, or none will be; whether that is so.

        Args:
            timeout: seconds; None for as long as it takes.
        """
        one = self._projector
        with one.turn:
            one.wake()
            one.turn.wait_for(lambda: one.ended or one.closed, timeout)
        return one.ended

    @property
    def tape(self) -> Tape:
        """The tape; waits until the episode has been played.

        Raises:
            FilmError: it could not be.
        """
        one = self._projector
        with one.turn:
            one.wake()
            one.turn.wait_for(lambda: one.tape is not None or one.dead or one.closed)
        if one.tape is None:
            raise FilmError(one.error or _CLOSED)
        return one.tape

    def frame(self, step: int) -> np.ndarray:
        """A step's picture, uint8 [height, width, 3]; waits for it.

        Raises:
            ConfigError: there is no such step.
            FilmError: it could not be made.
        """
        length, one, found = self.tape.length, self._projector, dict[int, bytes]()
        if not 0 <= step <= length:
            raise ConfigError(f"step {step}: the film has steps 0 to {length}.")

        def heard(at: int, content: bytes) -> None:
            with one.turn:
                found[at] = content
                one.turn.notify_all()

        def hopeless() -> bool:
            return one.closed or one.dead or bool(one.error and step >= one.known)

        one.wish(heard, step, {step: heard})
        with one.turn:
            one.turn.wait_for(lambda: found or hopeless())
        if not found:
            raise FilmError(one.error or _CLOSED)
        return decoded(found[step])

    def close(self) -> None:
        """Ends the thread and its world; what was made can still be seen."""
        self._projector.close()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            try:
                listener()
            except Exception:  # a page that cannot be told is not what ends a film
                _log.exception("a film could not be told of")
