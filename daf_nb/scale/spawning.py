"""A Python process beside this one: how it is started, and what it says."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import IO, Any

__all__ = ["close", "spawn", "tail", "trim", "what_is_told"]

_LONG, _TAIL = 2**20, 4_000
"""Bytes of what a process prints that are kept at most, and that are shown where it could not tell
otherwise what went wrong; a record keeps what its run printed."""
_ONE_THREAD = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def spawn(said: IO[bytes]) -> subprocess.Popen[bytes]:
    """A new interpreter that sees the same modules, in a session of its own.

    Ctrl-C on a terminal, and what ends a kernel with its children, reach this process alone: the
    runs then end in order.

    Args:
        said: a file that takes what it prints. A pipe would break when this process dies, and the
            run with it.
    """
    paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100 - "" is where we are
    single = dict.fromkeys(_ONE_THREAD, "1")
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "daf_nb.scale.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        env={**os.environ, **single, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,
    )


def what_is_told(line: bytes) -> dict[str, Any] | None:
    """What a child tells; None where something was printed before it had its streams."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def trim(said: IO[bytes]) -> None:
    """Empties the file of what is said where it has become long.

    Its position is one with that of the process that prints there, which goes on from the start.
    """
    if os.fstat(said.fileno()).st_size > _LONG:
        said.seek(0)
        said.truncate()


def tail(said: IO[bytes]) -> str:
    """The end of what was said by a process that is gone."""
    said.seek(0)
    return said.read()[-_TAIL:].decode("utf-8", "replace")


def close(stream: IO[bytes] | None) -> None:
    """Closes a pipe whose other end may be gone, with what it still held."""
    with contextlib.suppress(OSError):
        if stream is not None:
            stream.close()
