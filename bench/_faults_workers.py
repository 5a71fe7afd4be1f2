"""Rows of workers: killed at random moments, hanging in C, out of memory; a world that raises."""

from __future__ import annotations

import logging
import os
import random
import resource
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from _faults_stage import Count
from _faults_worlds import LATE, RAISED, SOUND, begin, dropped, ended, stopped

import daf_nb as daf
from tests.worlds import Failing

KILLS = 3
ROOM = 32 << 20
"""Bytes that a starved world may still take."""


class Starved(Failing):
    """Where `Failing` fails, the system gives its process no more memory, and it asks for more."""

    def fail(self) -> None:
        """Takes all that there is."""
        before = resource.getrlimit(resource.RLIMIT_AS)
        used = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, resource.RLIM_INFINITY))
        try:
            taken = []
            while True:
                taken.append(bytearray(1 << 20))
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)


class _Lost(logging.Handler):
    """Counts the workers that were said to be replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.said = 0

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.said += "was killed by SIGKILL" in text and "is replaced" in text


def workers() -> list[psutil.Process]:
    """Those of this process."""
    found = []
    for child in psutil.Process().children():
        try:
            if "daf_nb.envs.workers.worker" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def kill(run: daf.Run, moments: list[int]) -> int:
    """Kills a worker of the run behind each of these agent-steps; how many it got."""
    got = 0
    for moment in moments:
        while run.step < moment and not run.done:
            time.sleep(random.random() / 1000)
        alive = workers()
        if run.done or not alive:
            break
        os.kill(random.choice(alive).pid, signal.SIGKILL)
        got += 1
    return got


def killed(tries: int, root: Path) -> dict[str, int | None]:
    """Workers killed at random moments of a run, which goes on as if nothing had happened."""
    count, whole = Count(), begin(root / "whole", SOUND)
    whole.wait()
    for number in range(tries):
        handler = _Lost()
        log = logging.getLogger("daf_nb")
        log.addHandler(handler)
        run = begin(root / str(number), SOUND, num_workers=random.randint(1, 3))
        got: list[int] = []
        moments = sorted(random.randint(1, 600) for _ in range(KILLS))
        killer = threading.Thread(target=lambda: got.append(kill(run, moments)))  # noqa: B023
        killer.start()
        error = ended(run)
        killer.join()
        log.removeHandler(handler)
        count.add(
            f"{moments}, {got[0]} killed, {handler.said} told, {error}",
            exact=run.fingerprint() == whole.fingerprint(),
            recovered=run.status == "COMPLETED" and not workers(),
            said=0 < handler.said <= got[0],
        )
    return count.told()


_MEMORY = "the world found no more memory (MemoryError)"
_TWO = {"num_workers": 2}

ROWS: dict[str, Callable[[int, Path], dict[str, int | None]]] = {
    "5 a world raises in a worker: episode dropped": partial(
        dropped, how="raise", said=RAISED, **_TWO
    ),
    "6 a world hangs in Python in a worker: episode dropped": partial(
        dropped, how="hang", said=LATE, **_TWO
    ),
    "6 a world hangs in C in a worker: episode dropped": partial(
        dropped,
        how="sleep",
        said="the world hangs, and its worker process was ended",
        every=16,
        **_TWO,
    ),
    "7 a worker killed (SIGKILL) at random moments": killed,
    "8 no memory left in a worker (RLIMIT_AS): dropped": partial(
        dropped, how="memory", said=_MEMORY, world=Starved, **_TWO
    ),
    "8 no memory left in a worker (RLIMIT_AS): stop, resume": partial(
        stopped, how="memory", said=_MEMORY, world=Starved, **_TWO
    ),
}
