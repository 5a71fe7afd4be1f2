"""The watch: sees that a world does not come back, says where it stands, and gets it out."""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, TypeVar

from daf_nb.envs.hangs import Hang, frames_within, in_world, is_debugged, written

__all__ = ["Visit", "Watch", "WorldTimeout"]

_log = logging.getLogger("daf_nb")

LOOKS = 8
"""Looks in one deadline, at least; and one a second."""
GRACE = 10.0
"""Seconds, at most, that a world has to come back once it was told to; else the deadline's."""

T = TypeVar("T")


class _GetOut(BaseException):
    """Raised in the middle of a world's code; no world takes it for an error of its own."""


class WorldTimeout(TimeoutError):
    """A world did not come back in time; its traceback is of where it stood."""


class Visit:
    """Calls into one world, one after the other.

    Args:
        where: says what is called, of which copy, episode and step.

    Attributes:
        where: as given.
        count: calls so far.
    """

    __slots__ = ("count", "where")

    def __init__(self, where: Callable[[], str]) -> None:
        self.where, self.count = where, 0


class Watch:
    """Watches the calls that one thread makes into worlds, from a thread of its own.

    A call that lasts longer than the deadline is told of, and gets an exception in the middle of
    the world's code (`PyThreadState_SetAsyncExc`), so that `call` raises `WorldTimeout`. One that
    stands in C does not notice before it comes back; after `GRACE` more seconds it is given up, if
    somebody takes over: then the thread stays where it is, and never returns from `call`.

    The exception cannot land anywhere else. `call` says that it is inside before it calls, and
    outside afterwards; whoever strikes says so first, and looks then. So either the one who leaves
    sees that he is being struck, waits until that is done, and takes the exception back or gets it
    right there; or the other sees that nobody is inside. Python runs one of them at a time, so no
    lock is needed, which an exception could leave locked.

    Args:
        deadline: seconds; None watches nothing.

    Attributes:
        deadline: as given.
        hanging: what hangs now; None where nothing does.
        told: told of every hang, in the thread of the watch.
        taken_over: told, in the thread of the watch, that a call was given up for good; None where
            nobody would go on.
        beat: called at every look, in the thread of the watch.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self.deadline = deadline
        self.hanging: Hang | None = None
        self.told: Callable[[Hang], object] = lambda hang: None
        self.taken_over: Callable[[Hang], object] | None = None
        self.beat: Callable[[], object] = lambda: None
        self._inside: Visit | None = None
        self._phase = ""  # of a strike: "striking", "struck"; of a giving up: "leaving", "left"
        self._thread = 0
        self._over = threading.Event()

    def renewed(self) -> Watch:
        """One like this, for another thread."""
        watch = Watch(self.deadline)
        watch.told, watch.taken_over = self.told, self.taken_over
        return watch

    def call(self, visit: Visit, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """What `work` returns; it must be the world's own.

        Raises:
            WorldTimeout: it did not come back in time.
            BaseException: what it raised.
        """
        try:
            try:
                visit.count += 1
                self._inside = visit
                return work(*args, **kwargs)
            finally:
                self._inside = None
                if self._phase:
                    self._settle()
        except BaseException as error:
            try:
                # Again, as another interruption may have come before that was done.
                self._inside = None
                if self._phase:
                    self._settle()
            except _GetOut:
                self._settle()
            if not isinstance(error, _GetOut):
                raise
            late = f"the world did not come back within {self.deadline:g} s"
            raise WorldTimeout(late).with_traceback(error.__traceback__) from None

    @contextmanager
    def on(self) -> Iterator[None]:
        """Watches the calling thread; in there, its calls alone go through this watch."""
        if self.deadline is None or self._thread:
            yield
            return
        self._thread, self._over = threading.get_ident(), threading.Event()
        args = (self.deadline, self._over)
        thread = threading.Thread(target=self._look, args=args, name="daf_nb-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread, self.hanging = 0, None

    def _settle(self) -> None:
        """In the thread that leaves: no exception is on its way any more."""
        while self._phase in ("striking", "leaving"):
            time.sleep(0)
        if self._phase == "left":
            _stay()
        _set_exception(threading.get_ident(), None)
        self._phase = ""

    def _look(self, deadline: float, over: threading.Event) -> None:
        """In the watch's own thread, until it is over."""
        rest, grace = min(1.0, deadline / LOOKS), min(GRACE, deadline)
        seen: tuple[Visit | None, int] = (None, 0)
        lasted, struck, last = 0.0, False, time.monotonic()
        while not over.wait(rest):
            self.beat()
            now = time.monotonic()
            # Not more than two rests: the machine slept, or the process was stopped.
            passed, last = min(now - last, 2 * rest), now
            visit = self._inside
            here = (visit, visit.count) if visit is not None else (None, 0)
            if here != seen or visit is None or self._debugged():
                seen, lasted, struck, self.hanging = here, 0.0, False, None
                continue
            lasted += passed
            if not struck and lasted >= deadline:
                self._say(visit, lasted)
                struck = self._strike(visit, here[1])
            if lasted >= deadline + grace and self._give_up(visit, here[1], lasted):
                return

    def _say(self, visit: Visit, lasted: float) -> None:
        if self.hanging is None:
            self.hanging = Hang(visit.where(), lasted, written(self._frames()))
            _log.warning("%s", self.hanging)
            self._tell(self.told, self.hanging)

    def _strike(self, visit: Visit, count: int) -> bool:
        """Ends a call; False where it cannot be ended now."""
        hit, self._phase = False, "striking"
        try:
            # Where the thread is found now, there the exception meets it.
            frames = self._frames()
            hit = self._inside is visit and visit.count == count and in_world(frames)
            if hit:
                _set_exception(self._thread, _GetOut)
        finally:
            self._phase = "struck" if hit else ""
        return hit

    def _give_up(self, visit: Visit, count: int, lasted: float) -> bool:
        """Leaves a call behind that did not end, if somebody takes over."""
        if self.hanging is None or self.hanging.final:
            return False
        hang = Hang(visit.where(), lasted, written(self._frames()), final=True)
        if self.taken_over is None:
            self.hanging = hang
            _log.error("%s\nAn interrupt may end it: Ctrl-C or the stop button, twice.", hang)
            return False
        before, self._phase = self._phase, "leaving"
        if self._inside is not visit or visit.count != count:
            self._phase = before
            return False
        self._phase, self.hanging = "left", hang
        _log.error("%s", hang)
        self._tell(self.taken_over, hang)
        return True

    def _debugged(self) -> bool:
        """Somebody looks at the world in a debugger, and may take all the time there is."""
        return is_debugged(self._frames())

    def _tell(self, listener: Callable[[Hang], object], hang: Hang) -> None:
        try:
            listener(hang)
        except Exception:
            _log.exception("who listens for hanging worlds failed")

    def _frames(self) -> list[FrameType]:
        """The frames of the thread within its call of a world, the innermost first."""
        return frames_within(self._thread, _CALL)


_CALL = Watch.call.__code__


def _stay() -> NoReturn:
    """The thread's work was taken over: it must not come back and meddle."""
    while True:
        threading.Event().wait()


def _set_exception(thread: int, kind: type[BaseException] | None) -> None:
    """Has a thread raise at its next instruction of Python; None takes back what was not raised."""
    given = ctypes.py_object() if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), given)
