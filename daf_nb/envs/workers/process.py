"""A worker's process: started from nothing, ended for good."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
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
_LINGERING = 1.0
"""Seconds that it has to be gone, once its connection is."""
_GIVEN = {
    # Workers are as many as is good for the machine; threads of theirs would compete.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Sets have one order in all of them, and in those that replace them.
    "PYTHONHASHSEED": "0",
}


class Process:
    """A fresh interpreter that runs `worker.main`: nothing is inherited but what is given.

    Args:
        file: the descriptor of the shared memory.
        folder: where it works, if that is still there.
        look: called now and then while the trainer waits for it; as `Channel`.

    Attributes:
        channel: to and from it.
    """

    def __init__(self, file: int, *, folder: Path, look: Callable[[], bool]) -> None:
        ours, theirs = socket.socketpair()
        line, held = os.pipe()
        given = (theirs.fileno(), file, line)
        path = [entry or str(folder) for entry in sys.path]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, json.dumps(path), *map(str, given)],
                pass_fds=given,
                stdin=subprocess.DEVNULL,
                env={**_GIVEN, **os.environ},
                cwd=folder if folder.is_dir() else None,
                start_new_session=True,  # what a terminal sends is not for it
            )
        finally:
            theirs.close()
            os.close(line)
        self.channel, self._held = Channel(ours, look=look), held
        self._end = weakref.finalize(self, _end, self._process, held)
        _LIVING.add(self)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """It is gone; somebody whom its worlds started may hold its end of the channel."""
        return self._process.poll() is not None

    def said_of_end(self) -> str:
        """How it ended, in words; it is ended where it has only closed its channel."""
        try:
            code = self._process.wait(_LINGERING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return "closed its connection to the trainer, and was ended"
        if code >= 0:
            return f"ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        often = " (where memory ran out, the system kills so)" if code == -signal.SIGKILL else ""
        return f"was killed by {name}{often}"

    def dismiss(self) -> None:
        """Tells it to close its worlds and end, when it has done what is under way."""
        with suppress(EOFError):
            self.channel.send(b"q")

    def close(self, *, left: bool = False) -> None:
        """Waits until it has ended; kills it where it does not, or at once (`left`).

        What its worlds have started goes with it.
        """
        if not left:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
        self.channel.close()
        self._end()

    def let_go(self) -> None:
        """In a fork of the trainer: the worker is not its own, and must not outlive the trainer."""
        self._end.detach()
        self.channel.close()
        os.close(self._held)


_LIVING: weakref.WeakSet[Process] = weakref.WeakSet()


def _let_go_of_all() -> None:
    for process in list(_LIVING):
        with suppress(OSError):
            process.let_go()
    _LIVING.clear()


os.register_at_fork(after_in_child=_let_go_of_all)


def _end(process: subprocess.Popen[Any], held: int) -> None:
    with suppress(OSError):  # it leads a group of its own, of those that its worlds started
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    os.close(held)
