"""Evaluation: whole episodes of whole copies, on seeds that training never sees, against chance."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from daf_nb.envs import EpisodeSeeds
from daf_nb.errors import ConfigError
from daf_nb.learn.evaluate import bootstrap_interval
from daf_nb.testing import Scripted
from tests import worlds
from tests.learn.helpers import Levers, Switches, make_trainer


class Ledger(Scripted):
    """Notes every episode's seed and every action over all of its instances."""

    def __init__(self, seeds, actions, **kwargs):
        super().__init__(**kwargs)
        self.seeds, self.actions = seeds, actions

    def reset(self, seed=None, options=None):
        self.seeds.append(seed)
        return super().reset(seed, options)

    def step(self, actions):
        self.actions.append(tuple(int(action) for action in actions.values()))
        return super().step(actions)


def ledger(**kwargs):
    """A trainer over a world with a ledger that starts behind the trainer's own episodes."""
    seeds, actions = [], []
    trainer = make_trainer(lambda: Ledger(seeds, actions, **kwargs), total_timesteps=10**6)
    return trainer, seeds, actions


@pytest.mark.parametrize("episodes", [1, 3, 8, 13])
def test_as_many_whole_episodes_as_asked_for_are_counted(episodes):
    """Counting gives each agent 1 a step for 10 steps, so that a torn episode would show."""
    result = make_trainer().evaluate_policy(episodes=episodes)
    assert result.n == len(result.returns) == episodes
    assert result.returns == (10.0,) * episodes
    assert (result.mean_reward, result.interval) == (10.0, (10.0, 10.0))
    assert (result.random_mean_reward, result.random_interval) == (10.0, (10.0, 10.0))
    assert (result.mean_length, result.success) == (10.0, None)
    assert result.agent_means == {"agent_0": 10.0, "agent_1": 10.0}


@pytest.mark.parametrize("episodes", [0, -1])
def test_an_evaluation_of_no_episodes_is_refused(episodes):
    with pytest.raises(ConfigError, match=f"episodes={episodes}"):
        make_trainer().evaluate_policy(episodes=episodes)


def test_the_configs_number_of_episodes_is_the_default():
    assert make_trainer(evaluation_episodes=4).evaluate_policy().n == 4


def test_short_episodes_are_not_counted_more_often():
    """An episode's length is drawn from its seed; whoever takes the first ones takes short ones."""

    class Uneven(Scripted):
        def reset(self, seed=None, options=None):
            result = super().reset(seed, options)
            self.limit = 2 if int(seed or 0) % 2 else 30
            return result

    trainer = make_trainer(lambda: Uneven(agents=1))
    result = trainer.evaluate_policy(episodes=16)
    seeds = EpisodeSeeds(0, num_envs=8, held_out=True)
    lengths = [2 if seeds(copy, number) % 2 else 30 for copy in range(8) for number in range(2)]
    assert result.mean_length == np.mean(lengths)


def test_evaluation_plays_seeds_that_training_never_plays():
    trainer, seeds, _ = ledger(agents=2, limit=2)
    trainer.train_episodes(200)
    trained = set(seeds)
    seeds.clear()
    trainer.evaluate_policy(episodes=40)
    assert len(set(seeds)) >= 40
    assert trained.isdisjoint(seeds)


def test_chance_is_measured_on_the_same_episodes():
    trainer, seeds, _ = ledger(agents=2, limit=3)
    trainer.evaluate_policy(episodes=5)
    assert len(seeds) % 2 == 0
    assert seeds[: len(seeds) // 2] == seeds[len(seeds) // 2 :]


@pytest.mark.parametrize("deterministic", [False, True])
def test_an_evaluation_repeats_itself(deterministic):
    trainer = make_trainer(worlds.Continuous)
    trainer.train()
    one, same = (trainer.evaluate_policy(episodes=6, deterministic=deterministic) for _ in range(2))
    assert one == same
    assert one.deterministic is deterministic
    assert len(set(one.returns)) > 1


def test_an_evaluation_after_training_says_the_same_as_one_amid_it():
    """Whatever was played in between: the seeds and the noise are the run's own."""
    amid = []
    trainer = make_trainer(worlds.Continuous, evaluation_interval=64, evaluation_episodes=3)
    trainer.train(on_evaluation_complete=amid.append)
    assert len(amid) == 2
    assert amid[0] == amid[1] == trainer.evaluate_policy()


def test_deterministic_plays_modes_and_stochastic_plays_samples():
    """The same agent in the same place: two of each in every step, always alike or not always."""

    class Twins(Ledger):
        def observe(self, agent):
            return np.array([1, 2, 3], np.float32)

    actions: list = []
    trainer = make_trainer(lambda: Twins([], actions, agents=2, limit=20))
    for deterministic, alike in ((True, True), (False, False)):
        actions.clear()
        trainer.evaluate_policy(episodes=1, deterministic=deterministic)
        ours = actions[:20]  # chance plays behind
        assert (len(set(ours)) == 1) is alike
    assert len(set(actions[20:40])) > 4


def test_a_return_is_per_agent_that_took_part():
    """The agents of Staggered earn 1, 2 and 3 a step and live 2, 4 and 6 steps."""
    result = make_trainer(worlds.Staggered).evaluate_policy(episodes=4)
    for agent, (low, high) in {
        "agent_0": (2, 2.4),
        "agent_1": (8, 8.8),
        "agent_2": (18, 19.2),
    }.items():
        assert low <= result.agent_means[agent] <= high
    assert result.mean_reward == pytest.approx(np.mean(list(result.agent_means.values())))
    absent = make_trainer(worlds.Visiting).evaluate_policy(episodes=6)
    # Index plus one for 4 steps, and up to 0.2 a step for the action, however rarely it came.
    assert all(4 * i <= absent.agent_means[f"agent_{i - 1}"] <= 4 * i + 0.8 for i in range(1, 5))


def test_training_goes_on_where_it_was_behind_an_evaluation():
    straight, looked = make_trainer(), make_trainer()
    straight.train_episodes(6)
    looked.train_episodes(2)
    looked.evaluate_policy(episodes=3, deterministic=True)
    looked.train_episodes(4)
    assert straight.fingerprint() == looked.fingerprint()


def test_evaluated_worlds_are_closed():
    class Closing(worlds.Counting):
        opened = closed = 0

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            Closing.opened += 1

        def close(self):
            Closing.closed += 1

    trainer = make_trainer(Closing)
    before = Closing.opened - Closing.closed
    trainer.evaluate_policy(episodes=3)
    assert Closing.opened - Closing.closed == before == 2


def test_the_interval_is_the_bootstraps():
    """Of the mean of n normal values: about 1.96 standard errors each way."""
    values = np.random.default_rng(1).normal(5, 2, 400)
    low, high = bootstrap_interval(list(values))
    error = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - error, abs=0.03)
    assert high == pytest.approx(values.mean() + error, abs=0.03)
    assert bootstrap_interval([3.0]) == (3.0, 3.0)


def test_an_evaluation_is_read_by_name():
    result = make_trainer().evaluate_policy(episodes=2)
    assert result["mean_reward"] == result.mean_reward
    assert str(result).startswith("return per agent 10.00 [10.00, 10.00] over 2 episodes; random")


def test_what_is_told_is_plain_data_whatever_number_a_world_gives():
    class Single(worlds.Counting):
        def reward(self, agent, action) -> Any:
            return np.float32(0.5)

    trainer = make_trainer(Single)
    results, evaluation = trainer.train(), trainer.evaluate_policy(episodes=2)
    plain = json.loads(json.dumps(evaluation.to_dict()))
    assert plain["agent_means"] == {"agent_0": 5.0, "agent_1": 5.0}
    assert json.loads(json.dumps(results)) == results
    metrics = trainer.get_training_metrics()
    assert json.loads(json.dumps(metrics)) == metrics


def test_every_kind_of_action_is_played_by_policy_and_by_chance():
    for world in (worlds.Continuous, Levers, Switches, worlds.Masked):
        algorithm = "MaskablePPO" if world is worlds.Masked else "PPO"
        result = make_trainer(world, algorithm=algorithm).evaluate_policy(episodes=2)
        assert result.n == 2
        assert result.mean_reward != result.random_mean_reward
