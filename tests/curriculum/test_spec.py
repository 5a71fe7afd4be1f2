"""Tasks as data, and back."""

from __future__ import annotations

from typing import Any

import pytest

from daf_nb.curriculum import Choice, Integers, Linear, Task, Uniform
from daf_nb.curriculum.spec import task_from_plain, task_to_plain
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import HOSTILE, through_json


@pytest.mark.parametrize(
    "task",
    [
        Task("plain", 0.5),
        Task("range", (0.25, 1), weight=0.5, success=(-10.0, 3)),
        Task(
            "drawn",
            (0, 1),
            env_kwargs={"n": Integers(1, 3), "far": Linear(0, 1.5), "fixed": [1, {"a": None}]},
            config={"x": Uniform(0.1, 0.2), "map": Choice("a", 1, None)},
        ),
        *(Task(name, 0.1, config={name: name}) for name in HOSTILE),
    ],
    ids=lambda task: task.name[:12],
)
def test_a_task_without_functions_passes_through_json(task):
    assert task_from_plain(through_json(task_to_plain(task))) == task


def test_the_arguments_of_add_task_make_a_task():
    def apply(env, params):
        return None

    made = task_from_plain({"name": "a", "difficulty": [0, 1], "apply": apply, "config": None})
    assert made == Task("a", (0, 1), apply=apply)


@pytest.mark.parametrize("field", ["apply", "success"])
def test_a_function_is_told_by_its_name_and_not_restored(field):
    functions: dict[str, Any] = {field: lambda *_: 1.0}
    plain = through_json(task_to_plain(Task("a", 0.5, **functions)))
    assert "lambda" in plain[field]["name"]
    with pytest.raises(ConfigError, match="data cannot hold"):
        task_from_plain(plain)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "a", "dificulty": 0.5}, "unknown task field 'dificulty'. Did you mean 'diffi"),
        ({"difficulty": 0.5}, "a task needs its name"),
        ({"name": "a"}, "a task needs its difficulty"),
        ({"name": "a", "difficulty": "hard"}, "difficulty='hard'; a number in"),
        ({"name": "a", "difficulty": [0.1]}, r"difficulty=\(0.1,\); a number in"),
        ({"name": "a", "difficulty": 0.1, "env_kwargs": [1]}, r"env_kwargs=\[1\]; a dict"),
        ({"name": "a", "difficulty": 0.1, "weight": None}, "weight=None; a number from 0"),
        ({"name": "a", "difficulty": 0.1, "success": [3]}, r"\(low, high\)"),
        (
            {"name": "a", "difficulty": 0.1, "config": {"x": {"$draw": "uniform", "low": 1}}},
            "has low and high",
        ),
    ],
    ids=str,
)
def test_data_of_no_task_is_refused_with_what_is_allowed(data, message):
    with pytest.raises(ConfigError, match=message):
        task_from_plain(data)
