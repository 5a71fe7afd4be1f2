"""Tasks and what one episode gets of them; grids, and difficulties cut into buckets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from daf_nb.curriculum import Choice, Integers, Linear, Task, Uniform, buckets, grid
from daf_nb.errors import ConfigError, TaskGenerationError
from tests.curriculum.helpers import HOSTILE

NAN, INF = float("nan"), float("inf")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def broken(difficulty: float) -> float:
    raise ValueError(f"no world at {difficulty}")


MOVING = Task(
    "moving",
    (0.2, 0.6),
    env_kwargs={"n": Integers(1, 3), "far": Linear(0.0, 10.0), "fixed": "yes"},
    config={"speed": Uniform(1, 2), "map": Choice("a", "b"), "double": lambda d: 2 * d},
)


@pytest.mark.parametrize(
    ("difficulty", "low", "high", "continuous"),
    [(0.3, 0.3, 0.3, False), (0, 0, 0, False), ((0.1, 1), 0.1, 1, True), ([0.5, 0.5], 0.5, 0.5, 0)],
)
def test_a_difficulty_is_a_number_or_a_range(difficulty, low, high, continuous):
    task = Task("a", difficulty)
    assert (task.low, task.high, task.continuous) == (low, high, bool(continuous))
    assert (type(task.low), type(task.high)) == (float, float)


@pytest.mark.parametrize(
    "difficulty",
    [-0.01, 1.01, NAN, INF, None, "hard", True, (), (0.1,), (0, 0.5, 1), (0.1, NAN), (0, 2)],
)
def test_a_difficulty_outside_of_0_to_1_is_refused_with_what_is_allowed(difficulty):
    with pytest.raises(ConfigError, match=r"task 'a': difficulty=.*; a number in \[0, 1\]"):
        Task("a", difficulty)


def test_a_range_the_wrong_way_round_is_refused():
    with pytest.raises(ConfigError, match="lower difficulty must come first"):
        Task("a", (0.5, 0.4))


@pytest.mark.parametrize("weight", [-1, -1e-9, NAN, INF, 1e10, None, "1", True])
def test_a_weight_that_is_none_is_refused_with_what_is_allowed(weight):
    with pytest.raises(ConfigError, match=r"task 'a': weight=.*; a number from 0 to 1e\+09"):
        Task("a", 0.5, weight=weight)


@pytest.mark.parametrize("name", ["", None, 3, ["a"], b"a"])
def test_a_name_that_is_no_text_is_refused(name):
    with pytest.raises(ConfigError, match="a text that is not empty"):
        Task(name, 0.5)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_a_name_and_stays_as_it_is(name):
    assignment = Task(name, 0.5).assign(rng())
    assert (assignment.task, str(assignment), assignment.values["task"]) == (name,) * 3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"env_kwargs": [1]}, r"env_kwargs=\[1\]; a dict"),
        ({"config": "level"}, "config='level'; a dict"),
        ({"env_kwargs": {1: 2}}, "a dict of values by name"),
        ({"apply": 3}, "apply=3; a function of the world"),
        ({"success": "yes"}, "success='yes'; a function of the episode"),
        ({"success": (1, 0)}, r"success=\(1, 0\); .*\(low, high\)"),
        ({"success": (0, NAN)}, r"\(low, high\)"),
        ({"success": (0, 1, 2)}, r"\(low, high\)"),
        ({"env_kwargs": {"n": 1}, "config": {"n": 2}}, "n cannot be told apart"),
        ({"env_kwargs": {"task": 1}}, "task cannot be told apart"),
        ({"env_kwargs": {"difficulty": 1}}, "difficulty cannot be told apart"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields, message):
    with pytest.raises(ConfigError, match=f"task 'a': .*{message}|{message}"):
        Task("a", 0.5, **fields)


def test_a_task_does_not_change_with_the_dict_that_it_was_made_of():
    values: dict[str, Any] = {"n": 1}
    task = Task("a", 0.5, env_kwargs=values)
    values["n"] = 2
    assert task.assign(rng()).env_kwargs == {"n": 1}


def test_an_assignment_has_everything_drawn():
    for seed in range(50):
        one = MOVING.assign(rng(seed), index=4, probe=True)
        d = one.difficulty
        assert (one.task, one.index, one.probe, one.point) == ("moving", 4, True, None)
        assert 0.2 <= d <= 0.6
        assert one.env_kwargs["n"] in {1, 2, 3} and one.env_kwargs["fixed"] == "yes"
        assert one.env_kwargs["far"] == pytest.approx(10 * d) and one.config["double"] == 2 * d
        assert 1 <= one.config["speed"] <= 2 and one.config["map"] in "ab"
        assert one.values == {
            **one.env_kwargs,
            **one.config,
            "task": "moving",
            "difficulty": d,
        }


def test_the_same_chance_draws_the_same_and_other_chance_something_else():
    assert MOVING.assign(rng(1)) == MOVING.assign(rng(1))
    assert MOVING.assign(rng(1)) != MOVING.assign(rng(2))


def test_a_range_of_difficulties_is_drawn_uniformly():
    chance = rng()
    found = [MOVING.assign(chance).difficulty for _ in range(2000)]
    counts = np.histogram(found, bins=4, range=(0.2, 0.6))[0]
    assert counts == pytest.approx([500] * 4, abs=80)


@pytest.mark.parametrize(("asked", "given"), [(0.0, 0.2), (0.3, 0.3), (1.0, 0.6)])
def test_a_difficulty_that_is_asked_for_is_clipped_into_the_range(asked, given):
    assert MOVING.assign(rng(), difficulty=asked).difficulty == given
    assert Task("fixed", 0.4).assign(rng(), difficulty=asked).difficulty == 0.4


def test_a_point_takes_the_place_of_chance_on_every_axis():
    assert MOVING.axes == ("difficulty", "speed")
    one = MOVING.assign(rng(), point=(0.5, 1.0))
    assert one.difficulty == pytest.approx(0.4) and one.config["speed"] == 2.0
    assert one.point == (0.5, 1.0)
    assert Task("fixed", 0.5, {"n": Integers(1, 9)}).axes == ()


def test_a_point_of_another_length_is_refused():
    with pytest.raises(ConfigError, match="each of difficulty, speed"):
        MOVING.assign(rng(), point=(0.5,))


def test_a_function_that_raises_names_the_task_and_the_value():
    task = Task("far one", 0.25, {"n": broken})
    with pytest.raises(TaskGenerationError, match=r"task 'far one': n at difficulty 0\.25 raised "
                       r"ValueError: no world at 0\.25") as caught:  # fmt: skip
        task.assign(rng())
    assert caught.value.task == "far one"
    with pytest.raises(TaskGenerationError, match="far one"):
        task.corners()


def test_corners_show_all_choices_and_both_ends_of_everything_else():
    task = Task(
        "a",
        (0.2, 0.6),
        env_kwargs={
            "n": Integers(1, 9),
            "x": Uniform(0.5, 2),
            "map": Choice("a", "b", "c"),
            "far": Linear(0, 10),
            "fixed": None,
        },
        config={"level": Choice(1, 2)},
    )
    corners = task.corners()
    assert corners == {
        "n": [1, 9],
        "x": [0.5, 2],
        "map": ["a", "b", "c"],
        "far": [2, 6],
        "fixed": [None, None],
    }
    assert Task("b", 0.6, {"far": Linear(0, 10)}).corners() == {"far": [6]}


def test_a_grid_has_one_task_for_every_combination():
    tasks = grid(
        "arena",
        env_kwargs={"n": [1, 2]},
        config={"map": ["a", "b", "c"]},
        difficulty=lambda n, map: (n - 1) / 2 + "abc".index(map) / 10,
        weight=2,
    )
    assert [task.name for task in tasks] == [
        f"arena[n={n},map={place}]" for n in (1, 2) for place in "abc"
    ]
    last = tasks[-1]
    assert (last.env_kwargs, last.config, last.weight) == ({"n": 2}, {"map": "c"}, 2)
    assert last.difficulty == pytest.approx(0.7)


def test_a_grid_refuses_a_difficulty_that_is_none():
    with pytest.raises(ConfigError, match=r"task 'g\[n=3\]': difficulty=1\.5"):
        grid("g", env_kwargs={"n": [1, 3]}, difficulty=lambda n: n / 2)


def test_buckets_cut_a_range_without_gaps():
    tasks = buckets("b", count=4, low=0.2, high=1.0, config={"far": Linear(0.0, 1.0)})
    assert [task.name for task in tasks] == [
        "b[0.2..0.4]",
        "b[0.4..0.6]",
        "b[0.6..0.8]",
        "b[0.8..1]",
    ]
    assert (tasks[0].low, tasks[-1].high) == (0.2, 1.0)
    assert [a.high for a in tasks[:-1]] == [b.low for b in tasks[1:]]
    one = tasks[2].assign(rng())
    assert tasks[2].low <= one.difficulty == one.config["far"] <= tasks[2].high


@pytest.mark.parametrize("count", [1, 7, 1000, 3000])
def test_every_bucket_has_its_own_name(count):
    names = {task.name for task in buckets("b", count=count)}
    assert len(names) == count and max(map(len, names)) <= len("b[0.00033333..0.00066667]")


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 0},
        {"count": 2.5},
        {"count": "3"},
        {"count": 2, "low": 0.5, "high": 0.5},
        {"count": 2, "low": 0.9, "high": 0.1},
        {"count": 2, "high": 1.5},
        {"count": 2, "low": NAN},
    ],
    ids=str,
)
def test_buckets_that_cannot_be_are_refused(fields):
    with pytest.raises(ConfigError, match=r"at least one bucket|0 <= low < high <= 1"):
        buckets("b", **fields)
