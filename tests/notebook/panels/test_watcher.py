"""The thread that looks: often enough, never too much of the time, and to the end."""

from __future__ import annotations

import itertools
import threading
import time

from daf_nb.notebook.panels.watcher import Watcher
from tests.notebook.helpers import until


def test_it_looks_at_once_then_at_intervals_and_ends_when_told():
    looks: list[float] = []

    def look() -> float | None:
        looks.append(time.monotonic())
        return 0.3 if len(looks) < 3 else None

    watcher = Watcher(look, failed=lambda error: None, name="test")
    watcher.join(10)
    assert not watcher.alive
    assert looks[1] - looks[0] >= 0.3 and looks[2] - looks[1] >= 0.3


def test_a_wake_comes_before_the_interval_is_over_but_not_at_any_rate():
    looks: list[float] = []
    done = threading.Event()

    def look() -> float | None:
        looks.append(time.monotonic())
        return None if done.is_set() else 60.0

    watcher = Watcher(look, failed=lambda error: None, name="test")
    end = time.monotonic() + 1.05
    while time.monotonic() < end:
        watcher.wake()
        time.sleep(0.001)
    assert 2 <= len(looks) <= 12
    assert all(later - earlier >= 0.1 for earlier, later in itertools.pairwise(looks))
    done.set()
    watcher.wake()
    watcher.join(5)
    assert not watcher.alive


def test_costly_looks_are_rarer():
    looks: list[float] = []

    def look() -> float | None:
        looks.append(time.monotonic())
        spent = time.thread_time() + 0.01
        while time.thread_time() < spent:
            pass
        return 0.0 if len(looks) < 2 else None

    Watcher(look, failed=lambda error: None, name="test").join(10)
    assert looks[1] - looks[0] >= 1.0


def test_a_look_that_fails_is_told_and_is_not_the_last():
    told: list[Exception] = []
    looks = 0

    def look() -> float | None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise OSError("the disk is gone")
        return None

    watcher = Watcher(look, failed=told.append, name="test")
    until(lambda: told)
    assert str(told[0]) == "the disk is gone"
    watcher.wake()
    until(lambda: not watcher.alive)
    assert looks == 2
