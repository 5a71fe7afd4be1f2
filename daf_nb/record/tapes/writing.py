"""The files under `tapes/`: written and removed by a thread of their own, beside the training."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from daf_nb.record.files import own_files, write_atomic
from daf_nb.record.tapes.rows import file_name

if TYPE_CHECKING:
    from daf_nb.envs.tape import Tape

__all__ = ["FOLDER", "TapeFiles"]

FOLDER = "tapes"

_OURS = re.compile(r"\.?(\d{6,10})\.tape(?:\.tmp)?")
_MARKS = 16
_WRITTEN = 2


class TapeFiles:
    """Writes tapes, and removes those that are not kept any more. Thread-safe.

    A run may go on from a checkpoint, with the tapes that were kept then. So what was kept at one
    of the newest checkpoints is removed only when newer ones are there. What the disk refuses is
    tried again with what comes next, and at the end.

    Args:
        root: the folder of tapes; made with the first.
        kept: the tapes that are there and kept; others in the folder are removed.
        position: rows of the log so far.
        failed: told, in the thread that writes, what the disk says when it begins to refuse.
    """

    def __init__(
        self,
        root: Path,
        *,
        kept: Collection[int],
        position: int,
        failed: Callable[[Exception], object],
    ) -> None:
        self._root, self._failed = root, failed
        self._changed = threading.Condition()
        self._waiting: dict[int, Tape] = {}
        self._refused: dict[int, bytes] = {}
        self._born = dict.fromkeys(kept, position)
        self._gone: dict[int, int] = {}
        self._position = self._done = position
        self._marks = deque([position], maxlen=_MARKS)
        self._written: deque[int] = deque(maxlen=_WRITTEN)
        self._trouble: Exception | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        _remove_others(root, kept)

    def put(self, tapes: Mapping[int, Tape], *, gone: Collection[int], position: int) -> None:
        """Has tapes written, and others removed.

        Args:
            tapes: number -> tape.
            gone: the numbers of tapes that are not kept any more.
            position: rows of the log by now.
        """
        with self._changed:
            self._born |= dict.fromkeys(tapes, position)
            self._gone |= dict.fromkeys(gone, position)
            self._waiting |= tapes
            self._position = position
            # Those that nobody needs are not written at all: a slow disk must not fill the memory.
            for episode in self._useless():
                self._waiting.pop(episode, None)
                self._refused.pop(episode, None)
            if self._thread is None:
                name = f"daf_nb-tapes-{self._root.parent.name}"
                self._thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def mark(self, position: int) -> None:
        """A checkpoint may be written that knows so many rows of the log."""
        with self._changed:
            if position not in self._marks:
                self._marks.append(position)

    def checkpointed(self, position: int) -> None:
        """One was written."""
        with self._changed:
            self._written.append(position)
            self._marks = deque((at for at in self._marks if at > position), maxlen=_MARKS)

    def wait(self, position: int) -> None:
        """Until the tapes of so many rows were written, or refused by the disk."""
        with self._changed:
            self._changed.wait_for(lambda: self._done >= position or self._closing)

    def close(self) -> str | None:
        """Writes what waits; what the disk still refuses, if anything."""
        with self._changed:
            self._closing, thread = True, self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join()
        return f"{FOLDER}: {self._trouble}" if self._refused else None

    def _useless(self) -> list[int]:
        """Of the tapes that are gone, those that were not kept at any checkpoint that counts."""
        known = (*self._marks, *self._written)
        return [
            episode
            for episode, gone in self._gone.items()
            if not any(self._born[episode] <= at < gone for at in known)
        ]

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._done < self._position or self._closing)
                tapes, position = dict(self._waiting), self._position
                closing = self._closing
                old = dict(self._refused)
            for episode, content in old.items():
                self._write(episode, content)
            for episode, tape in tapes.items():
                self._write(episode, tape)
            # The one before a best that could not be written is still the best that there is.
            if not self._refused:
                self._remove()
            with self._changed:
                self._done = position
                self._changed.notify_all()
                if closing:
                    return

    def _write(self, episode: int, content: Tape | bytes) -> None:
        with self._changed:
            if episode not in (self._refused if isinstance(content, bytes) else self._waiting):
                return
        data, error = b"", None
        try:
            data = content if isinstance(content, bytes) else content.to_bytes()
            if self._root.is_symlink():
                raise OSError(f"{self._root} is a link; it is not followed")
            self._root.mkdir(exist_ok=True)
            write_atomic(self._root / file_name(episode), data)
        except Exception as raised:  # whatever it is, the training and its end must not wait for it
            error = raised
        with self._changed:
            self._waiting.pop(episode, None)
            if isinstance(error, OSError):
                self._refused[episode] = data
            else:
                self._refused.pop(episode, None)
            first = error is not None and self._trouble is None
            if error is not None or not self._refused:
                self._trouble = error
        if error is not None and first:
            self._failed(error)

    def _remove(self) -> None:
        with self._changed:
            useless = self._useless()
        for episode in useless:
            with contextlib.suppress(OSError):  # what cannot be removed is no harm
                (self._root / file_name(episode)).unlink(missing_ok=True)
        with self._changed:
            for episode in useless:
                del self._gone[episode], self._born[episode]


def _remove_others(root: Path, kept: Collection[int]) -> None:
    """What a death in the middle of a writing left behind, or is to be played again."""
    for path in own_files(root):
        name = _OURS.fullmatch(path.name)
        if name and (path.name.startswith(".") or int(name[1]) not in kept):
            with contextlib.suppress(OSError):
                path.unlink()
