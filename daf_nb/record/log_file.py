"""A log that grows: rows queued by any thread, appended to its file by one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from daf_nb.record.files import append
from daf_nb.record.plain import dumps

__all__ = ["LogFile"]


class LogFile:
    """Lines of one JSON value each.

    Args:
        path: the file.
        hide: takes secrets out of bytes.

    Attributes:
        rows: lines that were given to the file.
        queued: lines that it has, or will have after the next `flush`.
    """

    def __init__(self, path: Path, *, hide: Callable[[bytes], bytes]) -> None:
        self.path = path
        self.rows = self.queued = 0
        self._hide = hide
        self._queueing = threading.Lock()
        self._queue: deque[bytes] = deque()
        self._tail = bytearray()

    def go_on(self, rows: int) -> None:
        """The file has so many lines already."""
        self.rows = self.queued = rows

    def queue(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Puts rows at the end, together; how many it has then."""
        lines = [self._hide(dumps(row).encode() + b"\n") for row in rows]
        with self._queueing:
            self._queue.extend(lines)
            self.queued += len(lines)
            return self.queued

    @property
    def coming(self) -> bool:
        """Something was queued since the last `flush`."""
        return bool(self._queue)

    @property
    def unwritten(self) -> bool:
        """The disk did not take all at the last `flush`."""
        return bool(self._tail)

    def flush(self) -> None:
        """Writes what is queued.

        Raises:
            OSError: the disk took no more; nothing is lost, and the next call tries again.
        """
        while self._queue:
            self._tail += self._queue.popleft()
            self.rows += 1
        if self._tail:
            append(self.path, self._tail)
