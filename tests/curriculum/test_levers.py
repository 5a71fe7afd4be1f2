"""The levers: one change each, bounded, told once, and taken back by setting the old value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from daf_nb.curriculum import Change, CurriculumManager, levers
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import curriculum, play, through_json
from tests.curriculum.strategies.helpers import ALL

NAN = float("nan")


def pull(manager: CurriculumManager, lever: str, *value: Any) -> list[Change]:
    """Moves a lever the way that everybody has to, as "me"."""
    function = getattr(levers, lever)
    return manager.life.change(lambda teacher: function(teacher, *value, "me"))


CHANGES = [
    ("adaptive", "set_difficulty", (0.4,), "difficulty", 0.1, 0.4),
    ("adaptive", "set_difficulty", (0.0,), "difficulty", 0.1, 0.05),
    ("robbins_monro", "set_difficulty", (0.7,), "difficulty", 0.1, 0.7),
    ("lessons", "set_difficulty", (0.7,), "difficulty", 0.25, 0.75),
    ("lessons", "set_difficulty", (0.3,), "difficulty", 0.25, 0.5),
    ("tscl", "set_bias", (-1,), "difficulty_bias", 0.0, -1.0),
    ("tscl", "set_uniform_share", (1,), "uniform_share", 0.0, 1.0),
    ("learnability", "set_uniform_share", (0,), "uniform_share", 0.1, 0.0),
    ("plr", "set_rehearsal", (levers.MOST_REHEARSAL,), "rehearsal", 0, 1_000_000),
    ("uniform", "set_weight", ("task 2", 0), "weight[task 2]", 1.0, 0.0),
    ("fixed", "set_weight", ("task 2", 1e9), "weight[task 2]", 1.0, 1e9),
    ("schedule", "set_hold", (True,), "hold", False, True),
    ("alp_gmm", "set_focus", ("task 3",), "task", None, "task 3"),
]


def value_in(stats: dict[str, Any], name: str) -> Any:
    return stats["tasks"]["task 2"]["weight"] if name.startswith("weight") else stats[name]


@pytest.mark.parametrize(("strategy", "lever", "value", "name", "old", "new"), CHANGES)
def test_a_lever_makes_one_change_once_and_the_old_value_takes_it_back(
    strategy, lever, value, name, old, new
):
    manager, heard = curriculum(strategy=strategy), []
    manager.subscribe(heard.append)
    before = manager.teacher.state_dict()
    assert value_in(manager.get_curriculum_stats(), name) == old
    assert pull(manager, lever, *value) == [Change(f"curriculum.{name}", old, new, "me")]
    assert value_in(manager.get_curriculum_stats(), name) == new
    assert pull(manager, lever, *value[:-1], new) == []
    assert pull(manager, lever, *value[:-1], old) == [Change(f"curriculum.{name}", new, old, "me")]
    assert manager.state_dict() == before
    assert [through_json([c.old, c.new]) for c in heard] == [[old, new], [new, old]]


REFUSED = [
    ("set_difficulty", (1.01,), "difficulty=1.01: a number from 0 to 1"),
    ("set_difficulty", (NAN,), "difficulty=nan: a number from 0 to 1"),
    ("set_difficulty", (True,), "difficulty=True: a number"),
    ("set_difficulty", (None,), "difficulty=None: a number"),
    ("set_bias", (-1.1,), "difficulty_bias=-1.1: a number from -1 to 1"),
    ("set_bias", ("0",), "difficulty_bias='0': a number"),
    ("set_uniform_share", (-0.1,), "uniform_share=-0.1: a number from 0 to 1"),
    ("set_uniform_share", (np.inf,), "uniform_share=inf: a number"),
    ("set_rehearsal", (-1,), "rehearsal=-1: an integer from 0 to 1,000,000"),
    ("set_rehearsal", (1_000_001,), "rehearsal=1000001: an integer"),
    ("set_rehearsal", (2.5,), "rehearsal=2.5: an integer"),
    ("set_rehearsal", (NAN,), "rehearsal=nan: an integer"),
    ("set_weight", ("task 1", -1), "'task 1': weight=-1; a number from 0"),
    ("set_weight", ("tusk 1", 1), "unknown task 'tusk 1'. Did you mean 'task 1'"),
    ("set_weight", (1, 1), "unknown task 1"),
    ("set_hold", (1,), "curriculum.hold=1: True or False"),
    ("set_focus", ("tusk 1",), "unknown task 'tusk 1'. Did you mean 'task 1'"),
    ("set_focus", (["task 1"],), "unknown task"),
    ("set_strategy", ("lesons",), "unknown strategy 'lesons'. Did you mean 'lessons'"),
    ("set_strategy", (["lessons"],), "unknown strategy"),
]


@pytest.mark.parametrize(("lever", "value", "message"), REFUSED)
def test_a_value_out_of_bounds_is_refused_and_changes_nothing(lever, value, message):
    manager, heard = curriculum(strategy="adaptive"), []
    manager.subscribe(heard.append)
    play(manager, 30)
    before = manager.state_dict()
    with pytest.raises(ConfigError, match=message):
        pull(manager, lever, *value)
    assert heard == [] and manager.state_dict() == before


@pytest.mark.parametrize(
    "strategy", [name for name in ALL if name not in ("adaptive", "lessons", "robbins_monro")]
)
@pytest.mark.parametrize("difficulty", [0.0, 0.5])
def test_a_strategy_without_a_bound_to_move_points_to_the_bias(strategy, difficulty):
    manager = curriculum(strategy=strategy)
    before = manager.teacher.state_dict()
    with pytest.raises(ConfigError, match=rf"strategy '{strategy}' has no bound.*difficulty_bias"):
        pull(manager, "set_difficulty", difficulty)
    assert manager.state_dict() == before


@pytest.mark.parametrize("strategy", ["adaptive", "lessons", "robbins_monro"])
def test_a_bound_that_was_learned_comes_back_whatever_was_set_between(strategy):
    manager = curriculum(7, strategy=strategy, strategy_options=ALL[strategy])
    play(manager, 150)
    learned = manager.teacher.strategy.bound
    for wanted in [*np.random.default_rng(0).random(200).tolist(), 0.0, 1.0]:
        pull(manager, "set_difficulty", wanted)
        pull(manager, "set_difficulty", learned)
        assert manager.teacher.strategy.bound == learned


def test_what_was_set_exactly_is_reached_exactly():
    manager = curriculum(strategy="robbins_monro")
    for wanted in np.random.default_rng(1).random(500).tolist():
        pull(manager, "set_difficulty", wanted)
        assert manager.teacher.strategy.bound == wanted


def test_a_difficulty_that_is_there_already_forgets_nothing():
    manager = curriculum(strategy="lessons", strategy_options={"window": 50})
    play(manager, 30)
    assert len(manager.teacher.state_dict()["strategy"]["successes"]) == 30
    before = manager.state_dict()
    assert pull(manager, "set_difficulty", 0.25) == []
    assert manager.state_dict() == before


def test_the_one_in_focus_cannot_be_left_out():
    manager = curriculum()
    pull(manager, "set_focus", "task 1")
    before = manager.state_dict()
    with pytest.raises(ConfigError, match=r"'task 1' is the only one in focus; take the focus"):
        pull(manager, "set_weight", "task 1", 0)
    assert manager.state_dict() == before
    pull(manager, "set_focus", None)
    assert pull(manager, "set_weight", "task 1", 0)


def test_a_task_of_weight_0_cannot_be_focused_on_and_the_focus_before_stays():
    manager = curriculum()
    pull(manager, "set_weight", "task 1", 0)
    pull(manager, "set_focus", "task 2")
    with pytest.raises(ConfigError, match=r"'task 1' has weight 0 .* raise its weight"):
        pull(manager, "set_focus", "task 1")
    assert manager.get_curriculum_stats()["task"] == "task 2"
    pull(manager, "set_weight", "task 1", 0.5)
    (change,) = pull(manager, "set_focus", "task 1")
    assert (change.old, change.new) == ("task 2", "task 1")


def test_another_strategy_is_one_change_and_the_same_one_none():
    manager = curriculum(strategy="uniform")
    play(manager, 20)
    before = manager.state_dict()
    assert pull(manager, "set_strategy", "uniform") == []
    assert manager.state_dict() == before
    change = Change("curriculum.strategy", "uniform", "learnability", "me")
    assert pull(manager, "set_strategy", "learnability") == [change]
    assert manager.get_curriculum_stats()["strategy"] == "learnability"


def test_while_a_run_trains_levers_wait_for_its_boundary():
    manager, waiting, heard = curriculum(), [], []

    def door(work):
        waiting.append(work)
        return []

    with manager.life.lease(door, heard.append):
        assert pull(manager, "set_hold", True) == []
        assert manager.get_curriculum_stats()["hold"] is False
        waiting.pop()()
        assert manager.get_curriculum_stats()["hold"] is True
    assert [(one.name, one.own) for one in heard] == [("curriculum.hold", False)]


def test_every_lever_is_in_the_state_and_comes_back():
    first = curriculum(5, strategy="adaptive", max_active_tasks=3)
    play(first, 50)
    for lever, *value in (
        ("set_strategy", "robbins_monro"),
        ("set_difficulty", 0.55),
        ("set_bias", 0.125),
        ("set_uniform_share", 0.3),
        ("set_rehearsal", 40),
        ("set_weight", "task 2", 3.0),
        ("set_focus", "task 4"),
        ("set_hold", True),
    ):
        assert len(pull(first, lever, *value)) == 1
    play(first, 15, first=50)
    second = curriculum(5, strategy="adaptive", max_active_tasks=3, seed=4)
    second.load_state_dict(through_json(first.state_dict()))
    assert second.get_curriculum_stats() == first.get_curriculum_stats()
    for lever, value in (("set_focus", None), ("set_hold", False), ("set_strategy", "plr")):
        for manager in (first, second):
            pull(manager, lever, value)
        assert play(second, 60) == play(first, 60)
        assert second.state_dict() == first.state_dict()


def test_a_nudge_of_lessons_goes_a_lesson_and_no_further_than_the_last():
    manager = curriculum(strategy="lessons")
    reached = []
    for _ in range(5):
        bound = manager.teacher.strategy.bound
        assert bound is not None
        pull(manager, "set_difficulty", min(1.0, bound + 0.05))
        reached.append(manager.teacher.strategy.bound)
    assert reached == [0.5, 0.75, 1.0, 1.0, 1.0]


def test_levers_move_what_stands_still_as_well():
    manager = curriculum(strategy="adaptive")
    pull(manager, "set_hold", True)
    (change,) = pull(manager, "set_difficulty", 0.5)
    assert change.new == manager.teacher.strategy.bound == 0.5
