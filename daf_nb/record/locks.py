"""Who writes a run's folder: a lock that the system frees when its holder dies, however."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import time
import weakref
from pathlib import Path

from daf_nb.record.plain import dumps

try:
    import fcntl
except ImportError:  # Windows has no flock; readers then go by the age of the heartbeat
    fcntl = None

__all__ = ["LOCK_FILE", "FolderLock", "is_held"]

LOCK_FILE = "lock"
PATIENCE = (
    5.0  # seconds; nobody but a reader's probe, microseconds long, can stand in a new run's way
)


class FolderLock:
    """Holds `<folder>/lock` from construction to `release`, or to the end of this process.

    A forked child does not inherit it: a worker that outlives its parent keeps no run alive.

    Attributes:
        works: False where the file system or the platform has no such locks.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_FILE
        self._handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        holder = {"pid": os.getpid(), "host": platform.node(), "since": time.time()}
        os.write(self._handle, dumps(holder).encode() + b"\n")
        self.works = _lock(self._handle)
        _forget_in_forked_children()
        _held.add(self)

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
        handle = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NONBLOCK)
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


def _lock(handle: int) -> bool:
    if fcntl is None:
        return False
    deadline = time.monotonic() + PATIENCE
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
