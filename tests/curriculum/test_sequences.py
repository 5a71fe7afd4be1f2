"""Previews: what they show, and that looking changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from daf_nb.curriculum import CurriculumManager, Task
from daf_nb.curriculum.strategies import SCHEDULES, schedule_value
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import curriculum, play, through_json
from tests.curriculum.strategies.helpers import ALL

EVERY = ["adaptive", "random", *SCHEDULES]


@pytest.mark.parametrize("progression", SCHEDULES)
def test_a_schedule_goes_from_the_easiest_to_the_hardest_task(progression):
    manager = CurriculumManager()
    manager.add_task("all", difficulty=(0.2, 0.8))
    found = [one.difficulty for one in manager.generate_task_sequence(11, progression)]
    wanted = [0.2 + 0.6 * schedule_value(progression, step / 10) for step in range(11)]
    assert found == pytest.approx(wanted)
    assert found == sorted(found)


def test_a_schedule_plays_the_task_nearest_to_its_difficulty():
    manager = curriculum(3)
    found = [one.task for one in manager.generate_task_sequence(4, "linear")]
    assert found == ["task 0", "task 1", "task 1", "task 2"]


def test_tasks_of_weight_0_are_in_no_preview():
    manager = curriculum(4)
    manager.set_weight("task 0", 0)
    manager.set_weight("task 3", 0)
    for progression in EVERY:
        found = {one.task for one in manager.generate_task_sequence(50, progression)}
        assert found == {"task 1", "task 2"}


def test_random_takes_allowed_tasks_alike_and_heeds_no_weight():
    manager = curriculum(4)
    manager.set_weight("task 1", 9)
    found = [one.index for one in manager.generate_task_sequence(4000, "random")]
    assert np.bincount(found) == pytest.approx([1000] * 4, abs=120)


@pytest.mark.parametrize("strategy", ALL)
def test_adaptive_shows_what_is_drawn_next_if_nothing_more_is_learned(strategy):
    manager = curriculum(5, strategy=strategy, strategy_options=ALL[strategy])
    play(manager, 150)
    manager.adapt_curriculum("rehearse")
    shown = manager.generate_task_sequence(40)
    assert shown == [manager.get_next_task() for _ in range(40)]


@pytest.mark.parametrize("progression", EVERY)
@pytest.mark.parametrize("strategy", ["adaptive", "alp_gmm", "learnability"])
def test_looking_changes_nothing(strategy, progression):
    manager = curriculum(5, strategy=strategy)
    play(manager, 60)
    before = through_json(manager.state_dict())
    first = manager.generate_task_sequence(30, progression)
    assert manager.generate_task_sequence(30, progression) == first
    assert through_json(manager.state_dict()) == before


@pytest.mark.parametrize("length", [0, -1, 2.5, "3", None])
def test_a_length_that_is_none_is_refused(length):
    with pytest.raises(ConfigError, match=r"sequence_length=.* at least 1"):
        curriculum().generate_task_sequence(length)


@pytest.mark.parametrize("progression", ["linaer", "", None, ["linear"]])
def test_an_unknown_progression_is_refused_with_those_known(progression):
    with pytest.raises(ConfigError, match=r"unknown difficulty_progression .*Known: adaptive, cos"):
        curriculum().generate_task_sequence(3, progression)


def test_previews_do_not_copy_what_tasks_hold():
    class Never:
        def __deepcopy__(self, memo):
            raise AssertionError("a world's argument was copied")

    manager = CurriculumManager()
    manager.add_tasks([Task("a", 0.5, {"engine": Never()})])
    assert [one.task for one in manager.generate_task_sequence(2)] == ["a", "a"]
