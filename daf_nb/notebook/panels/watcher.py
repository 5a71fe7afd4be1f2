"""The thread that looks at a run for a panel: often enough, and never much of the time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

__all__ = ["Watcher"]

_log = logging.getLogger("daf_nb")

SHORTEST = 0.1
"""Seconds between two looks, at least."""
_REST = 100
"""A rest is so many times as long as the processor time of the look before it."""


class Watcher:
    """Calls `look` until it says that nothing more can change.

    Args:
        look: looks once; seconds until it is to look again, or None for never.
        failed: told what a look raised; the next look comes all the same.
        name: of the thread.
    """

    def __init__(
        self,
        look: Callable[[], float | None],
        *,
        failed: Callable[[Exception], None],
        name: str,
    ) -> None:
        self._look, self._failed = look, failed
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """It will look again."""
        return not self._ended.is_set()

    def wake(self) -> None:
        """Looks as soon as may be: at most ten times a second."""
        self._wake.set()

    def join(self, timeout: float | None = None) -> None:
        """Waits for its end."""
        self._thread.join(timeout)

    def _watch(self) -> None:
        pause: float | None = 0.0
        while pause is not None:
            began = time.thread_time()
            try:
                pause = self._look()
            except Exception as error:
                _log.exception("%s could not look", threading.current_thread().name)
                self._failed(error)
                pause = 5.0
            if pause is None:
                break
            rest = max(SHORTEST, _REST * (time.thread_time() - began))
            time.sleep(rest)
            self._wake.wait(max(0.0, pause - rest))
            self._wake.clear()
        self._ended.set()
