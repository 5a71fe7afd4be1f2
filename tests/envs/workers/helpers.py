"""What tests of workers share: acting at random, killing, interrupting, and starting anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from daf_nb.envs import Copies
from tests.envs.acting import allowed, assert_alike, assert_go_on_alike

PROJECT = Path(__file__).parents[3]


def children() -> set[int]:
    """The processes that this one started."""
    return {child.pid for child in psutil.Process().children()}


def kill_worker(place: int = 0) -> None:
    """Kills the worker that was started as the `place`-th, and waits for its end."""
    victim = psutil.Process(sorted(children())[place])
    victim.kill()
    victim.wait(5)


def assert_gone(processes: list[psutil.Process], seconds: float = 5.0) -> None:
    """They end within so many seconds; those that do not are killed."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    for process in alive:
        process.kill()
    assert not alive


def step(copies: Copies, steps: int = 1) -> None:
    """So many steps, of actions that the worlds allow."""
    rng = np.random.default_rng(0)
    for _ in range(steps):
        copies.step(allowed(copies, rng))


def interrupted(work: Callable[[], object], after: float) -> None:
    """Does `work` over and over, until Ctrl-C comes `after` so many seconds."""
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        while True:
            work()
    timer.join()


def assert_begins_anew(ours: Copies, theirs: Copies, resets: int = 2) -> None:
    """After its `resets`-th reset `ours` is as `theirs`, which was never reset, after as many."""
    ours.reset()
    for _ in range(resets):
        theirs.reset()
    assert_alike(ours, theirs)
    assert_go_on_alike(ours, theirs, 8, np.random.default_rng(0))


def started(program: str) -> subprocess.Popen[str]:
    """A program that runs by itself, in this project; what it prints can be read."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
