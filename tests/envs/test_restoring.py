"""Copies put back into the middle of their episodes: from there on, bit for bit as before."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from daf_nb.envs import (
    AgentVecEnv,
    Copies,
    Layout,
    Setting,
    Tape,
    World,
    agent_spaces,
    merge_layouts,
    set_stage,
)
from daf_nb.errors import ConfigError, TrainingEnvironmentError
from daf_nb.testing import SCENARIOS, Scripted
from tests import worlds
from tests.envs.acting import allowed, assert_alike, assert_go_on_alike, copies_of, play_on

TINY = {
    "counting": World(worlds.Counting),
    "staggered": World(worlds.Staggered),
    "visiting": World(worlds.Visiting),
    "seed echo": World(worlds.SeedEcho),
    "two kinds": World(worlds.TwoKinds),
    "continuous": World(worlds.Continuous),
    "masked": World(worlds.Masked),
    "masked in its observation": World(worlds.Masked, {"in_observation": True}),
    "shaped": World(worlds.Shaped, {"masking": True}),
    **{f"scripted, {name}": World(make) for name, make in SCENARIOS.items()},
}

REAL = {
    "simple_spread": World("mpe2.simple_spread_v3"),
    "simple_spread, continuous": World("mpe2.simple_spread_v3", {"continuous_actions": True}),
    "simple_tag": World("mpe2.simple_tag_v3"),
    "sparse_spread": World("daf_nb.envs.sparse_spread"),
    "knights": World("butterfly/knights_archers_zombies-v11", {"max_cycles": 60}),
    "multiwalker": World("sisl/multiwalker-v9", {"n_walkers": 2, "max_cycles": 60}),
    "pursuit": World("sisl/pursuit-v5", {"max_cycles": 20, "n_pursuers": 4}),
    "pistonball": World("butterfly/pistonball-v6", {"n_pistons": 4, "max_cycles": 20}),
    "wrapped": World("mpe2.simple_tag_v3", {}, ("pad_observations_v0", ("frame_stack_v1", {}))),
}


def through_bytes(tapes: list[Tape]) -> list[Tape]:
    """As a checkpoint keeps them; the callables of worlds are not needed to go on."""
    return [Tape.from_bytes(tape.to_bytes()) for tape in tapes]


@pytest.mark.parametrize("name", TINY)
def test_tiny_worlds_go_on_as_they_would_have_from_every_step(name):
    world = TINY[name]
    for before in range(13):
        ours = copies_of(world)
        ours.reset()
        rng = np.random.default_rng(before)
        play_on(ours, before, rng)
        theirs = copies_of(world)
        theirs.restore(through_bytes(ours.tapes()))
        assert_alike(ours, theirs)
        assert assert_go_on_alike(ours, theirs, 20, rng) > 3


@pytest.mark.parametrize("name", REAL)
def test_real_worlds_go_on_as_they_would_have(name):
    world = REAL[name]
    ours = copies_of(world)
    ours.reset()
    rng = np.random.default_rng(3)
    ended = play_on(ours, 32, rng)
    while min(tape.length for tape in ours.tapes()) < 3:
        ended += play_on(ours, 1, rng)
    theirs = copies_of(world)
    theirs.restore(through_bytes(ours.tapes()))
    assert_alike(ours, theirs)
    ended += [None] * assert_go_on_alike(ours, theirs, 90, rng)
    assert len(ended) > 3


def test_the_vec_env_returns_the_observations_and_knows_the_episodes_reset_infos():
    ours = AgentVecEnv(worlds.Masked, num_envs=2, seed=3)
    ours.reset()
    for _ in range(7):
        ours.step(ours.action_masks().argmax(-1))
    theirs = AgentVecEnv(worlds.Masked, num_envs=2, seed=3)
    observations = theirs.restore(ours.tapes())
    assert_array_equal(observations, ours.copies.arrays.observations["all"].reshape(4, 3))
    assert_array_equal(theirs.action_masks(), ours.action_masks())
    assert str(theirs.reset_infos) == str(ours.reset_infos)
    for _ in range(9):
        actions = ours.action_masks().argmax(-1)
        for one, other in zip(ours.step(actions), theirs.step(actions), strict=True):
            assert str(one) == str(other)


def test_what_was_restored_can_be_taped_and_restored_again():
    world = World(worlds.Staggered)
    ours, second, third = (copies_of(world) for _ in range(3))
    ours.reset()
    rng = np.random.default_rng(0)
    play_on(ours, 3, rng)
    second.restore(ours.tapes())
    assert_go_on_alike(ours, second, 2, rng)
    third.restore(second.tapes())
    assert_go_on_alike(ours, third, 30, rng)


def test_rewards_and_ends_of_the_last_step_are_not_restored():
    ours = copies_of(World(worlds.Counting))
    ours.reset()
    play_on(ours, 4, np.random.default_rng(0))
    theirs = copies_of(World(worlds.Counting))
    theirs.restore(ours.tapes())
    assert ours.arrays.rewards.any()
    assert not theirs.arrays.rewards.any()
    assert (theirs.ends, theirs.episodes) == ([], [])


# Settings


@dataclass(frozen=True)
class Ticket:
    """What a chooser knows a setting by."""

    task: str
    index: int
    point: tuple[float, ...] | None = None


def stage(number: int) -> Setting:
    prepare = partial(set_stage, number)
    return Setting(f"stage {number}", prepare=prepare, family="curriculum_stage")


def changing(copies: Copies, numbers: list[int], make: Any) -> None:
    """Prepares for every copy what is to follow its present episode, as courses do."""
    for copy in range(copies.num_envs):
        numbers[copy] += 1
        copies.prepare(copy, make(copy, numbers[copy]))


def with_settings(copies: Copies, numbers: list[int], make: Any, steps: int, rng: Any) -> None:
    for _ in range(steps):
        copies.step(allowed(copies, rng))
        for episode in copies.episodes:
            numbers[episode.copy] += 1
            copies.prepare(episode.copy, make(episode.copy, numbers[episode.copy]))


def shaped_setting(copy: int, number: int) -> Setting:
    """Another world, other options, goal and tag for each episode of each copy."""
    rng = np.random.default_rng([copy, number])
    kwargs: dict[str, Any] = {"agents": int(rng.integers(1, 4)), "size": int(rng.integers(3, 7))}
    if number % 3:
        kwargs |= {"deaths": {0: 2}, "num_actions": int(rng.integers(2, 5))}
    return Setting(
        f"task {number}",
        {} if number % 4 == 3 else kwargs,
        {"level": number, "note": (copy, None)},
        goal=rng.random(2).astype(np.float32),
        tag=Ticket(f"task {number}", number, (0.5,)),
    )


def staged_setting(copy: int, number: int) -> Setting:
    """mpe2's own curriculum, its stages and plain episodes mixed."""
    return stage(number % 2) if number % 3 else Setting("plain", {"N": 3 + number % 2})


def staged(env: Any) -> None:
    env.set_stage(7)


def sparse_setting(copy: int, number: int) -> Setting:
    return Setting("near", options={"difficulty": (1 + number + copy) / 20})


SHAPED_TASKS = [
    {"agents": 3, "size": 6, "num_actions": 4, "masking": True},
    {"agents": 2, "size": 3, "masking": True},
]
SHAPED = merge_layouts(
    {str(i): agent_spaces(worlds.Shaped(**kwargs)) for i, kwargs in enumerate(SHAPED_TASKS)},
    pad=True,
    goal_size=2,
)
SPREAD = {"curriculum": True, "num_agent_neighbors": 2, "num_landmark_neighbors": 2}
CURRICULA = {
    "worlds rebuilt, options, goals": (
        World(worlds.Shaped, {"masking": True}),
        shaped_setting,
        SHAPED,
    ),
    "stages and worlds rebuilt": (
        World("mpe2.simple_spread_v3", {**SPREAD, "max_cycles": 7}),
        staged_setting,
        merge_layouts(
            {
                str(n): agent_spaces(World("mpe2.simple_spread_v3", {**SPREAD, "N": n}).build())
                for n in (3, 4)
            }
        ),
    ),
    "options": (
        World("daf_nb.envs.sparse_spread", {"max_cycles": 6}),
        sparse_setting,
        Layout(agent_spaces(World("daf_nb.envs.sparse_spread").build())),
    ),
}


@pytest.mark.parametrize("name", CURRICULA)
@pytest.mark.parametrize("before", [0, 1, 5, 17])
def test_settings_of_this_episode_and_of_the_next_come_back(name, before):
    world, make, layout = CURRICULA[name]

    def copies() -> Copies:
        return Copies(
            world.build,
            num_envs=3,
            seed=8,
            layout=layout,
            rebuild=lambda changed: world.changed(changed).build(),
        )

    ours, numbers, rng = copies(), [-1] * 3, np.random.default_rng(before)
    changing(ours, numbers, make)
    ours.reset()
    changing(ours, numbers, make)
    with_settings(ours, numbers, make, before, rng)
    tapes = through_bytes(ours.tapes())
    if make is shaped_setting:
        assert tapes[1].setting.tag["task"] == ours.tapes()[1].setting.task
    theirs, again = copies(), numbers[:]
    theirs.restore([tape.remade(retagged) for tape in tapes])
    assert_alike(ours, theirs)
    state = rng.bit_generator.state
    told: list[Any] = []
    for one, counted in ((ours, numbers), (theirs, again)):
        rng.bit_generator.state = state
        for _ in range(25):
            with_settings(one, counted, make, 1, rng)
            told.append([(e.task, dict(e.returns), e.options, e.setting.tag) for e in one.episodes])
            told.append(one.arrays.observations["all"].tobytes())
    assert told[:50] == told[50:]
    assert sum(map(len, told[:50:2])) > 5


def retagged(setting: Setting) -> Setting:
    """What learns from settings knows how to make a tag of a dict again."""
    return dataclasses.replace(setting, tag=setting.tag and Ticket(**setting.tag))


def test_a_setting_that_is_no_plain_data_must_be_given_again():
    ours = copies_of(World(worlds.Shaped), num_envs=1)
    setting = Setting("staged", prepare=staged)
    ours.prepare(0, setting)
    ours.reset()
    play_on(ours, 2, np.random.default_rng(0))
    (live,), (kept,) = ours.tapes(), through_bytes(ours.tapes())
    assert kept.missing == ("world", "setting.prepare", "next_setting.prepare")
    for tape, fits in ((live, True), (kept.remade(lambda s: setting), True), (kept, False)):
        theirs = copies_of(World(worlds.Shaped), num_envs=1)
        if fits:
            theirs.restore([tape])
            assert_alike(ours, theirs)
        else:
            with pytest.raises(ConfigError, match=r"setting\.prepare.*tape\.remade"):
                theirs.restore([tape])


# Single copies, and worlds that fail


def test_copies_without_a_tape_go_on_where_they_are():
    ours, theirs = (copies_of(World(worlds.Staggered)) for _ in range(2))
    rng = np.random.default_rng(0)
    for copies in (ours, theirs):
        copies.reset()
    assert_go_on_alike(ours, theirs, 9, rng)
    theirs.restore([ours.tapes()[1]])
    assert_alike(ours, theirs)
    assert_go_on_alike(ours, theirs, 20, rng)


def test_a_copy_with_a_long_episode_can_be_restored_into_copies_that_just_began():
    world = World(Scripted, {"limit": 400})
    ours, theirs = copies_of(world), copies_of(world)
    ours.reset()
    rng = np.random.default_rng(0)
    play_on(ours, 350, rng)
    theirs.reset()
    theirs.restore(ours.tapes())
    assert_go_on_alike(ours, theirs, 60, rng)


def test_after_a_world_raised_all_copies_can_go_back_to_before_the_step():
    class Failing(Scripted):
        strikes: list[int]

        def step(self, actions):
            if self.elapsed == 2 and self.strikes:
                self.strikes.pop()
                raise OSError("a lost connection")
            return super().step(actions)

    world = World(Failing)
    rng = np.random.default_rng(0)
    Failing.strikes = []
    ours, theirs = copies_of(world), copies_of(world)
    ours.reset()
    theirs.reset()
    Failing.strikes = []
    assert_go_on_alike(ours, theirs, 7, rng)
    actions = allowed(ours, rng)
    Failing.strikes = [1]
    with pytest.raises(TrainingEnvironmentError, match=r"copy 0, .*OSError: a lost connection"):
        theirs.step(actions)
    theirs.restore(theirs.tapes())
    assert_alike(ours, theirs)
    assert_go_on_alike(ours, theirs, 20, rng)


# What parts


class Moody(Scripted):
    """From step 3 on, another `what` than on its tape, if its instance is `moody`."""

    moody = False

    def __init__(self, *, what: str = "observations"):
        self.what = what
        super().__init__(agents=2, limit=9)

    @property
    def strikes(self) -> bool:
        return type(self).moody and self.elapsed >= 3

    def observe(self, agent):
        return super().observe(agent) + (self.strikes and self.what == "observations")

    def reward(self, agent, action):
        return super().reward(agent, action) + (self.strikes and self.what == "rewards")

    def step(self, actions):
        result = super().step(actions)
        if self.strikes and self.what == "agents" and "agent_1" in self.agents:
            self.agents = ["agent_0"]
            result[2]["agent_1"] = True
        if self.strikes and self.what == "raises":
            raise OSError("moody")
        return result


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("observations", "step 3 gave other observations than"),
        ("rewards", "step 3 gave other rewards than"),
        ("agents", "step 3 gave other ends than"),
        ("raises", "step 3: the world raised OSError: moody"),
    ],
)
def test_a_world_that_does_not_repeat_is_refused_with_copy_step_and_what(what, words):
    world = World(Moody, {"what": what})
    ours = copies_of(world)
    ours.reset()
    play_on(ours, 5, np.random.default_rng(0))
    tapes = ours.tapes()
    theirs = copies_of(world)
    Moody.moody = True
    try:
        with pytest.raises(TrainingEnvironmentError) as caught:
            theirs.restore(tapes[1:] + tapes[:1])
    finally:
        Moody.moody = False
    assert words in str(caught.value)
    assert "copy 1, episode 0" in str(caught.value)


def test_a_difference_before_an_error_is_told_instead_of_it():
    """Once a world has gone another way, the actions of the tape may be impossible in it."""

    class Fragile(Moody):
        def step(self, actions):
            if type(self).moody and self.elapsed == 5:
                raise OSError("not possible here")
            return super().step(actions)

    world = World(Fragile)
    ours = copies_of(world)
    ours.reset()
    play_on(ours, 7, np.random.default_rng(0))
    theirs = copies_of(world)
    Fragile.moody = True
    with pytest.raises(TrainingEnvironmentError, match="step 3 gave other observations") as caught:
        theirs.restore(ours.tapes())
    assert "not possible here" in str(caught.value.__cause__)


def test_tapes_of_other_copies_are_refused():
    world = World(Scripted)
    ours = copies_of(world)
    kept: list[Tape] = []
    ours.on_tape = lambda episode, tape: kept.append(tape())
    ours.reset()
    play_on(ours, 7, np.random.default_rng(0))
    tapes = ours.tapes()

    def refused(copies: Copies, given: list[Tape], words: str) -> None:
        with pytest.raises(ConfigError, match=words):
            copies.restore(given)

    refused(copies_of(world, seed=5), tapes, "was played with seed .* make them with the seed")
    refused(copies_of(world, num_envs=4), tapes, r"copies \[3\] play no episode yet")
    refused(copies_of(world, num_envs=2), tapes, r"2 copies; tapes came for copies \[2\]")
    refused(copies_of(world), kept[:1] + tapes[1:], "is of a finished episode")
    refused(copies_of(World(Scripted, {"agents": 2})), tapes, "agents that are not here: agent_2")
    refused(
        copies_of(World(worlds.Continuous, {"agents": 3})),
        tapes,
        r"actions of agent_0 of shape \(\); they are of shape \(2,\) here",
    )
