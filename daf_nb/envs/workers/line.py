"""The line to a worker: what is under way there, and another worker where that one is lost."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from daf_nb.envs.accounts import Broken
from daf_nb.envs.hangs import Hang
from daf_nb.envs.settings import Setting
from daf_nb.envs.watch import GRACE, Watch
from daf_nb.envs.workers.channel import LOOK
from daf_nb.envs.workers.losses import Losses
from daf_nb.envs.workers.parcels import unpacked
from daf_nb.envs.workers.process import Process

__all__ = ["Flying", "Line", "Message", "Owner"]

Message = tuple[bytes, bytes]
_MARGIN = 2.0
"""Seconds more for a worker whose watch should have told of a hang, and has not."""


@dataclass
class Flying:
    """A message whose answer is awaited.

    Attributes:
        kind: what it is.
        content: what it says, if some episodes are to count as broken.
        settings: copy -> what its next episode was to be played with when this was sent; of the
            copies that may begin one.
        copies: that make a step.
        anew: that are to play something else, whatever they played.
        replied: what the worker asked in the middle of it, and was told: about what, in which copy.
    """

    kind: bytes
    content: Callable[[Broken], bytes]
    settings: Mapping[int, Setting] = field(default_factory=dict)
    copies: range = range(0)
    anew: frozenset[int] = frozenset()
    replied: list[tuple[tuple[str, int], bytes]] = field(default_factory=list)


class Owner(Protocol):
    """Whose copies the worker has."""

    def reply(self, about: str, given: Any) -> tuple[int, Callable[[], bytes]]:
        """Of a question in the middle of a step: the copy that it is about, and what answers."""
        ...

    def again(self) -> None:
        """Brings a new worker, just started, to where the lost one was before what flies."""


class Line:
    """Asks a worker, in order; another one is asked again where it is lost.

    Args:
        owner: whose it is.
        birth: the first message to a process.
        file: the descriptor of the shared memory.
        doing: int64 [...], which the worker writes; see `Plane`.
        losses: says what follows when it is lost.
        watch: told of hangs.

    Attributes:
        flying: what is under way, the oldest first.
        broken_off: somebody who sent or waited was interrupted: what comes cannot be told apart.
    """

    def __init__(
        self,
        owner: Owner,
        birth: bytes,
        *,
        file: int,
        doing: np.ndarray,
        losses: Losses,
        watch: Watch,
    ) -> None:
        self._owner, self._birth, self._file = owner, birth, file
        self._doing, self._losses, self._watch = doing, losses, watch
        self._folder = Path.cwd()
        self._replied: list[tuple[tuple[str, int], bytes]] = []
        self._beat, self._still = 0, 0.0
        self.flying: deque[Flying] = deque()
        self.broken_off = False
        self._start()

    def post(self, kind: bytes, content: bytes) -> None:
        """Says what has no answer."""
        before, self.broken_off = self.broken_off, True
        with suppress(EOFError):  # noticed, and mended, by who waits for an answer
            self.process.channel.send(kind, content)
        self.broken_off = before

    def fly(self, flying: Flying) -> None:
        """Says what has an answer."""
        content = flying.content({})
        before, self.broken_off = self.broken_off, True
        self.flying.append(flying)
        self.post(flying.kind, content)
        self.broken_off = before

    def answered(self) -> Message:
        """The answer to what flies longest.

        Raises:
            TrainingEnvironmentError: the worker was lost, and it is of no use to try again.
        """
        self.broken_off = True
        broken: dict[tuple[int, int], Any] = {}
        lost = reviving = False
        while True:
            try:
                if lost:
                    reviving = True
                    self._restart()
                    self._owner.again()
                    reviving = False
                    self._send_again(broken)
                message = self.next()
                break
            except EOFError:
                broken |= self._losses.lost(self.process, reviving=reviving)
            except Stuck as stuck:
                self.process.close(left=True)
                broken |= self._losses.stuck(stuck.hang)
            lost = True
        self._losses.answered()
        self.flying.popleft()
        self.broken_off = False
        return message

    def next(self) -> Message:
        """What the worker says next, but for questions, logs and hangs, which are seen to.

        Raises:
            EOFError: it is gone.
            Stuck: it is in a call that does not return.
        """
        channel = self.process.channel
        while True:
            kind, content = channel.receive()
            if kind == b"?":
                channel.send(b"a", self._reply(*unpacked(content)))
            elif kind == b"l":
                name, level, said = unpacked(content)
                logging.getLogger(name).log(level, "%s", said)
            elif kind == b"h":
                self._watch.told(unpacked(content))
            elif kind == b"H":
                raise Stuck(unpacked(content))
            else:
                return kind, content

    def replace(self, bring: Callable[[], object]) -> None:
        """Another process in place of one that nobody waits for any more; `bring` tells it all.

        Raises:
            TrainingEnvironmentError: that one was lost too, again and again, or hangs.
        """
        self.broken_off = True
        self.flying.clear()
        while True:
            try:
                self._restart()
                bring()
                break
            except EOFError:
                self._losses.lost(self.process, reviving=True)
            except Stuck as stuck:
                self.process.close(left=True)
                raise stuck.hang.error() from None
        self._losses.answered()
        self.broken_off = False

    def _restart(self) -> None:
        self.process.close(left=True)
        self._replied = [reply for one in self.flying for reply in one.replied]
        self._start()

    def _send_again(self, broken: Broken) -> None:
        for one in self.flying:
            its = {of: error for of, error in broken.items() if of[0] in {*one.copies, *one.anew}}
            self.post(one.kind, one.content(its))

    def _start(self) -> None:
        self._doing[1] = self._beat = 0
        self.process = Process(self._file, folder=self._folder, look=self._look)
        with suppress(EOFError):
            self.process.channel.send(b"b", self._birth)

    def _reply(self, about: str, given: Any) -> bytes:
        """The answer to a question; the same one to a worker that asks it in a lost one's place."""
        at, ask = self._owner.reply(about, given)
        for place, (key, answer) in enumerate(self._replied):
            if key == (about, at):
                del self._replied[place]
                return answer
        answer = ask()
        if self.flying:
            self.flying[0].replied.append(((about, at), answer))
        return answer

    def _look(self) -> bool:
        """While waiting: whether the worker is gone."""
        beat, deadline = int(self._doing[1]), self._watch.deadline
        self._still = self._still + LOOK if beat == self._beat != 0 else 0.0
        self._beat = beat
        if deadline is not None and self._still > deadline + min(GRACE, deadline) + _MARGIN:
            self._still = 0.0
            hang = Hang(self._losses.where, deadline, (_HELD,), final=True)
            self._watch.told(hang)
            raise Stuck(hang)
        return self.process.ended


_HELD = "  in a call of C that holds Python's lock, so that nothing there can look\n"


class Stuck(Exception):
    """A world of the worker hangs in a call of C."""

    def __init__(self, hang: Hang) -> None:
        super().__init__(str(hang))
        self.hang = hang
