"""A file of lines that is rotated by size, shared with other processes, and never raises."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from daf_nb.errors import ConfigError
from daf_nb.logs.logger import FIELDS

try:
    import fcntl
except ImportError:  # Windows; a file that others hold open is not renamed there either
    fcntl = None

__all__ = ["BACKUPS", "MAX_BYTES", "RotatingFile", "check_rotation"]

MAX_BYTES = 10_000_000
BACKUPS = 5
LEAST_BYTES = 1024


class RotatingFile(logging.Handler):
    """Appends each record as one line with one write.

    At `max_bytes` the file becomes `<name>.1`, what was that `<name>.2`, and so on up to `backups`.
    Several processes may write one file: lines do not mix, and whoever finds it full rotates it for
    all. A record that cannot be written is dropped; that is said once on standard error, and in the
    file itself as soon as it can be written again.

    Args:
        path: the file; its folder is made.
        line: a record as text without a newline at its end.
        max_bytes: from which size on it is rotated; a single longer line stays whole.
        backups: how many older files are kept.

    Raises:
        ConfigError: the file cannot be written, or the sizes cannot be.
    """

    def __init__(
        self,
        path: Path,
        line: Callable[[logging.LogRecord], str],
        *,
        max_bytes: int = MAX_BYTES,
        backups: int = BACKUPS,
    ) -> None:
        super().__init__()
        check_rotation(max_bytes, backups)
        self.path = path.expanduser().absolute()
        self._line = line
        self._max_bytes = max_bytes
        self._backups = backups
        self._handle: int | None = None
        self._process = 0
        self._dropped = 0
        self._torn = self._grows = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
            self._torn = _is_torn(self.path)
        except OSError as error:
            raise ConfigError(
                f"the log file {self.path} cannot be written: {error.strerror or error}. "
                "Name one in a folder that you may write to."
            ) from error

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record, or drops it."""
        if self._handle is None:
            return
        try:
            data = self._line(record).encode("utf-8", "backslashreplace") + b"\n"
            self._make_room(len(data))
            if self._dropped:
                self._write(self._line(_gap(record, self._dropped)).encode() + b"\n")
                self._dropped = 0
            self._write(data)
        except Exception as error:
            self._dropped += 1
            if self._dropped == 1:
                self._say(f"cannot be written ({error}); its lines are dropped until it can be")

    def close(self) -> None:
        """Closes the file. A record that still comes is dropped."""
        with self.lock or contextlib.nullcontext():
            handle, self._handle = self._handle, None
            if handle is not None:
                with contextlib.suppress(OSError):
                    os.close(handle)
        super().close()

    def _write(self, data: bytes) -> None:
        # What a full disk tore off a line is not continued by the next one.
        whole = b"\n" + data if self._torn else data
        written = os.write(self._own(), whole)
        self._torn = written < len(whole) and (written > 0 or self._torn)
        if written < len(whole):
            raise OSError("only a part of a line could be written; the disk may be full")

    def _make_room(self, more: int) -> None:
        """Makes sure that the handle is of the file at the path, and that it is not full."""
        size = self._size_here()
        # A forked child opens the file for itself: a lock of its parent's handle would be its own.
        if size is None or self._process != os.getpid():
            self._open()
            size = self._size_here()
        if size and size + more > self._max_bytes and self._may_rotate():
            try:
                self._rotate()
                self._open()
            except OSError as error:
                if not self._grows:
                    self._grows = True
                    self._say(f"cannot be rotated ({error}); it grows")

    def _size_here(self) -> int | None:
        """The size of the file at the path; None where the handle is of another file."""
        with contextlib.suppress(FileNotFoundError):
            here, mine = self.path.stat(), os.fstat(self._own())
            if (here.st_dev, here.st_ino) == (mine.st_dev, mine.st_ino):
                return here.st_size
        return None

    def _may_rotate(self) -> bool:
        """It is for this process to rotate the file now, and for no other."""
        if fcntl is not None:
            try:
                fcntl.flock(self._own(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False  # another one is at it: this line goes to what becomes its backup
            except OSError:
                pass  # a file system without locks
        return self._size_here() is not None

    def _rotate(self) -> None:
        names = [self.path, *(self._backup(number) for number in range(1, self._backups + 1))]
        for newer, older in reversed(list(pairwise(names))):
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)

    def _backup(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _open(self) -> None:
        """Opens the file at the path, in place of the one that was open."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        opened = os.open(self.path, flags, 0o666)
        if self._handle is not None:
            os.close(self._handle)  # which frees the lock of a rotation
        self._handle, self._process, self._torn = opened, os.getpid(), False

    def _own(self) -> int:
        assert self._handle is not None
        return self._handle

    def _say(self, what: str) -> None:
        with contextlib.suppress(Exception):
            sys.stderr.write(f"daf_nb: the log file {str(self.path)!r} {what}.\n")


def _is_torn(path: Path) -> bool:
    """The last line of a file has no end, and is not about to get one from another process."""
    if not path.is_file():
        return False
    for pause in (0.0, 0.01):
        time.sleep(pause)
        try:
            with path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                if file.read(1) == b"\n":
                    return False
        except OSError:  # an empty file
            return False
    return True


def _gap(record: logging.LogRecord, dropped: int) -> logging.LogRecord:
    """What is said in a file where lines are missing, at the moment of the next one."""
    own = {"msg": f"{dropped} lines could not be written here", "args": None, FIELDS: (None, {})}
    level = {"levelname": "WARNING", "levelno": logging.WARNING}
    return logging.makeLogRecord(
        {**record.__dict__, **own, **level, "exc_info": None, "exc_text": None}
    )


def check_rotation(max_bytes: int, backups: int) -> None:
    """Refuses sizes that cannot be.

    Raises:
        ConfigError: fewer than 1024 bytes, or less than one backup.
    """
    if max_bytes < LEAST_BYTES or backups < 1:
        raise ConfigError(
            f"max_bytes={max_bytes}, backups={backups}: at least {LEAST_BYTES} bytes and 1 backup "
            "are needed; what is rotated away is what other processes may still write to."
        )
