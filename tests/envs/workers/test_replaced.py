"""Workers that are lost in rough ways: it is noticed, and nothing differs behind it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daf_nb.envs import Copies, Drop, Setting, Watch, World
from daf_nb.errors import TaskGenerationError, TrainingEnvironmentError
from tests import worlds
from tests.envs.acting import assert_go_on_alike
from tests.envs.workers.helpers import kill_worker, step
from tests.envs.workers.rough_worlds import AtHome, Obeying, Serving, Striking, Unordered

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    return tmp_path / "flag"


def test_a_killed_worker_is_noticed_though_a_child_of_its_world_has_all_that_it_had(made, tmp_path):
    world = World(Serving, {"folder": tmp_path, "home": os.getpid(), "forks": True})
    ours, theirs = made(world, num_workers=1), made(world)
    for copies in (ours, theirs):
        copies.reset()
    step(ours)
    step(theirs)
    kill_worker()
    assert_go_on_alike(ours, theirs, 8, np.random.default_rng(0))


@pytest.mark.parametrize("how", ["lock", "sleep"])
@pytest.mark.parametrize("drops", [False, True])
def test_a_call_of_c_that_lets_nobody_else_run_is_given_up_too(made, flag, how, drops):
    world = World(Striking, {"flag": flag, "how": how})
    copies = made(world, num_envs=1, num_workers=1, watch=Watch(0.5))
    dropped: list[Drop] = []

    def following(drop: Drop) -> Setting:
        dropped.append(drop)
        flag.unlink()
        return Setting()

    copies.starts.on_failure = following if drops else None
    copies.reset()
    flag.touch()
    if drops:
        step(copies, 9)
        assert [(drop.number, drop.step) for drop in dropped] == [(0, 3)]
        assert [(tape.number, tape.length) for tape in copies.tapes()] == [(2, 1)]
    else:
        with pytest.raises(TrainingEnvironmentError, match="hangs"):
            step(copies, 4)


@pytest.mark.parametrize("deadline", [None, 0.5])
def test_a_world_that_closes_what_its_worker_has_open_is_to_blame(made, flag, deadline):
    world = World(Striking, {"flag": flag, "how": "shut"})
    copies = made(world, num_envs=2, num_workers=1, watch=Watch(deadline))
    copies.reset()
    flag.touch()
    with pytest.raises(TrainingEnvironmentError, match="copy 0"):
        step(copies, 4)


def seen_of(copies: Copies, steps: int) -> list[Any]:
    """What copies play and show in so many steps, and how often they were dropped in a row."""
    seen: list[Any] = []
    for _ in range(steps):
        step(copies)
        seen.append([(tape.task, tape.seed, tape.length) for tape in copies.tapes()])
        seen.append([(episode.copy, episode.task) for episode in copies.episodes])
        seen.append([str(drop) for drop in copies.starts.drops])
        seen.append(list(copies.starts.in_a_row))
        seen.append(copies.arrays.observations["group 0"].tolist())
    return seen


@pytest.mark.parametrize("about", ["drop", "task"])
def test_nobody_is_asked_again_what_was_answered_before_a_worker_was_lost(made, flag, about):
    """Copy 0 has the trainer asked; in the same step the next episode of copy 1 kills them both."""
    first = {"breaks": True} if about == "drop" else {"limit": 3}
    sides: list[Any] = []
    for workers in (0, 1):
        copies = made(World(Obeying, {"flag": flag}), num_envs=4, num_workers=workers)
        asked: list[Any] = []

        def dropped(drop: Drop, asked: list[Any] = asked) -> Setting:
            asked.append(str(drop))
            return Setting(f"after {len(asked)}")

        def failed(copy: int, error: TaskGenerationError, asked: list[Any] = asked) -> Setting:
            asked.append((copy, str(error)))
            return Setting(f"other {len(asked)}")

        copies.starts.on_failure, copies.starts.on_task_failure = dropped, failed
        for copy in range(4):
            options = {0: first, 1: {"limit": 3}}.get(copy, {})
            copies.prepare(copy, Setting("first", options=options))
        copies.reset()
        for copy in range(4):
            copies.prepare(copy, Setting("second", options={"dies": True} if copy == 1 else {}))
        if about == "task":
            copies.prepare(0, Setting("impossible", {"agents": "x"}))
        if workers:
            flag.touch()
        sides.append((seen_of(copies, 12), asked))
        assert not flag.exists()
    assert sides[0] == sides[1]
    assert len(sides[0][1]) == 1


def test_nobody_is_asked_again_in_a_reset_either(made, flag):
    sides: list[Any] = []
    for workers in (0, 1):
        copies = made(World(Obeying, {"flag": flag}), num_workers=workers)
        asked: list[str] = []

        def failed(copy: int, error: TaskGenerationError, asked: list[str] = asked) -> Setting:
            asked.append(str(error))
            return Setting(f"other {len(asked)}")

        copies.starts.on_task_failure = failed
        copies.prepare(0, Setting("impossible", {"agents": "x"}))
        copies.prepare(2, Setting("deadly", options={"dies": True}))
        if workers:
            flag.touch()
        copies.reset()
        assert not flag.exists()
        sides.append((seen_of(copies, 12), asked))
    assert sides[0] == sides[1]
    assert len(sides[0][1]) == 1


def test_drops_in_a_row_are_counted_across_losses(made):
    world = World(worlds.Failing, {"every": 2, "at": 2})
    sides: list[Any] = []
    for kills in (False, True):
        copies = made(world, num_envs=4, num_workers=int(kills))
        copies.starts.on_failure = lambda drop: Setting()
        copies.reset()
        seen: list[Any] = []
        for at in range(9):
            if kills and at in (3, 6):
                kill_worker()
            step(copies)
            seen.append(list(copies.starts.in_a_row))
        sides.append(seen)
    assert sides[0] == sides[1]
    assert max(map(max, sides[0])) > 1


def test_worlds_that_always_end_their_worker_are_counted_as_dropped_in_a_row(made, flag):
    world = World(Striking, {"flag": flag, "how": "die", "at": 1})
    copies = made(world, num_envs=1, num_workers=1)
    copies.starts.on_failure = lambda drop: Setting()
    flag.touch()
    copies.reset()
    for times in (1, 2):
        step(copies)
        assert copies.starts.in_a_row == [times]
    flag.unlink()
    step(copies, 5)
    assert copies.starts.in_a_row == [0]


def test_all_workers_go_through_sets_in_the_same_order(made, monkeypatch):
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    copies = made(World(Unordered), num_envs=2, num_workers=2)
    copies.reset()
    first, second = copies.arrays.observations["group 0"]
    assert first.tolist() == second.tolist()
    before = first.tolist()
    kill_worker()
    step(copies)
    assert copies.arrays.observations["group 0"][0].tolist() == before


def test_a_replacement_begins_in_the_folder_in_which_the_first_began(made, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    (tmp_path / "level.txt").write_text("7")
    monkeypatch.chdir(tmp_path)
    ours, theirs = made(World(AtHome), num_workers=1), made(World(AtHome))
    for copies in (ours, theirs):
        copies.reset()
    monkeypatch.chdir(tmp_path / "other")
    kill_worker()
    assert_go_on_alike(ours, theirs, 8, np.random.default_rng(0))
