"""Who writes a run's folder: a lock that the system frees when its holder dies, however."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from daf_nb.record.files import TEARS, read_json
from daf_nb.record.plain import dumps

try:
    import fcntl
except ImportError:  # Windows has no flock; readers then go by the age of the heartbeat
    fcntl = None

__all__ = ["LOCK_FILE", "FolderLock", "holder", "is_held", "nobody_writes"]

LOCK_FILE = "lock"
PATIENCE = (
    5.0  # seconds; nobody but a reader's probe, microseconds long, can stand in a new run's way
)
MOMENT = 0.5  # seconds in which a probe, or somebody who moves the folder, is done
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)  # a stranger's could lead to any file, to be overwritten


class FolderLock:
    """Holds `<folder>/lock` from construction to `release`, or to the end of this process.

    A forked child does not inherit it: a worker that outlives its parent keeps no run alive.

    Args:
        folder: which.
        patience: seconds in which who holds it may let go.

    Attributes:
        works: False where the file system or the platform has no such locks.
    """

    def __init__(self, folder: Path, *, patience: float = PATIENCE) -> None:
        self._path = folder / LOCK_FILE
        flags = os.O_RDWR | os.O_CREAT | _NO_LINKS
        self._handle: int | None = os.open(self._path, flags, 0o666)
        self.works = _lock(self._handle, patience=patience)
        if self.works or not is_held(folder):  # else the name in it is another's
            me = {"pid": os.getpid(), "host": platform.node(), "since": time.time()}
            os.ftruncate(self._handle, 0)
            os.write(self._handle, dumps(me).encode() + b"\n")
        _forget_in_forked_children()
        _held.add(self)

    @property
    def here(self) -> bool:
        """The folder is still where it was when it was locked."""
        try:
            return self._handle is not None and os.path.samestat(
                os.fstat(self._handle), os.lstat(self._path)
            )
        except OSError:
            return False

    def release(self) -> None:
        """Frees the lock. A second call does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError):
                os.close(handle)

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self.release()


def is_held(folder: Path) -> bool | None:
    """Whether somebody holds the folder's lock now; None where that cannot be told."""
    if fcntl is None:
        return None
    try:
        # A pipe in the place of a stranger's lock must not block its reader.
        handle = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NONBLOCK | _NO_LINKS)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    else:
        return False
    finally:
        os.close(handle)


@contextlib.contextmanager
def nobody_writes(folder: Path) -> Iterator[bool]:
    """While it lasts nobody takes the folder's lock; False where somebody has it.

    True as well where there is no lock, or locks do not work: then nobody can be kept out.
    """
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDWR | _NO_LINKS)
    except OSError:
        yield True
        return
    try:
        yield _lock(handle, patience=MOMENT) or not is_held(folder)
    finally:
        os.close(handle)


def holder(folder: Path) -> str:
    """Who holds the folder's lock, in words; who holds it for a moment only may have no name."""
    deadline = time.monotonic() + MOMENT
    while True:
        try:
            told = read_json(folder / LOCK_FILE)
            pid, host = int(told["pid"]), str(told["host"])[:100]
            # Who takes it writes its name a moment later: until then it is that of the last one.
            if host != platform.node() or _lives(pid):
                return f"process {pid} on {host}"
        except (OSError, *TEARS):
            pass
        if time.monotonic() > deadline:
            return "another process"
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    if fcntl is None:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError, ValueError):
        return True
    return pid > 0


def _lock(handle: int, *, patience: float) -> bool:
    if fcntl is None:
        return False
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        except OSError:
            return False
        else:
            return True


_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()


@functools.cache
def _forget_in_forked_children() -> None:
    # Closing a copy leaves the parent's lock alone.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_close_copies)


def _close_copies() -> None:
    for lock in list(_held):
        lock.release()
