"""One thread that writes checkpoints beside the training, in order, at most one of them waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Queueing"]


class Queueing:
    """Does one piece of work after the other in a thread of its own. Thread-safe.

    Args:
        name: of the thread, which begins with the first work.
        failed: told what a piece of work raised.

    Attributes:
        trouble: what the newest work raised; None where it did not.
    """

    def __init__(self, name: str, *, failed: Callable[[Exception], object]) -> None:
        self.trouble: Exception | None = None
        self._name, self._failed = name, failed
        self._changed = threading.Condition()
        self._waiting: Callable[[], object] | None = None
        self._working = False
        self._thread: threading.Thread | None = None

    def put(self, work: Callable[[], object]) -> None:
        """Has work done; in place of what still waits."""
        with self._changed:
            self._waiting = work
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self) -> None:
        """Until nothing waits and nothing is being done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is None and not self._working)

    def close(self) -> None:
        """As `wait`; the thread ends."""
        self.wait()
        with self._changed:
            self._thread = None
            self._changed.notify_all()

    def _work(self) -> None:
        own = threading.current_thread()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._thread is not own)
                work, self._waiting = self._waiting, None
                if work is None:
                    return
                self._working = True
            self.trouble = None
            try:
                work()
            except Exception as error:
                self.trouble = error
                self._failed(error)
            finally:
                del work  # what it holds is large
                with self._changed:
                    self._working = False
                    self._changed.notify_all()
