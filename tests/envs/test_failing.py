"""Copies whose worlds fail: what is said, and episodes that are dropped so that others go on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from daf_nb.envs import Copies, Drop, Setting, Watch, agent_spaces
from daf_nb.envs.starting import MOST_IN_A_ROW
from daf_nb.errors import TrainingEnvironmentError
from tests import worlds
from tests.envs.acting import allowed


class Fresh(worlds.Failing):
    """Its own count of instances."""

    made = closed = 0


def dropping(make: Callable[[], Any], *, num_envs: int = 3, seed: int = 4, **kwargs: Any) -> Copies:
    """Copies that drop what fails, and prepare tasks "0", "1" and so on in order of asking."""
    agents = list(agent_spaces(make()))
    copies = Copies(make, groups={"all": agents}, num_envs=num_envs, seed=seed, **kwargs)
    asked = iter(range(10**6))
    copies.starts.on_failure = lambda drop: Setting(task=f"after {next(asked)}")
    return copies


def played(copies: Copies, steps: int) -> list[Drop]:
    rng, drops = np.random.default_rng(0), []
    copies.reset()
    drops += copies.starts.drops
    for _ in range(steps):
        copies.step(allowed(copies, rng))
        drops += copies.starts.drops
    return drops


@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.parametrize("how", ["raise", "memory", "exit", "nan", "shape"])
def test_an_episode_that_fails_is_dropped_and_its_copy_goes_on_with_the_next(how, at):
    copies = dropping(lambda: worlds.Failing(how=how, at=at))
    drops = played(copies, 40)
    assert len(drops) > 5
    for drop in drops:
        assert drop.seed % 3 == 1, "those are what fails"
        assert drop.step == at
        assert drop.seed == copies._seeds(drop.copy, drop.number)
    numbers = [[drop.number for drop in drops if drop.copy == copy] for copy in range(3)]
    assert all(ours == sorted(set(ours)) for ours in numbers), "each of them once"
    assert copies.playing


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raise", "the world raised RuntimeError: the world broke at step 3"),
        ("memory", "the world found no more memory (MemoryError)"),
        ("exit", "the world called sys.exit(3)"),
        ("nan", "observation of agent_1 is nan, after action"),
        ("shape", "agent_1 observed an array of shape (2,); its space says (3,)"),
    ],
)
def test_a_drop_says_where_and_what(how, words):
    drop = played(dropping(lambda: worlds.Failing(how=how)), 30)[0]
    where = f"copy {drop.copy}, episode {drop.number} (seed {drop.seed}), step 3: {words}"
    assert str(drop).startswith(where)
    assert drop.to_plain()["error"].startswith(words)


def test_nothing_of_the_step_that_failed_is_told():
    copies = dropping(lambda: worlds.Failing(how="raise", every=1), num_envs=2)
    copies.reset()
    rng = np.random.default_rng(0)
    for step in (1, 2):
        copies.step(allowed(copies, rng))
        assert copies.arrays.rewards.all(), step
    copies.step(allowed(copies, rng))
    assert not copies.arrays.rewards.any()
    assert not copies.ends
    assert not copies.episodes
    assert copies.arrays.alive.all(), "of the next episodes"
    assert [drop.number for drop in copies.starts.drops] == [0, 0]


def test_the_others_go_on_as_if_nothing_had_failed():
    """Copy by copy, what is shown is that of copies in which other episodes fail."""
    rng = np.random.default_rng(1)
    ours = dropping(lambda: worlds.Failing(every=3))
    theirs = dropping(lambda: worlds.Failing(how="none"))
    ours.reset()
    theirs.reset()
    same = np.ones(3, bool)
    compared = 0
    for _ in range(20):
        actions = allowed(ours, rng)
        ours.step(actions)
        theirs.step(actions)
        same[[drop.copy for drop in ours.starts.drops]] = False
        for copy in np.flatnonzero(same):
            compared += 1
            for one, other in zip(
                (ours.arrays.observations["all"], ours.arrays.rewards),
                (theirs.arrays.observations["all"], theirs.arrays.rewards),
                strict=True,
            ):
                np.testing.assert_array_equal(one[copy], other[copy])
    assert compared > 10
    assert not same.all()


def test_a_broken_instance_is_closed_once_and_replaced_by_a_fresh_one():
    Fresh.made = Fresh.closed = 0
    copies = dropping(Fresh)
    Fresh.made = 3
    before = list(copies.envs)
    drops = played(copies, 12)
    assert drops
    assert (Fresh.made, Fresh.closed) == (3 + len(drops), len(drops))
    for copy in {drop.copy for drop in drops}:
        assert copies.envs[copy] is not before[copy]
    copies.close()
    assert Fresh.closed == 3 + len(drops)


def test_what_was_prepared_is_played_next_and_what_is_asked_for_then_after_it():
    copies = dropping(lambda: worlds.Failing(every=1, at=2), num_envs=1)
    copies.prepare(0, Setting(task="first"))
    copies.reset()
    copies.prepare(0, Setting(task="second"))
    tasks = []
    rng = np.random.default_rng(0)
    for _ in range(8):
        copies.step(allowed(copies, rng))
        tasks += [drop.setting.task for drop in copies.starts.drops]
    assert tasks == ["first", "second", "after 0", "after 1"]


def test_it_is_the_same_again_and_other_instances_play_the_same():
    runs = [played(dropping(lambda: worlds.Failing(how="raise")), 60) for _ in range(2)]
    told = [[str(drop) for drop in drops] for drops in runs]
    assert told[0] == told[1]


@pytest.mark.parametrize("at", [0, 1, 4])
def test_a_copy_that_fails_again_and_again_ends_the_training(at):
    copies = dropping(lambda: worlds.Failing(every=1, at=at), num_envs=1)
    words = f"{MOST_IN_A_ROW} episodes of copy 0 were dropped one after the other, and none has"
    with pytest.raises(TrainingEnvironmentError, match=re.escape(words)) as caught:
        played(copies, 10_000)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_row_of_drops_ends_with_an_episode_that_ends():
    copies = dropping(lambda: worlds.Failing(every=2, at=2, limit=3), num_envs=1)
    most = 0
    rng = np.random.default_rng(0)
    copies.reset()
    for _ in range(300):
        copies.step(allowed(copies, rng))
        if copies.episodes and not copies.starts.drops:
            assert copies.starts.in_a_row == [0]
        most = max(most, *copies.starts.in_a_row)
    assert 1 < most < MOST_IN_A_ROW


def test_a_world_that_cannot_be_made_again_counts_as_the_next_episode_failing():
    made = []

    def make() -> worlds.Failing:
        if 3 < len(made) < 7:
            made.append(None)
            raise OSError("no licence is free")
        made.append(worlds.Failing(every=1, at=2, limit=4))
        return made[-1]

    copies = dropping(make, num_envs=1)
    copies.reset()
    rng = np.random.default_rng(0)
    drops = []
    while len(drops) < 6:
        copies.step(allowed(copies, rng))
        drops += copies.starts.drops
    assert [drop.number for drop in drops] == list(range(6))
    assert sum("no licence is free" in drop.what for drop in drops) == 3


def test_a_world_that_hangs_is_dropped_too_and_one_that_hangs_in_its_close_is_left_behind():
    class Clinging(worlds.Failing):
        def close(self) -> None:
            while True:
                pass

    watch = Watch(0.1)
    copies = dropping(lambda: Clinging(how="hang", every=2), num_envs=2, watch=watch)
    with watch.on():
        drops = played(copies, 10)
    assert drops
    assert {drop.what for drop in drops} == {"the world did not come back within 0.1 s"}
    assert all(drop.seed % 2 == 1 and drop.step == 3 for drop in drops)


def test_tapes_of_a_copy_in_a_new_instance_put_others_in_its_place():
    ours, rng = dropping(worlds.Failing), np.random.default_rng(0)
    ours.reset()
    dropped = 0
    for _ in range(25):
        ours.step(allowed(ours, rng))
        dropped += len(ours.starts.drops)
    assert dropped
    theirs = dropping(worlds.Failing)
    theirs.restore(ours.tapes())
    for _ in range(15):
        actions = allowed(ours, rng)
        ours.step(actions)
        theirs.step(actions)
        assert [str(drop) for drop in ours.starts.drops] == [str(d) for d in theirs.starts.drops]
        np.testing.assert_array_equal(
            ours.arrays.observations["all"], theirs.arrays.observations["all"]
        )


def test_what_to_do_about_memory_is_said_with_what_is_held():
    copies = Copies(lambda: worlds.Failing(how="memory", every=1), num_envs=1, seed=0)
    with pytest.raises(TrainingEnvironmentError, match="found no more memory") as caught:
        played(copies, 5)
    assert re.search(r"This process holds [\d,]+ MiB\. Use fewer copies", str(caught.value))
