"""The projector: a thread that plays a tape as far as is wished, and keeps what came of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from daf_nb.envs import Tape
from daf_nb.errors import DafError
from daf_nb.notebook.replay import ending
from daf_nb.notebook.replay.numbers import Numbers
from daf_nb.notebook.replay.offscreen import stage
from daf_nb.notebook.replay.pictures import Sights
from daf_nb.notebook.replay.player import Player
from daf_nb.notebook.replay.shelf import Shelf
from daf_nb.notebook.replay.take import Take
from daf_nb.notebook.replay.wishes import Heard, Wishes
from daf_nb.notebook.state import one_line

__all__ = ["Projector"]

_log = logging.getLogger("daf_nb")

_AHEAD = 64
"""Pictures that are made ahead of the cursor."""
_LINGER = 10.0
"""Seconds for which the world is kept when nothing is wished, to go on from where it is."""
_TELL = 0.25
"""Seconds between two tellings of how far it has come."""


class Projector:
    """Makes the numbers of every step, and the pictures that are wished and those that follow them.

    The thread begins with the first wish, and ends some seconds after the last.

    Args:
        take: what is played.
        tell: called, from the thread, when more is known: now and then, and at the end.

    Attributes:
        turn: held by who reads several of the others at once; notified when they change.
        tape: None as long as the episode is being played.
        numbers: of its steps; None as long as there is no tape.
        shelf: the pictures that are kept.
        sights: what draws observations; None where the world itself is drawn.
        about: what the world says of itself; see `Player`.
        error: why it did not get further; empty where nothing failed.
        dead: nothing will be made any more.
        closed: nothing is wished any more.
    """

    def __init__(self, take: Take, tell: Callable[[], object]) -> None:
        self.turn = threading.Condition()
        self.tape: Tape | None = None
        self.numbers: Numbers | None = None
        self.shelf = Shelf()
        self.sights: Sights | None = None
        self.about: dict[str, Any] = {"undrawn": ""}
        self.error, self.dead, self.closed = "", False, False
        self._take, self._teller, self._told = take, tell, 0.0
        self._cursor = 0
        self._wishes = Wishes()
        self._player: Player | None = None
        self._thread: threading.Thread | None = None

    @property
    def known(self) -> int:
        """Steps whose numbers are known, the reset among them."""
        return 0 if self.numbers is None else self.numbers.known

    @property
    def ended(self) -> bool:
        """All numbers are known, or none will be any more."""
        return bool(self.error) or (self.numbers is not None and self.numbers.complete)

    @property
    def last(self) -> int | None:
        """The last step that can be seen; None as long as the episode is being played."""
        if self.error:
            return self.known - 1
        return None if self.tape is None else self.tape.length

    @property
    def still(self) -> int:
        """The step whose picture is made and kept in any case."""
        return max(0, self.last or 0) // 2

    def wish(self, owner: Hashable, step: int, wanted: Mapping[int, Heard]) -> None:
        """Moves the cursor; what the owner wished before, and has not come, is forgotten.

        Args:
            owner: who wishes.
            step: of the cursor; what follows it is made next.
            wanted: step -> who is told of its picture, at once where it is there.
        """
        with self.turn:
            self._cursor = step
            ready = {at: self.shelf.get(at) for at in wanted if at < self.known}
            left = {at: heard for at, heard in wanted.items() if ready.get(at) is None}
            self._wishes.put(owner, {} if self.closed else left)
            self.wake()
        for at, content in ready.items():
            if content is not None:
                wanted[at](at, content)

    def wake(self) -> None:
        """Has the thread look at what there is to do; `turn` is held."""
        if self._thread is None and not (self.closed or self.dead):
            name = f"daf_nb-film-{self._take.title}"
            self._thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._thread.start()
            ending.see_to(self._end)
        self.turn.notify_all()

    def close(self) -> None:
        """Ends the thread and its world, soon."""
        with self.turn:
            self.closed = True
            self._wishes.clear()
            self.turn.notify_all()

    def _end(self, timeout: float) -> None:
        self.close()
        if (thread := self._thread) is not None:
            thread.join(timeout)

    # In the thread

    def _work(self) -> None:
        try:
            if self.tape is None:
                self._play_episode()
            while (goal := self._goal()) is not None:
                try:
                    self._go_to(goal)
                except Exception as error:
                    if not self.known or self.error:
                        raise
                    # What comes before can still be seen.
                    self.error = _said(error)
                    self._put_away()
        except Exception as error:
            self.dead = True
            self.error = self.error or _said(error)
        finally:
            self._put_away()
            with self.turn:
                self._thread = None
                if self._wishes:
                    self.wake()  # wished between the last look at the goals and now
                self.turn.notify_all()
            self._tell(at_once=True)

    def _play_episode(self) -> None:
        with stage(beginning=True):
            tape = self._take.make(lambda: not self.closed)
        with self.turn:
            self.tape, self.numbers = tape, Numbers(tape)
            self.turn.notify_all()
        self._tell(at_once=True)

    def _put_away(self) -> None:
        player, self._player = self._player, None
        if player is not None:
            player.close()
        with self.turn:
            self.turn.notify_all()
        self._tell(at_once=True)

    def _goal(self) -> int | None:
        """The step to have next; waits for one, and gives None where none came in a while."""
        with self.turn:
            until = time.monotonic() + _LINGER
            while not self.closed:
                if (goal := self._next_goal()) is not None:
                    return goal
                if (left := until - time.monotonic()) <= 0:
                    break
                self.turn.wait(left)
            return None

    def _next_goal(self) -> int | None:
        last = self.last
        assert last is not None, "the episode has been played"
        unknown = None if self.ended else self.known
        if self.sights is not None and unknown is not None:
            return unknown  # the scale of what is drawn comes from all steps
        if (step := self._wishes.first(last)) is not None:
            return step
        near = range(self._cursor, min(last, self._cursor + self._ahead()) + 1)
        missing = (step for step in near if step not in self.shelf)
        if (step := next(missing, unknown)) is not None:
            return step
        return None if self.still in self.shelf or last < 0 else self.still

    def _ahead(self) -> int:
        return min(_AHEAD, self.shelf.room_for() // 2)

    def _wanted(self, step: int) -> bool:
        """Whether a picture is to be made now that the player comes by."""
        assert self._player is not None, "it asks"
        if step in self.shelf or (self._player.sights is not None and not self.ended):
            return False
        near = self._cursor <= step <= self._cursor + self._ahead()
        return near or step == self.still or step in self._wishes

    def _go_to(self, goal: int) -> None:
        """Plays on to a step, from the beginning if it has gone by."""
        if self._player is None or self._player.at >= goal:
            assert self.tape is not None, "the episode has been played"
            if self._player is not None:
                self._player.close()
            self._player = Player(self.tape, self._take, self._wanted, self.sights, self.about)
        player = self._player
        while player.at < goal and not self.closed:
            self._step(player)

    def _step(self, player: Player) -> None:
        assert self.numbers is not None, "the episode has been played"
        unknown = player.at + 1 >= self.known
        step, opinions, content = player.next(judged=unknown)
        self.about, self.sights = player.about, player.sights
        heard: list[Heard] = []
        with self.turn:
            if unknown:
                self.numbers.note(step, opinions)
            if content is not None:
                pinned = step.number == self.still
                self.shelf.put(step.number, content, near=self._cursor, pinned=pinned)
                heard = self._wishes.take(step.number)
            self.turn.notify_all()
        for one in heard:
            one(step.number, content or b"")
        self._tell(at_once=self.ended and (unknown or step.number == self.still))

    def _tell(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._told > _TELL:
            self._told = now
            self._teller()


def _said(error: Exception) -> str:
    if not isinstance(error, DafError):
        _log.error("%s: %r", threading.current_thread().name, error, exc_info=error)
    return one_line(f"{type(error).__name__}: {error}", limit=600)
