"""Breaking training off between two boundaries, from another thread or on Ctrl-C."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daf_nb.learn.gate import Gate

__all__ = ["Breaking", "BrokenOff", "interrupts"]


class BrokenOff(BaseException):
    """Raised in the training thread to end what it does; no world takes it for its own error."""


class Breaking:
    """Whether training is to end before its next boundary, and where it can. Thread-safe.

    Attributes:
        wanted: it is to; whoever trains looks after each step.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._lock = threading.RLock()
        self._thread: int | None = None
        self._easily = False

    @contextmanager
    def possible(self, *, easily: bool = False) -> Iterator[None]:
        """What the calling thread does here can be broken off, and raises `BrokenOff` then.

        Args:
            easily: nothing is lost by it, so that `ask` does it, in the middle of a step.
        """
        with self._lock:
            before = self._thread, self._easily
            self._thread, self._easily = threading.get_ident(), easily
        try:
            if easily and self.wanted:
                raise BrokenOff
            yield
        finally:
            with self._lock:
                self._thread, self._easily = before

    def shut(self) -> None:
        """What the calling thread does cannot be broken off from here on, until its end."""
        with self._lock:
            self._thread, self._easily = None, False

    def ask(self) -> None:
        """Has training end after its next step, where that can be."""
        self.wanted = True
        if self._easily:
            self.force()

    def force(self) -> bool:
        """Ends what the training thread does, at its next instruction; False where it cannot.

        A world that hangs in a call of C, such as `time.sleep`, ends when that comes back.
        """
        with self._lock:
            thread = self._thread
            if thread is None:
                return False
            self.wanted = True
            if thread == threading.get_ident():
                raise BrokenOff
            # Once only, and under the lock, which the thread needs to leave what can be broken off.
            self._thread, self._easily = None, False
            found = ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread), ctypes.py_object(BrokenOff)
            )
            return found == 1


@contextmanager
def interrupts(gate: Gate) -> Iterator[None]:
    """Where training runs in the main thread: Ctrl-C ends it within a step, twice at once.

    `KeyboardInterrupt` is raised when it has ended. A handler of the user's own is left in place.

    Args:
        gate: of the training, to be held or claimed inside.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed = False

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        again, pressed = pressed, True
        if not gate.held:
            raise KeyboardInterrupt
        gate.stop(now=True)
        if again and not gate.breaking.force():
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is press:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt
