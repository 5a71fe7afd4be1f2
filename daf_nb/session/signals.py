"""SIGTERM and SIGHUP: what must be done before the process ends of them, as it would have ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["Signals"]

SIGNALS = tuple(
    number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)


class Signals:
    """Handlers that come before those of the process, for a while.

    One that is ignored stays ignored. A handler that somebody puts in the place of ours later
    stays, too. In a forked child ours do nothing of their own.

    Args:
        first: what is done before; it must come back soon.
    """

    def __init__(self, first: Callable[[], object]) -> None:
        self._first = first
        self._before: dict[int, Any] = {}
        self._process, self._under_way = 0, False

    def listen(self) -> None:
        """Puts the handlers in place; nothing is done outside of the main thread."""
        if threading.current_thread() is not threading.main_thread() or self._before:
            return
        self._process = os.getpid()
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before is signal.SIG_DFL or callable(before):
                self._before[number] = before
                signal.signal(number, self._hear)

    def forget(self) -> None:
        """Puts back what was there; nothing is done outside of the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number, before in self._before.items():
            if signal.getsignal(number) == self._hear:
                signal.signal(number, before)
        self._before = {}

    def _hear(self, number: int, frame: FrameType | None) -> None:
        before = self._before.get(number, signal.SIG_DFL)
        if os.getpid() == self._process:
            if self._under_way:
                return
            self._under_way = True
            try:
                self._first()
            finally:
                self._under_way = False
        if callable(before):
            before(number, frame)
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
