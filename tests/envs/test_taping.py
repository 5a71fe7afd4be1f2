"""Tapes of what runs: every action as it was given, who acted, and digests that part in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from daf_nb.envs import (
    AgentVecEnv,
    Copies,
    Layout,
    Setting,
    Tape,
    World,
    agent_spaces,
    merge_layouts,
    play,
)
from daf_nb.envs.digests import differing
from daf_nb.errors import ConfigError
from daf_nb.testing import SCENARIOS, Scripted
from tests import worlds
from tests.envs.acting import allowed, copies_of, play_on


class Acting(Scripted):
    """Acts in `space`."""

    def __init__(self, *, space: spaces.Space, limit: int = 6):
        self.space = space
        super().__init__(agents=2, limit=limit)

    def make_action_space(self, agent):
        return self.space


def collected(copies: Copies) -> list[Tape]:
    kept: list[Tape] = []
    copies.on_tape = lambda episode, tape: kept.append(tape())
    return kept


def played(copies: Copies, steps: int, seed: int = 0) -> tuple[list[Any], list[Tape]]:
    """Plays; (copy, episode, agent) -> the actions that were given, and the finished tapes."""
    kept, given = collected(copies), {}
    copies.reset()
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        actions = allowed(copies, rng)
        for name, columns in copies.arrays.groups.items():
            for place, agent in enumerate(copies.arrays.agents[columns]):
                for tape in copies.tapes():
                    if copies.arrays.alive[tape.copy, columns][place]:
                        key = tape.copy, tape.number, agent
                        step = tape.length, np.array(actions[name][tape.copy, place])
                        given.setdefault(key, []).append(step)
        copies.step(actions)
    return list(given.items()), kept


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_tape_holds_every_action_of_those_who_acted_and_zeros_elsewhere(scenario):
    copies = copies_of(World(SCENARIOS[scenario]))
    given, kept = played(copies, 40)
    by_episode = {(t.copy, t.number): t for t in [*kept, *copies.tapes()]}
    acted = {key: np.zeros_like(tape.acted) for key, tape in by_episode.items()}
    for (copy, number, agent), steps in given:
        tape = by_episode[copy, number]
        for step, action in steps:
            assert tape.actions[agent][step] == action
            acted[copy, number][step, tape.agents.index(agent)] = True
    for key, tape in by_episode.items():
        assert np.array_equal(tape.acted, acted[key])
        for place, agent in enumerate(tape.agents):
            assert not tape.actions[agent][~tape.acted[:, place]].any()
        assert tape.agent_steps == acted[key].sum()


@pytest.mark.parametrize(
    ("space", "dtype"),
    [
        (spaces.Discrete(2), np.uint8),
        (spaces.Discrete(256), np.uint8),
        (spaces.Discrete(257), np.uint16),
        (spaces.Box(-1, 1, (2,), np.float32), np.float32),
        (spaces.Box(-1, 1, (2, 2), np.float64), np.float64),
        (spaces.Box(-1, 1, (), np.float32), np.float32),
        (spaces.MultiDiscrete([3, 300]), np.int64),
        (spaces.MultiBinary(3), np.int8),
    ],
)
def test_actions_of_every_space_are_kept_and_played_as_they_were_given(space, dtype):
    seen: list[Any] = []

    class Watching(Acting):
        def step(self, actions):
            seen.append({agent: (type(a), np.asarray(a).tolist()) for agent, a in actions.items()})
            return super().step(actions)

    copies = copies_of(World(Watching, {"space": space}), num_envs=1)
    (kept, _) = collected(copies), copies.reset()
    play_on(copies, 6, np.random.default_rng(0))
    (tape,), first = kept, seen[:]
    assert {actions.dtype for actions in tape.actions.values()} == {np.dtype(dtype)}
    seen.clear()
    for _ in play(Tape.from_bytes(tape.to_bytes()), World(Watching, {"space": space})):
        pass
    assert seen == first


def test_actions_wider_than_their_space_are_kept_as_wide():
    """The world gets them as they are, so the tape does."""
    copies = copies_of(World(worlds.Continuous), num_envs=1)
    copies.reset()
    narrow = np.full((1, 2, 2), 0.1, np.float32)
    copies.step({"group 0": narrow.astype(np.float64) + 1e-12})
    (tape,) = copies.tapes()
    assert tape.actions["agent_0"].dtype == np.float64
    assert tape.actions["agent_0"][0, 0] == np.float64(np.float32(0.1)) + 1e-12
    copies.step({"group 0": narrow})
    (tape,) = copies.tapes()
    assert tape.actions["agent_0"][:, 0].tolist() == [np.float32(0.1) + 1e-12, np.float32(0.1)]


def test_an_action_that_the_world_writes_into_is_kept_as_it_was_given():
    class Clipping(worlds.Continuous):
        def step(self, actions):
            for action in actions.values():
                action[...] = 0
            return super().step(actions)

    copies = copies_of(World(Clipping), num_envs=1)
    copies.reset()
    copies.step({"group 0": np.ones((1, 2, 2), np.float32)})
    assert copies.tapes()[0].actions["agent_1"].tolist() == [[1, 1]]


def test_tapes_in_progress_are_copies_and_stay_as_they_were():
    copies = copies_of(World(worlds.Counting))
    copies.reset()
    rng = np.random.default_rng(0)
    play_on(copies, 3, rng)
    before = copies.tapes()
    content = [tape.to_bytes() for tape in before]
    play_on(copies, 30, rng)
    assert [tape.to_bytes() for tape in before] == content
    assert [(tape.length, tape.finished) for tape in before] == [(3, False)] * 3


def test_a_long_episode_beside_short_ones_keeps_all_its_steps():
    """The log is moved and grown many times; what it keeps must not move within an episode."""
    lengths = iter([3, 700, 11])
    copies = Copies(lambda: Scripted(agents=2, limit=next(lengths)), num_envs=3, seed=1)
    rng, given = np.random.default_rng(0), []
    kept = collected(copies)
    copies.reset()
    for _ in range(1500):
        given.append(allowed(copies, rng)["all"])
        copies.step({"all": given[-1]})
    stack = np.stack(given)
    starts = dict.fromkeys(range(3), 0)
    for tape in [*kept, *copies.tapes()]:
        begin = starts[tape.copy]
        starts[tape.copy] += tape.length
        for place, agent in enumerate(tape.agents):
            expected = stack[begin : begin + tape.length, tape.copy, place]
            assert np.array_equal(tape.actions[agent], expected)
    assert starts == dict.fromkeys(range(3), 1500)
    assert sorted({tape.length for tape in kept}) == [3, 11, 700]


def test_a_listener_is_told_of_every_episode_within_its_last_step_and_may_decline():
    copies = copies_of(World(worlds.Counting, {"limit": 3}), num_envs=2)
    told: list[Any] = []

    def listen(episode, tape):
        told.append((episode, tape() if episode.copy else None))

    copies.on_tape = listen
    copies.reset()
    episodes = play_on(copies, 9, np.random.default_rng(0))
    assert [episode for episode, _ in told] == episodes
    tapes = [tape for _, tape in told if tape]
    assert [(t.copy, t.number, t.finished, t.length) for t in tapes] == [
        (1, number, True, 3) for number in range(3)
    ]
    assert [(t.seed, t.setting, t.returns) for t in tapes] == [
        (e.seed, e.setting, e.returns) for e in episodes if e.copy
    ]


def test_before_the_first_reset_there_are_no_tapes():
    with pytest.raises(ConfigError, match="call reset first"):
        AgentVecEnv(Scripted, num_envs=2).tapes()


def test_the_vec_env_gives_the_same_tapes():
    env = AgentVecEnv(Scripted, num_envs=2, seed=0, world=World(Scripted))
    kept: list[Tape] = []
    env.on_tape = lambda episode, tape: kept.append(tape())
    env.reset()
    for _ in range(7):
        env.step(np.ones(6, int))
    assert [(tape.copy, tape.length) for tape in [*kept, *env.tapes()]] == [
        (0, 5),
        (1, 5),
        (0, 2),
        (1, 2),
    ]
    assert kept[0].world == World(Scripted)
    assert env.on_tape is not None
    assert kept[0].mean_return == pytest.approx(5 * (1 + 1 + 0.1))


# Digests


def digests_of(world: type[Scripted], **env_kwargs: Any) -> np.ndarray:
    copies = copies_of(World(world, env_kwargs), num_envs=1, seed=9)
    kept = collected(copies)
    copies.reset()
    for _ in range(5):
        copies.step({name: np.ones((1, 2), int) for name in copies.arrays.groups})
    return kept[0].digests


class Odd(Scripted):
    """Something else in one place, from step `at` to the end."""

    def __init__(self, *, what: str = "", at: int = 3):
        self.what, self.at = what, at
        super().__init__(agents=2, limit=5)

    def observe(self, agent):
        seen = super().observe(agent)
        if self.what == "observations" and self.elapsed >= self.at and agent == "agent_1":
            seen[1] = np.nextafter(seen[1], np.float32(9))
        return seen

    def reward(self, agent, action):
        odd = self.what == "rewards" and self.elapsed >= self.at and agent == "agent_1"
        return super().reward(agent, action) + (1e-6 if odd else 0.0)

    def step(self, actions):
        result = super().step(actions)
        if self.what == "ends" and self.elapsed == self.limit:
            result[2]["agent_1"] = True
        return result


@pytest.mark.parametrize(
    ("what", "at", "first"),
    [
        ("observations", 0, 0),
        ("observations", 3, 3),
        ("observations", 5, 5),
        ("rewards", 1, 1),
        ("rewards", 5, 5),
        ("ends", 5, 5),
    ],
)
def test_digests_part_at_the_first_step_that_differs_and_say_in_what(what, at, first):
    plain, odd = digests_of(Odd), digests_of(Odd, what=what, at=at)
    assert len(plain) == len(odd) == 6
    assert np.flatnonzero(plain != odd)[0] == first
    assert differing(*np.stack([plain, odd])[:, first]) == [what]


def test_digests_are_the_same_however_agents_are_grouped_padded_and_batched():
    """For a tape taken in training is played on the bare world, and the other way round."""
    kinds = {"few": worlds.TwoKinds(wolves=1), "many": worlds.TwoKinds()}
    spaces_of = {name: agent_spaces(world) for name, world in kinds.items()}
    padded = merge_layouts(
        {**spaces_of, "wide": agent_spaces(worlds.Shaped(agents=2, size=9))}, pad=True, goal_size=2
    )
    plain = Layout(spaces_of["many"])
    taken = []
    for layout, num_envs in ((plain, 1), (plain, 7), (padded, 2)):
        groups = {agent: [agent] for agent in layout.spaces}
        copies = Copies(worlds.TwoKinds, groups=groups, num_envs=num_envs, seed=3, layout=layout)
        copies.prepare(0, Setting("a", goal=np.ones(2) if layout is padded else None))
        kept = collected(copies)
        copies.reset()
        for _ in range(5):
            copies.step({name: np.ones((num_envs, 1), int) for name in groups})
        taken.append(next(tape.digests for tape in kept if tape.copy == 0).tolist())
    assert taken[0] == taken[1] == taken[2]
    assert len(set(taken[0])) == 6


def test_of_large_observations_a_comb_of_elements_counts():
    class Pictures(Scripted):
        def __init__(self, *, spot: int = 0):
            self.spot = spot
            super().__init__(agents=2, limit=5)

        def make_observation_space(self, agent):
            return spaces.Box(0, 255, (40, 50, 3), np.uint8)

        def observe(self, agent):
            picture = np.full((40, 50, 3), self.elapsed, np.uint8)
            picture.reshape(-1)[self.spot] += 1
            return picture

    first, same, other = (digests_of(Pictures, spot=spot) for spot in (0, 0, 2))
    assert np.array_equal(first, same)
    assert (first != other).all()
    copies = copies_of(World(Pictures))
    copies.reset()
    assert copies.tapes()[0].stride == 2
