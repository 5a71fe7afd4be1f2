"""A worker's process: started from nothing, ended for good."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

from daf_nb.envs.workers.channel import Channel

__all__ = ["Process"]

_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from daf_nb.envs.workers.worker import main; main()"
)
_PATIENCE = 5.0
"""Seconds that a worker has to close its worlds."""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Workers are as many as is good for the machine; threads of theirs would compete."""


class Process:
    """A fresh interpreter that runs `worker.main`: nothing is inherited but what is given.

    Args:
        file: the descriptor of the shared memory.

    Attributes:
        channel: to and from it.
    """

    def __init__(self, file: int) -> None:
        ours, theirs = socket.socketpair()
        line, held = os.pipe()
        given = (theirs.fileno(), file, line)
        path = [entry or str(Path.cwd()) for entry in sys.path]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, json.dumps(path), *map(str, given)],
                pass_fds=given,
                stdin=subprocess.DEVNULL,
                env={**dict.fromkeys(_ONE_THREAD, "1"), **os.environ},
                start_new_session=True,  # what a terminal sends is not for it
            )
        finally:
            theirs.close()
            os.close(line)
        self.channel = Channel(ours, trainers=True)
        self._end = weakref.finalize(self, _end, self._process, held)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def said_of_end(self) -> str:
        """How it ended, in words; waits until it has."""
        code = self._process.wait()
        if code >= 0:
            return f"ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        often = " (where memory ran out, the system kills so)" if code == -signal.SIGKILL else ""
        return f"was killed by {name}{often}"

    def close(self, *, left: bool = False) -> None:
        """Has it close its worlds and end; kills it where it does not, or at once (`left`)."""
        if not left:
            try:
                self.channel.send(b"q")
                self._process.wait(_PATIENCE)
            except (EOFError, subprocess.TimeoutExpired):
                pass
        self.channel.close()
        self._end()


def _end(process: subprocess.Popen[Any], held: int) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    os.close(held)
