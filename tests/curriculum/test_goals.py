"""Vectors that tell a policy what it is asked to do."""

from __future__ import annotations

import numpy as np
import pytest

from daf_nb.curriculum import Assignment, Choice, Goals, Integers, Linear, Task, Uniform
from daf_nb.errors import TaskGenerationError

TASKS = [
    Task("a", (0.2, 0.6), {"n": Integers(2, 6), "map": "x"}, {"far": Linear(0.0, 10.0)}),
    Task("b", 1.0, {"n": 10}, {"speed": Uniform(1, 3), "mode": Choice(1, "fast", 5)}),
]


def test_a_task_goal_is_1_for_the_task_that_is_played():
    goals = Goals(TASKS, "task")
    assert goals.names == ["a", "b"]
    goal = goals(Assignment("b", 1, 1.0, {}, {}))
    assert goal.tolist() == [0, 1] and goal.dtype == np.float32


def test_a_parameter_goal_scales_every_number_between_its_bounds_over_all_tasks():
    goals = Goals(TASKS, "parameters")
    assert goals.names == ["difficulty", "n", "far", "speed", "mode"]
    first = goals(Assignment("a", 0, 0.5, {"n": 6, "map": "x"}, {"far": 5.0}))
    assert first == pytest.approx([0.5, 0.5, 0.75, 0, 0])
    second = goals(Assignment("b", 1, 1.0, {"n": 10}, {"speed": 1.5, "mode": 5}))
    assert second == pytest.approx([1, 1, 0, 0.25, 1])
    assert goals(Assignment("b", 1, 1.0, {"n": 10}, {"speed": 1, "mode": "fast"}))[4] == 0


def test_every_entry_lies_in_0_to_1_for_whatever_is_drawn():
    odd = Task("odd", (0, 1), {"hill": lambda d: 4 * d * (1 - d) + d / 9, "same": 3, "on": True})
    goals = Goals([*TASKS, odd], "parameters")
    rng = np.random.default_rng(0)
    for index, task in enumerate([*TASKS, odd]):
        for _ in range(50):
            goal = goals(task.assign(rng, index=index))
            assert goal.shape == (len(goals.names),)
            assert np.all((goal >= 0) & (goal <= 1))


def test_a_number_that_never_differs_says_nothing():
    goals = Goals([Task("a", 0.5, {"n": 3})], "parameters")
    assert goals(Assignment("a", 0, 0.5, {"n": 3}, {})).tolist() == [0.5, 0]


def test_a_function_that_raises_names_the_task():
    broken = Task("far one", (0, 1), {"n": lambda d: 1 / d})
    with pytest.raises(TaskGenerationError, match="task 'far one': n raised ZeroDivisionError"):
        Goals([broken], "parameters")
