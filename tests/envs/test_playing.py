"""Playing a tape again: the same steps on a fresh instance, checked, and drawn on request."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from daf_nb.envs import Setting, Tape, World, play, set_stage
from daf_nb.errors import ConfigError, TrainingEnvironmentError
from daf_nb.testing import SCENARIOS, Scripted
from tests import worlds
from tests.envs.acting import allowed, copies_of, play_on
from tests.envs.test_restoring import REAL, TINY


def taped(world: World, *, steps: int = 12, **kwargs: Any) -> list[Tape]:
    """Finished tapes, then those in progress."""
    kept: list[Tape] = []
    copies = copies_of(world, **kwargs)
    copies.on_tape = lambda episode, tape: kept.append(tape())
    copies.reset()
    play_on(copies, steps, np.random.default_rng(0))
    return [*kept, *copies.tapes()]


@pytest.mark.parametrize("name", TINY)
def test_tiny_worlds_play_their_tapes(name):
    world = TINY[name]
    for tape in taped(world):
        steps = list(play(Tape.from_bytes(tape.to_bytes()), world))
        assert [step.number for step in steps] == list(range(tape.length + 1))
        totals = dict.fromkeys(tape.returns, 0.0)
        for step in steps[1:]:
            for agent in step.actions:
                totals[agent] += step.rewards[agent]
        assert totals == tape.returns
        assert bool(steps[-1].env.agents) != tape.finished


@pytest.mark.parametrize("name", REAL)
def test_real_worlds_play_their_tapes_from_what_they_say_alone(name):
    tapes = taped(REAL[name], steps=30, num_envs=2)
    for tape in tapes[:2] + tapes[-2:]:
        (*_, last) = play(Tape.from_bytes(tape.to_bytes()))
        assert last.number == tape.length


def test_a_step_holds_what_the_world_gave():
    world = World(worlds.Staggered)
    copies = copies_of(world, num_envs=1)
    copies.reset()
    rng, seen = np.random.default_rng(0), []
    for _ in range(5):
        actions = allowed(copies, rng)["group 0"][0]
        alive = copies.arrays.alive[0].copy()
        copies.step({"group 0": actions[None]})
        seen.append((actions, alive, copies.arrays.rewards[0].copy()))
    (tape,) = copies.tapes()
    first, *steps = play(tape)
    assert (first.actions, first.rewards, first.frame) == ({}, {}, None)
    assert sorted(first.observations) == ["agent_0", "agent_1", "agent_2"]
    for step, (actions, alive, rewards) in zip(steps, seen, strict=True):
        acted = [agent for agent, there in zip(tape.agents, alive, strict=True) if there]
        assert list(step.actions) == acted
        for agent in acted:
            at = tape.agents.index(agent)
            assert step.actions[agent] == actions[at]
            assert np.float32(step.rewards[agent]) == rewards[at]
    assert [agent for agent, ended in steps[1].terminations.items() if ended] == ["agent_0"]


def test_settings_are_played_too():
    world = World(worlds.Shaped)
    copies = copies_of(world, num_envs=1)
    copies.prepare(0, Setting("a", {"limit": 3}, {"level": 5}, partial(poked, 6)))
    copies.reset()
    play_on(copies, 2, np.random.default_rng(0))
    (tape,) = copies.tapes()
    (*_, last) = play(tape)
    assert last.observations["agent_0"].tolist() == [1, 6, 5, 2]
    kept = Tape.from_bytes(tape.to_bytes())
    with pytest.raises(ConfigError, match=r"setting\.prepare.*tape\.remade"):
        play(kept, world)
    (*_, last) = play(kept.remade(lambda setting: tape.setting), world)
    assert last.number == 2


def poked(stage: int, env: Any) -> None:
    env.set_stage(stage)


def test_a_stage_of_mpe2s_own_curriculum_is_on_the_tape():
    world = World("mpe2.simple_tag_v3", {"curriculum": True, "max_cycles": 4})
    tapes = []
    for stage in (0, 2):
        copies = copies_of(world, num_envs=1)
        copies.prepare(0, Setting(prepare=partial(set_stage, stage), family="curriculum_stage"))
        copies.reset()
        play_on(copies, 3, np.random.default_rng(0))
        tapes.append(Tape.from_bytes(copies.tapes()[0].to_bytes()))
    assert tapes[0].digest != tapes[1].digest
    for tape in tapes:
        assert [step.number for step in play(tape)] == [0, 1, 2, 3]


# Frames


def test_frames_are_drawn_of_every_step_and_change_nothing_of_it():
    """Pistonball shows its agents black pictures unless it is drawn."""
    for name in ("simple_spread", "pistonball", "multiwalker"):
        (tape, *_) = taped(REAL[name], steps=4, num_envs=1)
        plain, drawn = list(play(tape)), list(play(tape, render=True))
        frames = [np.asarray(step.frame) for step in drawn]
        assert {(f.dtype, f.ndim, f.shape[-1]) for f in frames} == {(np.dtype(np.uint8), 3, 3)}
        assert frames[0].any()
        assert any((frames[0] != frame).any() for frame in frames[1:])
        for one, other in zip(plain, drawn, strict=True):
            for agent, observation in one.observations.items():
                assert_array_equal(observation, other.observations[agent])


def test_a_world_that_is_drawn_anyway_is_built_once():
    built = []

    class Drawn(Scripted):
        def __init__(self, *, render_mode=None):
            super().__init__(limit=3)
            self.render_mode = render_mode
            built.append(self)

        def render(self) -> Any:
            return np.full((4, 5, 3), self.elapsed, np.uint8)

    (tape, *_) = taped(World(Drawn, {"render_mode": "rgb_array"}), steps=2, num_envs=1)
    built.clear()
    frames = [step.frame for step in play(tape, render=True)]
    assert [frame[0, 0, 0] for frame in frames if frame is not None] == [0, 1, 2]
    assert len(built) == 1


def test_only_the_frames_that_are_wanted_are_drawn():
    drawn = []

    class Drawn(Scripted):
        def __init__(self, *, render_mode=None):
            super().__init__(limit=6)
            self.render_mode = render_mode

        def render(self) -> Any:
            drawn.append(self.elapsed)
            return np.full((4, 5, 3), self.elapsed, np.uint8)

    tape = taped(World(Drawn), num_envs=1)[0]
    steps = list(play(tape, render=lambda number: number % 4 == 1))
    assert drawn == [1, 5]
    assert [step.number for step in steps if step.frame is not None] == [1, 5]


def test_a_world_that_cannot_be_drawn_says_so():
    class Unseen(Scripted):
        def __init__(self, *, render_mode=None):
            super().__init__(limit=3)

    for world, words in ((World(Scripted), "does not take"), (World(Unseen), "cannot be drawn")):
        with pytest.raises(ConfigError, match=words):
            next(play(taped(world)[0], render=True))
        next(play(taped(world)[0]))


# What parts


class Drifting(Scripted):
    """Sees more and more, from step 2 on, once `drift` is set."""

    drift = 0.0

    def observe(self, agent):
        return super().observe(agent) + np.float32(self.drift * (self.elapsed >= 2))


def test_what_differs_stops_the_playing_unless_nobody_checks(monkeypatch):
    (tape, *_) = taped(World(Drifting))
    monkeypatch.setattr(Drifting, "drift", 0.5)
    steps = play(tape)
    assert [next(steps).number, next(steps).number] == [0, 1]
    with pytest.raises(TrainingEnvironmentError, match="step 2 gave other observations than"):
        next(steps)
    assert [step.number for step in play(tape, check=False)] == list(range(6))


def test_other_agents_and_impossible_actions_are_told_with_their_step():
    tape = taped(World(Scripted, {"num_actions": 3}))[0]
    other = World(Scripted, {"deaths": {1: 2}})
    with pytest.raises(TrainingEnvironmentError, match="step 2 gave other ends than"):
        list(play(tape, other))
    with pytest.raises(TrainingEnvironmentError, match="step 3 gave other agents to act than"):
        list(play(tape, other, check=False))
    with pytest.raises(TrainingEnvironmentError, match="step 3 gave a RuntimeError"):
        list(play(tape, World(worlds.Raising, {"agents": 3}), check=False))


def test_worlds_are_closed_behind_the_last_step_and_when_nobody_looks_on():
    closed = []

    class Closing(Scripted):
        def close(self):
            closed.append(self)

    (tape, *_) = taped(World(Closing), num_envs=1)
    closed.clear()
    (*_, last) = play(tape)
    assert closed == [last.env]
    steps = play(tape)
    first = next(steps)
    steps.close()  # type: ignore[attr-defined] - it is a generator
    assert closed == [last.env, first.env]


# Which world


def test_a_world_is_built_on_a_tapes_word_only_if_it_is_known(tmp_path):
    tape = taped(World(SCENARIOS["a time limit"]))[0]
    for name in ("os:system", "tests.worlds:Counting", "this", "mpe2.simple_v3:os.system"):
        hostile = replace(tape, world=World(name, {"command": f"touch {tmp_path}/x"}))
        with pytest.raises(ConfigError, match="is not built on a tape's word"):
            play(Tape.from_bytes(hostile.to_bytes()))
    with pytest.raises(ConfigError, match="does not hold its world; give it"):
        play(replace(tape, world=None))
    assert not list(tmp_path.iterdir())


def test_a_world_that_is_given_is_built_with_the_tapes_arguments():
    tape = taped(World(worlds.Counting, {"limit": 3}))[0]
    kept = Tape.from_bytes(tape.to_bytes())
    assert kept.missing == ("world",)
    for world in (worlds.Counting, "tests.worlds:Counting", World(worlds.Counting, {"limit": 3})):
        (*_, last) = play(kept, world)
        assert (last.number, last.env.agents) == (3, [])


def test_callable_wrappers_must_be_given_with_the_world():
    def plain(env):
        return env

    world = World(worlds.Counting, {"limit": 3}, (plain,))
    kept = Tape.from_bytes(taped(world)[0].to_bytes())
    with pytest.raises(ConfigError, match=r"world\.wrappers\[0\].*give a World"):
        play(kept, worlds.Counting)
    (*_, last) = play(kept, world)
    assert last.number == 3
