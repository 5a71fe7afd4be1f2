"""Whatever ends a step in the middle: copies in workers can be used again behind it."""

from __future__ import annotations

import ctypes
import random
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from daf_nb.envs import Drop, Setting, Watch, World
from daf_nb.errors import ConfigError, DafError, TrainingEnvironmentError
from tests import worlds
from tests.envs.acting import allowed, assert_alike, assert_go_on_alike
from tests.envs.workers.helpers import (
    assert_begins_anew,
    assert_gone,
    children,
    interrupted,
    kill_worker,
    step,
)
from tests.envs.workers.rough_worlds import Homesick, Striking

pytestmark = pytest.mark.timeout(60)


def elapsed(env: Any) -> int:
    return env.elapsed


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    return tmp_path / "flag"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("how", ["die", "sleep", "lock", "raise"])
def test_copies_begin_anew_after_a_world_that_ended_a_step(made, flag, how, workers):
    world = World(Striking, {"flag": flag, "how": how})
    ours = made(world, num_envs=3, num_workers=workers, watch=Watch(0.5))
    theirs = made(world, num_envs=3)
    ours.reset()
    flag.touch()
    before = [psutil.Process(pid) for pid in children()]
    with pytest.raises(TrainingEnvironmentError):
        step(ours, 4)
    flag.unlink()
    assert_begins_anew(ours, theirs)
    if how != "raise":
        assert_gone(before)


def test_copies_begin_anew_after_an_episode_that_could_not_be_played_again(made, flag):
    world = World(Striking, {"flag": flag, "how": "differ"})
    ours, theirs = made(world, num_workers=1), made(world)
    flag.touch()
    ours.reset()
    step(ours)
    kill_worker()
    with pytest.raises(TrainingEnvironmentError):
        step(ours)
    flag.unlink()
    assert_begins_anew(ours, theirs)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_copies_begin_anew_after_who_was_asked_in_a_step_raised(made, kind):
    world = World(worlds.Failing, {"every": 2})
    ours, theirs = made(world, num_envs=4, num_workers=2), made(world, num_envs=4)

    def raising(drop: Drop) -> Setting:
        raise kind("not now")

    ours.starts.on_failure = raising
    ours.reset()
    with pytest.raises(kind, match="not now"):
        step(ours, 4)
    for copies in (ours, theirs):
        copies.starts.on_failure = lambda drop: Setting("other")
    assert_begins_anew(ours, theirs)


class Off(BaseException):
    """As `daf_nb.learn.breaking.BrokenOff`."""


def test_copies_begin_anew_after_an_exception_of_another_thread(made):
    world = World(partial(worlds.Slow, limit=1000))
    ours, theirs = made(world, num_workers=2), made(world)
    ours.reset()
    rng, ended = random.Random(0), []

    def play() -> None:
        try:
            step(ours, 10**9)
        except Off as error:
            ended.append(error)

    for times in range(1, 5):
        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        time.sleep(0.05 + 0.03 * rng.random())
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Off)
        )
        thread.join(5)
        assert len(ended) == times
        ours.reset()
    assert_begins_anew(ours, theirs, resets=6)


def test_copies_begin_anew_after_an_interrupt_while_a_worker_was_replaced(made, flag):
    world = World(Striking, {"flag": flag, "how": "begin"})
    ours, theirs = made(world, num_workers=1), made(world)
    ours.reset()
    step(ours)
    flag.touch()
    kill_worker()
    interrupted(lambda: step(ours), 0.5)
    flag.unlink()
    assert_begins_anew(ours, theirs)


@pytest.mark.parametrize("workers", [1, 2])
def test_copies_go_on_from_where_their_tapes_say_after_an_interrupt(made, workers):
    world = World(partial(worlds.Slow, limit=30))
    ours, again = made(world, num_envs=4, num_workers=workers), made(world, num_envs=4)
    ours.reset()
    rng = np.random.default_rng(0)
    for after in (0.012, 0.033):
        interrupted(lambda: ours.step(allowed(ours, rng)), after)
        tapes = ours.tapes()
        made_since = np.subtract(ours.reach(range(4), elapsed), [tape.length for tape in tapes])
        assert set(made_since) <= {0, 1}
        again.restore(tapes)
        assert_go_on_alike(ours, again, 4, rng)
    assert ours.reach(range(4), elapsed) == again.reach(range(4), elapsed)


def test_worlds_are_reached_after_one_of_them_raised(made):
    copies = made(World(worlds.Failing, {"every": 2}), num_envs=4, num_workers=2)
    copies.reset()
    with pytest.raises(TrainingEnvironmentError, match="broke at step 3"):
        step(copies, 4)
    lengths = copies.reach(range(4), elapsed)
    assert 3 in lengths and set(lengths) <= {2, 3}
    assert copies.reach(range(4), lambda env: env.seed) == [tape.seed for tape in copies.tapes()]


@pytest.mark.parametrize("bad", range(4))
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_impossible_action_is_refused_before_any_copy_is_stepped(made, workers, bad):
    world = World(worlds.Staggered)
    ours, theirs = made(world, num_envs=4, num_workers=workers), made(world, num_envs=4)
    for copies in (ours, theirs):
        copies.reset()
    rng = np.random.default_rng(0)
    assert_go_on_alike(ours, theirs, 1, rng)
    actions = allowed(ours, rng)
    actions["group 0"][bad] = 9
    with pytest.raises(ConfigError, match=f"copy {bad}.*9"):
        ours.step(actions)
    assert ours.reach(range(4), elapsed) == [1] * 4
    assert_go_on_alike(ours, theirs, 8, rng)


def test_a_setting_that_cannot_be_read_in_the_worker_is_told_of_once(made):
    world = World(worlds.SeedEcho)
    ours, again = made(world, num_workers=1), made(world)
    ours.reset()
    with pytest.raises((OSError, DafError), match="only at home"):
        ours.prepare(1, Setting("unreadable", options={"n": Homesick()}))
        step(ours)
    ours.prepare(1, Setting("readable"))
    rng = np.random.default_rng(0)
    for _ in range(5):
        ours.step(allowed(ours, rng))
        assert ours.reach(range(3), elapsed) == [tape.length for tape in ours.tapes()]
    assert ours.tapes()[1].task == "readable"
    again.restore(ours.tapes())
    assert_alike(ours, again)
    assert_go_on_alike(ours, again, 5, rng)
