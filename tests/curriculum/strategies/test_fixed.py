"""One task only, by name or by place; and all tasks alike."""

from __future__ import annotations

import pytest

from tests.curriculum.strategies.helpers import make


@pytest.mark.parametrize("task", ["task 3", 3])
def test_only_the_chosen_task_has_a_share(task):
    assert make("fixed", task=task).shares().tolist() == [0, 0, 0, 1, 0]


def test_the_first_task_is_the_default():
    assert make("fixed").shares().tolist() == [1, 0, 0, 0, 0]


def test_uniform_shares_are_equal_and_not_zero():
    assert make("uniform").shares().tolist() == [1, 1, 1, 1, 1]
