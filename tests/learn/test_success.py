"""Success: by a function, by bounds, or by the world's word."""

from __future__ import annotations

import math

import pytest

from daf_nb.envs import Episode, Setting
from daf_nb.errors import ConfigError
from daf_nb.learn.success import success_rule
from daf_nb.testing import Scripted
from tests import worlds
from tests.learn.helpers import make_trainer


def episode(mean_return=0.0, **info) -> Episode:
    return Episode(
        copy=0,
        number=0,
        seed=1,
        setting=Setting(),
        length=3,
        returns={"a": mean_return - 1, "b": mean_return + 1},
        terminated=False,
        info=info,
    )


@pytest.mark.parametrize(
    ("mean_return", "score"), [(-10, 0), (0, 0.5), (5, 0.75), (10, 1), (-99, 0), (99, 1)]
)
def test_bounds_scale_the_return_per_agent(mean_return, score):
    assert success_rule((-10, 10))(episode(mean_return)) == score


@pytest.mark.parametrize("bounds", [(math.nan, 1), (-math.inf, 0), (1,), ("a", "b"), "is_success"])
def test_what_is_no_rule_is_refused(bounds):
    with pytest.raises(ConfigError, match="two finite bounds"):
        success_rule(bounds)


def test_a_rule_that_raises_raises_its_own_error_with_the_episode_named():
    def broken(episode):
        return 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        success_rule(broken)(episode(0))
    assert caught.value.__notes__ == [
        "raised by success= for episode 0 in copy 0 (seed 1), after its 3 steps"
    ]


@pytest.mark.parametrize("value", [None, "good", [1]])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ConfigError, match="success must be a number"):
        success_rule(lambda episode: value)(episode(0))


@pytest.mark.parametrize("bounds", [(1, 0), (1, 1)])
def test_bounds_out_of_order_are_refused(bounds):
    with pytest.raises(ConfigError, match="the lower bound must come first"):
        success_rule(bounds)


def test_a_function_sees_the_episode():
    rule = success_rule(lambda episode: episode.length / 6 if episode.returns["b"] == 4 else 0)
    assert (rule(episode(3)), rule(episode(2))) == (0.5, 0)
    assert success_rule(lambda episode: True)(episode()) == 1


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_a_success_outside_zero_and_one_is_refused(value):
    with pytest.raises(ConfigError, match=r"success must be a number in \[0, 1\]"):
        success_rule(lambda episode: value)(episode())
    with pytest.raises(ConfigError, match=r"success must be a number in \[0, 1\]"):
        success_rule(None)(episode(a={"is_success": value}))


@pytest.mark.parametrize("key", ["is_success", "success"])
def test_the_worlds_word_is_averaged_over_the_agents_that_have_one(key):
    rule = success_rule(None)
    assert rule(episode(a={key: True}, b={key: False}, c={"other": 1})) == 0.5
    assert rule(episode(a={key: 0.25})) == 0.25
    assert rule(episode(a={"other": 1})) is None
    assert rule(episode()) is None


class Telling(Scripted):
    """agent_0 dies at step 2 having failed; agent_1 succeeds at the end, at step 4."""

    def __init__(self):
        super().__init__(agents=2, limit=4, deaths={0: 2})

    def info(self, agent):
        return {"is_success": self.index(agent) == 1 and self.elapsed == 4}


def test_an_agent_that_died_early_has_its_word():
    trainer = make_trainer(Telling)
    assert trainer.train()["completion_rate"] == 0.5
    assert trainer.evaluate_policy(episodes=3).success == 0.5


def test_success_is_what_a_task_is_judged_by_where_it_is_defined():
    """Counting returns 10 per agent."""
    trainer = make_trainer(success=(0, 40))
    results = trainer.train()
    assert (results["completion_rate"], results["avg_reward"]) == (0.25, 10)
    assert results["task_performance"] == {"tests.worlds:Counting": 0.25}
    assert trainer.get_training_metrics()["rollout/success_rate"] == 0.25
    assert trainer.evaluate_policy(episodes=2).success == 0.25


def test_a_rule_that_breaks_its_word_stops_the_run():
    trainer = make_trainer(worlds.Counting, success=lambda episode: 10)
    with pytest.raises(ConfigError, match="it is 10 for episode 0 in copy 0"):
        trainer.train()
