"""Copies in worker processes: what comes of them is what came of them here, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.testing import assert_array_equal

from daf_nb.envs import AgentVecEnv, Copies, Drop, Setting, Watch, World
from daf_nb.errors import ConfigError, TaskGenerationError, TrainingEnvironmentError
from daf_nb.testing import SCENARIOS, Scripted
from tests import worlds
from tests.envs.acting import allowed, assert_alike, assert_go_on_alike, copies_of, told

PROJECT = Path(__file__).parents[3]
WORLDS = {
    "staggered": World(worlds.Staggered),
    "visiting": World(worlds.Visiting),
    "seed echo": World(worlds.SeedEcho),
    "two kinds": World(worlds.TwoKinds),
    "continuous": World(worlds.Continuous),
    "masked": World(worlds.Masked),
    **{f"scripted, {name}": World(make) for name, make in SCENARIOS.items()},
    "simple_tag": World("mpe2.simple_tag_v3", {"max_cycles": 7}),
    "knights": World("butterfly/knights_archers_zombies-v11", {"max_cycles": 30}),
    "pixels": World("butterfly/pistonball-v6", {"n_pistons": 4, "max_cycles": 5}),
}


@pytest.fixture
def made() -> Iterator[Callable[..., Copies]]:
    """Makes copies, here or in workers, and closes them; no process is left."""
    before, all_made = children(), list[Copies]()

    def make(world: World, **kwargs: Any) -> Copies:
        all_made.append(copies_of(world, **kwargs))
        return all_made[-1]

    yield make
    for copies in all_made:
        copies.close()
    assert children() == before


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def pair(
    made: Callable[..., Copies], world: World, workers: int, num_envs: int = 5
) -> tuple[Copies, Copies]:
    ours, theirs = (made(world, num_envs=num_envs, num_workers=n) for n in (workers, 0))
    for copies in (ours, theirs):
        copies.reset()
    return ours, theirs


@pytest.mark.parametrize(
    ("name", "workers"), [*((name, 2) for name in WORLDS), ("staggered", 1), ("staggered", 3)]
)
def test_everything_is_as_it_is_here(made, name, workers):
    ours, theirs = pair(made, WORLDS[name], workers)
    assert_alike(ours, theirs)
    assert repr(ours.reset_infos) == repr(theirs.reset_infos)
    assert_go_on_alike(ours, theirs, 12, np.random.default_rng(workers))
    assert repr(ours.infos) == repr(theirs.infos)
    assert repr(ours.reset_infos) == repr(theirs.reset_infos)
    ours.reseed(9)
    theirs.reseed(9)
    ours.reset()
    theirs.reset()
    assert_alike(ours, theirs)


def test_ends_come_with_their_final_observations(made):
    ours, theirs = pair(made, World(worlds.Staggered), 2)
    rng, seen = np.random.default_rng(0), 0
    for _ in range(20):
        actions = allowed(ours, rng)
        ours.step(actions)
        theirs.step(actions)
        for mine, its in zip(ours.ends, theirs.ends, strict=True):
            assert replace(mine, observation=None).__dict__ == (
                replace(its, observation=None).__dict__
            )
            assert_array_equal(mine.observation, its.observation)
            seen += 1
    assert seen > 10


def test_copies_go_on_from_tapes_with_another_number_of_workers(made):
    world = World(worlds.Staggered)
    ours, theirs = pair(made, world, 2)
    assert_go_on_alike(ours, theirs, 9, np.random.default_rng(0))
    for workers in (0, 1, 3):
        again = made(world, num_envs=5, num_workers=workers)
        again.restore(ours.tapes())
        assert_alike(again, theirs)
    assert_go_on_alike(again, theirs, 9, np.random.default_rng(1))


def test_settings_come_back_as_the_objects_that_were_prepared(made):
    world = World(worlds.Counting, {"limit": 3})
    setting = Setting("short", {"limit": 2}, tag=object(), goal=None)
    for workers in (0, 2):
        copies = made(world, num_envs=4, num_workers=workers)
        for copy in range(4):
            copies.prepare(copy, setting)
        copies.reset([{"n": copy} for copy in range(4)])
        rng, ended = np.random.default_rng(0), []
        for _ in range(4):
            copies.step(allowed(copies, rng))
            ended += copies.episodes
        assert len(ended) == 8
        assert all(one.setting.tag is setting.tag for one in ended)
        assert [dict(one.options) for one in ended[:4]] == [{"n": copy} for copy in range(4)]
        assert all(one.setting is setting for one in ended[4:])
        assert all(tape.setting is setting for tape in copies.tapes())


@pytest.mark.parametrize(("how", "at"), [("sleep", 0), ("die", 0), ("die", 2)])
def test_what_ends_its_worker_is_dropped_as_what_raises_is_here(made, how, at):
    """Also in the first reset, and in one that follows within a step: then that episode alone."""
    sides = []
    for workers, does in ((0, "raise"), (2, how)):
        world = World(worlds.Failing, {"how": does, "at": at, "every": 5, "rest": 3, "limit": 3})
        copies = made(world, num_envs=4, num_workers=workers, watch=Watch(0.3))
        asked = listening(copies)
        copies.reset()
        rng = np.random.default_rng(0)
        seen: list[Any] = []
        for _ in range(8):
            seen += [[told(episode) for episode in copies.episodes], copies.arrays.rewards.tolist()]
            seen.append([replace(drop, what="").to_plain() for drop in copies.starts.drops])
            copies.step(allowed(copies, rng))
        sides.append((seen, [one[:-1] for one in asked], copies.starts.in_a_row))
    assert sides[0] == sides[1]
    assert len(sides[0][1]) > 1
    assert at or sides[0][0][2], "the first reset"


def listening(copies: Copies) -> list[tuple[Any, ...]]:
    """Has copies drop what fails; what they are asked meanwhile, in order."""
    asked: list[tuple[Any, ...]] = []

    def dropped(drop: Drop) -> Setting:
        asked.append(("drop", *drop.to_plain().values()))
        return Setting(f"after {len(asked)}")

    def failed(copy: int, error: TaskGenerationError) -> Setting:
        asked.append(("task", copy, str(error)))
        return Setting(f"other {len(asked)}")

    copies.starts.on_failure, copies.starts.on_task_failure = dropped, failed
    return asked


@pytest.mark.parametrize("how", ["raise", "memory", "exit", "nan", "shape"])
@pytest.mark.parametrize("at", [0, 3, 6])
def test_what_fails_is_dropped_as_it_is_here(made, how, at):
    world = World(worlds.Failing, {"how": how, "at": at, "every": 2})
    sides = []
    for n in (3, 0):
        copies = made(world, num_envs=5, num_workers=n)
        asked = listening(copies)
        copies.reset()
        rng = np.random.default_rng(0)
        seen: list[Any] = []
        for step in range(20):
            if step == 10:
                copies.prepare(3, Setting("impossible", {"agents": "x"}))
            copies.step(allowed(copies, rng))
            seen.append([told(episode) for episode in copies.episodes])
            seen.append([str(drop) for drop in copies.starts.drops])
            seen.append(copies.arrays.rewards.tolist())
        sides.append((seen, asked, copies.starts.in_a_row))
    assert sides[0] == sides[1]
    assert {kind for kind, *_ in sides[0][1]} == {"drop", "task"}


@pytest.mark.parametrize("how", ["raise", "nan", "shape", "exit"])
def test_what_fails_rises_as_it_does_here(made, how):
    world = World(worlds.Failing, {"how": how, "every": 1})
    said = []
    for workers in (0, 2):
        copies = made(world, num_envs=4, num_workers=workers)
        copies.reset()
        with pytest.raises(TrainingEnvironmentError) as caught:
            for _ in range(5):
                copies.step(allowed(copies, np.random.default_rng(0)))
        said.append((str(caught.value), caught.value.what, type(caught.value.__cause__)))
    assert said[0] == said[1]
    notes = getattr(caught.value.__cause__, "__notes__", [])
    assert how in ("nan", "shape") or "worlds.py" in notes[0]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_killed_workers_are_replaced_without_a_difference(made, workers):
    ours, theirs = pair(made, World(worlds.Staggered), workers)
    rng = np.random.default_rng(0)
    for victim in range(6):
        assert_go_on_alike(ours, theirs, 3, rng)
        pids = sorted(children())
        os.kill(pids[victim % workers], signal.SIGKILL)
        if victim % 2:
            psutil.Process(pids[victim % workers]).wait(5)
    assert_go_on_alike(ours, theirs, 10, rng)


def test_a_worker_that_is_killed_in_the_middle_of_a_step_is_replaced(made):
    ours, theirs = pair(made, World(partial(worlds.Slow, limit=9)), 2)
    rng = np.random.default_rng(0)
    for delay in (0.001, 0.01, 0.02, 0.03):
        victim = psutil.Process(sorted(children())[0])
        timer = threading.Timer(delay, victim.kill)
        timer.start()
        assert_go_on_alike(ours, theirs, 4, rng)
        timer.join()
    assert_go_on_alike(ours, theirs, 10, rng)


def test_a_worker_that_is_killed_in_a_reset_is_replaced(made):
    ours, theirs = pair(made, World(partial(worlds.Slow, limit=2)), 1)
    threading.Timer(0.01, psutil.Process(children().pop()).kill).start()
    ours.reset()
    theirs.reset()
    assert_go_on_alike(ours, theirs, 6, np.random.default_rng(0))


def test_a_world_that_ends_its_worker_again_is_to_blame(made):
    copies = made(World(partial(worlds.Deadly, limit=5)), num_envs=3, num_workers=1)
    copies.reset()
    with pytest.raises(TrainingEnvironmentError, match=r"copy \d.*SIGKILL.*twice"):
        for _ in range(10):
            copies.step(allowed(copies, np.random.default_rng(0)))
    copies = made(World(partial(worlds.Deadly, limit=5)), num_envs=3, num_workers=1)
    asked = listening(copies)
    copies.reset()
    for _ in range(10):
        copies.step(allowed(copies, np.random.default_rng(0)))
    assert asked
    assert all(kind == "drop" and seed % 2 for kind, _, _, seed, *_ in asked)


@pytest.mark.parametrize("drops", [False, True])
@pytest.mark.parametrize("how", ["hang", "sleep"])
def test_a_world_that_hangs_is_got_out_or_its_worker_ended(made, how, drops):
    watch = Watch(0.4)
    heard: list[Any] = []
    watch.told = heard.append
    world = World(worlds.Failing, {"how": how, "every": 2, "at": 2})
    copies = made(world, num_envs=4, num_workers=2, watch=watch)
    asked = listening(copies) if drops else []
    copies.reset()

    def play() -> None:
        for _ in range(6):
            copies.step(allowed(copies, np.random.default_rng(0)))

    if drops:
        play()
        assert {step for *_, step, _ in asked} == {2}
    else:
        with pytest.raises(TrainingEnvironmentError, match=r"step 2|hangs"):
            play()
    assert heard
    assert "worlds.py" in str(heard[0])


def test_attributes_and_methods_of_worlds_are_reached(made):
    env = AgentVecEnv(worlds.Counting, num_envs=3, num_workers=2, seed=0)
    env.reset()
    assert env.get_attr("elapsed") == [0] * 6
    env.set_attr("mark", 7, indices=[4])
    assert env.get_attr("mark", indices=[4, 5]) == [7, 7]
    assert env.env_is_wrapped(worlds.Counting, indices=[0]) == [True]
    assert [space.n for space in env.env_method("action_space", "agent_0", indices=[0, 2])]
    with pytest.raises(AttributeError, match="nothing_such"):
        env.get_attr("nothing_such")
    with pytest.raises(ConfigError, match="num_workers=0"):
        _ = env.copies.envs
    with pytest.raises(ConfigError, match="cannot be sent"):
        env.set_attr("lock", threading.Lock())
    env.close()


def test_worlds_that_cannot_be_sent_are_refused():
    lock = threading.Lock()

    def factory() -> Any:
        with lock:
            return Scripted()

    before = children()
    with pytest.raises(ConfigError, match=r"cannot be sent to a worker.*num_workers=0"):
        AgentVecEnv(factory, num_envs=2, num_workers=1)
    assert children() == before


def test_errors_of_making_worlds_rise_and_leave_nobody():
    before = children()
    with pytest.raises(OSError, match="no such world here"):
        AgentVecEnv(worlds.MadeAtHome(), num_envs=2, num_workers=2)
    assert children() == before


PROGRAM = """
import os, signal, sys, time
import numpy as np
from daf_nb.envs import Copies
from daf_nb.testing import Scripted

class Cell(Scripted):
    "Defined in the program itself, as in a notebook's cell."
    def step(self, actions):
        if sys.argv[1] == "stuck":
            import ctypes
            ctypes.PyDLL(None).usleep(60_000_000)  # holds the interpreter's lock
        return super().step(actions)

copies = Copies(Cell, num_envs=4, num_workers=2, seed=0)
copies.reset()
import psutil
print(*(child.pid for child in psutil.Process().children()), flush=True)
if sys.argv[1] == "interrupted":
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass
actions = {"all": np.zeros((4, len(copies.arrays.agents)), np.int64)}
for _ in range(3 if sys.argv[1] == "interrupted" else 10**9):
    copies.step(actions)
print("done", flush=True)
"""


def start(how: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, how],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line, child.communicate()[1]
    return child, [psutil.Process(int(pid)) for pid in line.split()]


@pytest.mark.parametrize("how", ["running", "stuck"])
def test_no_worker_outlives_its_trainer(how):
    child, workers = start(how)
    time.sleep(0.3)
    child.kill()
    child.communicate()
    gone, alive = psutil.wait_procs(workers, timeout=5)
    assert (len(gone), alive) == (2, [])


def test_an_interrupt_is_the_trainers():
    child, workers = start("interrupted")
    time.sleep(0.2)
    for process in (*workers, child):
        process.send_signal(signal.SIGINT)
    output, complaints = child.communicate(timeout=30)
    assert (child.returncode, output) == (0, "done\n"), complaints
    gone, _ = psutil.wait_procs(workers, timeout=5)
    assert len(gone) == 2


def test_workers_load_neither_torch_nor_stable_baselines(made):
    copies = made(World("mpe2.simple_spread_v3"), num_envs=2, num_workers=1)
    copies.reset()
    heavy = {"torch", "stable_baselines3", "ipywidgets"}
    assert copies.reach([1], lambda env: sorted(heavy & set(__import__("sys").modules))) == [[]]
