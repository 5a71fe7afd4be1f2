"""The watch over calls into worlds: what it ends, and that nothing else is touched."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
import traceback
import types
from typing import Any

import pytest

from daf_nb.envs import watch as module
from daf_nb.envs.hangs import Hang
from daf_nb.envs.watch import Visit, Watch, WorldTimeout

LONG = 30.0


def endless() -> None:
    while True:
        time.sleep(0.001)


def visit() -> Visit:
    return Visit(lambda: "copy 3, episode 1 (seed 7), step 2")


def in_module(function: Any, name: str) -> Any:
    """The same code, as if it were a module's of this name."""
    names = {**function.__globals__, "__name__": name}
    return types.FunctionType(function.__code__, names, closure=function.__closure__)


def test_what_a_call_returns_and_raises_is_its_own():
    watch, ours = Watch(LONG), visit()
    with watch.on():
        assert watch.call(ours, divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            watch.call(ours, divmod, 7, 0)
    assert ours.count == 2


def test_a_hang_in_python_is_told_with_its_place_and_ended_there():
    watch, told = Watch(0.1), list[Hang]()
    watch.told = told.append
    began = time.monotonic()
    with (
        watch.on(),
        pytest.raises(WorldTimeout, match=r"did not come back within 0\.1 s") as caught,
    ):
        watch.call(visit(), endless)
    assert 0.1 <= time.monotonic() - began < 5
    (hang,) = told
    assert (hang.where, hang.final) == ("copy 3, episode 1 (seed 7), step 2", False)
    assert "in endless" in hang.stack[0]
    assert "time.sleep(0.001)" in str(hang)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "endless"


def test_no_except_of_the_world_keeps_it_in():
    def stubborn() -> None:
        while True:
            with contextlib.suppress(Exception):
                endless()

    watch = Watch(0.05)
    with watch.on(), pytest.raises(WorldTimeout):
        watch.call(visit(), stubborn)


def test_a_hang_in_c_is_ended_when_it_comes_back():
    watch = Watch(0.05)
    with watch.on(), pytest.raises(WorldTimeout):
        watch.call(visit(), lambda: time.sleep(0.3))
    with watch.on():
        assert watch.call(visit(), str, 5) == "5", "nothing is left of it"


def test_a_hang_in_c_is_taken_over_and_its_thread_never_comes_back():
    watch, hangs, came_back = Watch(0.05), list[Hang](), list[str]()
    watch.taken_over = hangs.append

    def train() -> None:
        with watch.on():
            try:
                watch.call(visit(), lambda: time.sleep(0.6))
            finally:
                came_back.append("here")

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    deadline = time.monotonic() + LONG
    while not hangs and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [hang.final for hang in hangs] == [True]
    assert "time.sleep(0.6)" in str(hangs[0])
    thread.join(1.0)
    assert thread.is_alive()
    assert not came_back


def test_calls_that_are_quick_enough_are_left_alone_however_many():
    watch, ours = Watch(0.2), visit()
    with watch.on():
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            watch.call(ours, time.sleep, 0.001)
    assert watch.hanging is None


@pytest.mark.parametrize("debugger", ["bdb", "pdb", "IPython.core.debugger"])
def test_somebody_who_debugs_a_world_may_take_his_time(debugger):
    watch = Watch(0.05)
    looking = in_module(lambda: time.sleep(0.4) or "done", debugger)
    with watch.on():
        assert watch.call(visit(), looking) == "done"


def test_what_the_world_calls_of_ours_is_not_cut_in_the_middle():
    """Such as what writes down its prints; it is ended behind that."""
    written = []

    def write() -> None:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            time.sleep(0.001)
        written.append("whole")

    ours = in_module(write, "daf_nb.record.output")

    def step() -> None:
        ours()
        endless()

    watch = Watch(0.05)
    with watch.on(), pytest.raises(WorldTimeout) as caught:
        watch.call(visit(), step)
    assert written == ["whole"]
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "endless"


def test_without_a_deadline_nobody_watches():
    before = set(threading.enumerate())

    def watching() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread not in before]

    with Watch(None).on():
        assert watching() == []
    with Watch(1.0).on():
        assert watching() == ["daf_nb-watch"]


def test_nothing_lands_outside_of_the_calls_under_stress(monkeypatch):
    """Thousands of calls that end just about when they are struck, some of them in errors."""
    monkeypatch.setattr(module, "LOOKS", 4)
    watch, ours, chance = Watch(0.002), visit(), random.Random(0)
    outcomes = {"in time": 0, "late": 0, "raised": 0}

    def step(seconds: float, fails: bool) -> int:
        until, count = time.perf_counter() + seconds, 0
        while time.perf_counter() < until:
            count += 1
        if fails:
            raise ValueError("the world's own")
        return count

    def outside() -> int:
        return sum(range(300))

    module._log.disabled, before = True, module._log.disabled
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # or the watch would be too late for calls so short
    try:
        with watch.on():
            for _ in range(2_000):
                try:
                    watch.call(ours, step, chance.uniform(0.0, 0.006), chance.random() < 0.3)
                    outcomes["in time"] += 1
                except WorldTimeout:
                    outcomes["late"] += 1
                except ValueError:
                    outcomes["raised"] += 1
                # Anything that is still on its way would be raised here, and fail the test.
                assert outside() == 44_850
            for _ in range(20_000):
                outside()
    finally:
        sys.setswitchinterval(interval)
        module._log.disabled = before
    assert sum(outcomes.values()) == 2_000
    assert all(count > 20 for count in outcomes.values()), outcomes
