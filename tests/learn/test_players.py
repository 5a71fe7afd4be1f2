"""Policies that play on a seed: the same episode each time, and nobody trains them meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.callbacks import BaseCallback

import daf_nb as daf
from daf_nb.envs import World, play
from daf_nb.learn.players import PlayingStopped, players_in
from daf_nb.testing import Scripted
from tests.learn.helpers import make_trainer as trainer
from tests.notebook.helpers import graded
from tests.worlds import Counting, SeedEcho, Shaped, Staggered, TwoKinds, seed_of


def test_the_seed_is_the_worlds_own():
    tape = trainer(SeedEcho).players().tape(1234)
    assert tape.seed == 1234
    first = next(iter(play(tape)))
    assert seed_of(first.observations["agent_0"]) == 1234


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_seed_gives_one_episode_and_the_tape_plays(deterministic):
    players = trainer(Staggered).players()
    one, other = (players.tape(7, deterministic=deterministic) for _ in range(2))
    assert one.digest == other.digest
    assert one.finished and one.length == 6
    assert len(list(play(one))) == 7
    assert players.tape(8, deterministic=deterministic).digest != one.digest


def test_modes_are_what_the_policies_predict():
    made = trainer(Staggered)
    tape = made.players().tape(3)
    model = made.policies["all"]
    for step in play(tape):
        for agent in step.env.agents:
            chosen, _ = model.predict(step.observations[agent], deterministic=True)
            assert tape.actions[agent][step.number] == chosen


def test_they_stay_as_they_are_while_the_trainer_goes_on():
    made = trainer(Counting)
    players = made.players()
    before = {k: v.clone() for k, v in players.policies["all"].state_dict().items()}
    made.train_episodes(4)
    after = made.policies["all"].policy.state_dict()
    assert any(not bool((after[k].cpu() == v).all()) for k, v in before.items())
    now = players.policies["all"].state_dict()
    assert all(bool((now[k] == v).all()) for k, v in before.items())
    assert (players.step, made.players().step) == (0, made.progress.step)


def test_playing_changes_nothing_of_a_training():
    undisturbed, disturbed = trainer(Counting), trainer(Counting)
    undisturbed.train()

    class Playing(BaseCallback):
        def _on_step(self) -> bool:
            disturbed.players().tape(1, deterministic=False)
            return True

    disturbed.train(callback=Playing())
    assert disturbed.fingerprint() == undisturbed.fingerprint()


def test_an_episode_that_does_not_end_is_cut_or_broken_off():
    players = trainer(lambda: Counting(limit=None)).players()
    tape = players.tape(0, longest=9)
    assert (tape.length, tape.finished) == (9, False)
    going = threading.Event()
    with pytest.raises(PlayingStopped):
        players.tape(0, going_on=going.is_set)


def test_tasks_are_played_at_their_greatest_difficulty_with_draws_of_the_seed():
    players = trainer(Shaped, curriculum_manager=graded("easy", "hard")).players()
    hard = players.tape(4, setting=players.setting("hard", seed=4))
    assert (hard.task, hard.setting.options) == ("hard", {"level": 1.0})
    assert players.setting(None, seed=4).task == "hard", "what the curriculum aims at"
    with pytest.raises(daf.ConfigError, match="Did you mean 'easy'"):
        players.setting("eazy", seed=0)
    with pytest.raises(daf.ConfigError, match="no curriculum"):
        trainer(Shaped).players().setting("hard", seed=0)


def test_a_tape_of_a_task_is_made_whole_again():
    players = trainer(Shaped, curriculum_manager=graded("easy", "hard")).players()
    tape = players.tape(4, setting=players.setting("hard", seed=4))
    again = players.remade(type(tape).from_bytes(tape.to_bytes()))
    assert again.setting.task == "hard"
    assert len(list(play(again, Shaped))) == tape.length + 1


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_other_seeds_than_worlds_take_are_refused(seed):
    with pytest.raises(daf.ConfigError, match=str(seed)):
        trainer(Counting).players().tape(seed)


def test_anybodys_policies_play_in_a_world_if_their_groups_are_its():
    made: Any = trainer(TwoKinds)
    players = players_in(World(TwoKinds), made.policies)
    assert players.tape(2).digest == made.players().tape(2).digest
    given = made.players().given({name: one.policy for name, one in made.policies.items()})
    assert given.tape(2).digest == made.players().tape(2).digest
    with pytest.raises(daf.ConfigError, match="its groups are wolf, sheep"):
        players_in(World(TwoKinds), {"all": made.policies["wolf"]})
    with pytest.raises(daf.ConfigError, match="wolf, sheep"):
        made.players().given({})
    with pytest.raises(daf.ConfigError, match="is a str"):
        made.players().given({"wolf": "x", "sheep": "y"})


def test_one_policy_for_each_agent_is_a_group_of_its_own():
    made = trainer(lambda: Scripted(agents=["b", "a"]), share="none")
    players = players_in(World(lambda: Scripted(agents=["b", "a"])), made.policies)
    assert players.groups == {"b": ["b"], "a": ["a"]}
    np.testing.assert_array_equal(players.tape(1).digests, made.players().tape(1).digests)
