"""One task only, by name or by place; and all tasks alike."""

from __future__ import annotations

import json

import pytest

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum import CurriculumManager
from daf_nb.errors import ConfigError
from tests.curriculum.strategies.helpers import make


@pytest.mark.parametrize("task", ["task 3", 3])
def test_only_the_chosen_task_has_a_share(task):
    assert make("fixed", task=task).shares().tolist() == [0, 0, 0, 1, 0]


def test_the_first_task_is_the_default():
    assert make("fixed").shares().tolist() == [1, 0, 0, 0, 0]


def test_uniform_shares_are_equal_and_not_zero():
    assert make("uniform").shares().tolist() == [1, 1, 1, 1, 1]


def test_a_fixed_difficulty_is_a_bound_that_only_others_move():
    strategy = make("fixed", difficulty=1.0)
    assert (strategy.bound, strategy.propose().difficulty) == (1.0, 1.0)
    for by in (-0.05, -0.05, 0.1, 0.3, -2.0):
        strategy.shift(by)
    assert strategy.bound == 0.0
    assert make("fixed").bound is None and not make("fixed").shift(0.1)


def test_a_fixed_difficulty_is_played_exactly_and_goes_through_a_state():
    def curriculum():
        config = CurriculumConfig(strategy="fixed", strategy_options={"difficulty": 0.75}, seed=3)
        manager = CurriculumManager(config)
        manager.add_task("slope", difficulty=(0.0, 1.0))
        return manager

    manager = curriculum()
    assert {manager.get_next_task().difficulty for _ in range(20)} == {0.75}
    manager.adapt_curriculum("reduce_difficulty")
    assert {manager.get_next_task().difficulty for _ in range(20)} == {0.7}
    again = curriculum()
    again.load_state_dict(json.loads(json.dumps(manager.state_dict())))
    assert again.get_next_task().difficulty == 0.7


@pytest.mark.parametrize("options", [{"difficulty": 1.5}, {"difficulty": 0.5, "task": 2}])
def test_what_cannot_be_fixed_is_refused(options):
    with pytest.raises(ConfigError, match="difficulty="):
        make("fixed", **options)
