"""What a run prints, on its way to `cout.txt`: kept as it comes, written now and then."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from daf_nb.record.files import append

__all__ = ["OUTPUT", "OutputLog"]

OUTPUT = "cout.txt"
MOST_TEXT = 4 * 2**20  # bytes; a document of MongoDB holds 16 MiB
LONGEST_WAIT = 4096  # bytes of an unfinished line that may wait for its end


class OutputLog:
    """Collects text from any thread, up to a moment; one writer appends it to a file.

    Args:
        path: the file.
        hide: takes secrets out of bytes. It is shown whole lines where it can be; and where it
            tells by `hide.held_back(data)` how many bytes at the end may be the beginning of a
            secret, these wait, so that a secret printed in pieces is still seen.

    Attributes:
        size: bytes given to the file so far.
    """

    def __init__(self, path: Path, *, hide: Callable[[bytes], bytes]) -> None:
        self.size = 0
        self._path, self._hide = path, hide
        self._held_back: Callable[[bytes], int] = getattr(hide, "held_back", _nothing)
        self._chunks: deque[str] = deque()
        self._frozen = False
        # Entered again by a finalizer that prints while its thread does.
        self._printing = threading.RLock()
        self._line = b""
        self._tail = bytearray()

    def write(self, text: str) -> None:
        """Puts text at the end; after `freeze` it is dropped."""
        with self._printing:
            if not self._frozen:
                self._chunks.append(text)

    def freeze(self) -> None:
        """No text is taken any more, and none is on its way when this returns."""
        with self._printing:
            self._frozen = True

    @property
    def waiting(self) -> bool:
        """Something is not in the file yet."""
        return bool(self._chunks or self._line or self._tail)

    def text(self) -> str:
        """What was written so far, without secrets; of very much, the end."""
        with contextlib.suppress(OSError), self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - MOST_TEXT))
            return file.read().decode("utf-8", "replace")
        return ""

    def flush(self, *, last: bool = False) -> None:
        """Appends what has come, all of it if it is the last.

        Otherwise an unfinished line waits once for its end, and what may be the beginning of a
        secret until more has come.

        Raises:
            OSError: the disk refuses; nothing is lost, and the next call tries again.
        """
        fresh = self._taken()
        data = self._line + fresh
        end = len(data)
        if fresh and not last:
            end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
            if len(data) - end > LONGEST_WAIT:
                end = len(data)
        if not last:
            end -= self._held_back(data[:end])
        self._line = data[end:]
        if end:
            hidden = self._hide(data[:end])
            self.size += len(hidden)
            self._tail += hidden
        if self._tail:
            append(self._path, self._tail)

    def _taken(self) -> bytes:
        chunks = []
        while self._chunks:
            chunks.append(self._chunks.popleft())
        return "".join(chunks).encode("utf-8", "backslashreplace")


def _nothing(data: bytes) -> int:
    return 0
