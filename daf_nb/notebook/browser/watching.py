"""Looks at the runs again and again, as long as somebody may be looking at them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from daf_nb.notebook.panels.watcher import Watcher

__all__ = ["Attendance"]

_log = logging.getLogger("daf_nb")

_AWAY = 30.0
"""Seconds without a sign of a page after which nobody looks; a page gives one every ten."""


class Attendance:
    """Keeps one thread that looks, while a page shows the browser.

    Args:
        look: looks once; seconds until it is worth looking again.
        failed: told what a look raised; what it raises itself is logged, and looking goes on.
        away: seconds without a sign after which nobody looks.
    """

    def __init__(
        self,
        look: Callable[[], float],
        *,
        failed: Callable[[Exception], None],
        away: float = _AWAY,
    ) -> None:
        self._look, self._failed, self._away = look, failed, away
        self._turn = threading.Lock()
        self._watcher: Watcher | None = None
        self._seen = 0.0
        self._ended = False

    @property
    def looking(self) -> bool:
        """A thread looks."""
        with self._turn:
            return self._watcher is not None and self._watcher.alive

    def here(self) -> None:
        """A page shows the browser now."""
        with self._turn:
            self._seen = time.monotonic()
            if not self._ended and (self._watcher is None or not self._watcher.alive):
                self._watcher = Watcher(self._look_once, failed=self._tell, name="daf_nb-browser")

    def wake(self) -> None:
        """Looks soon, if somebody may be looking."""
        with self._turn:
            if self._watcher is not None:
                self._watcher.wake()

    def end(self) -> None:
        """Looks no more."""
        with self._turn:
            self._ended = True
        self.wake()

    def _tell(self, error: Exception) -> None:
        try:
            self._failed(error)
        except Exception:
            _log.exception("what a look raised could not be told")

    def _look_once(self) -> float | None:
        with self._turn:
            if self._ended or time.monotonic() - self._seen > self._away:
                return None
        return self._look()
