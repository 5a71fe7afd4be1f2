"""Which tasks may be drawn: by weight, by turn, or the one in focus."""

from __future__ import annotations

import numpy as np
import pytest

from daf_nb.curriculum import Task
from daf_nb.curriculum.roster import Roster
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import through_json


def roster(*weights: float, limit: int | None = None) -> Roster:
    """Over tasks of difficulties 1/4 to 1, four unless told otherwise."""
    weights = weights or (1, 1, 1, 1)
    return Roster(
        [Task(f"task {i}", (i + 1) / len(weights), weight=w) for i, w in enumerate(weights)],
        limit=limit,
    )


def places(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()


def test_without_a_limit_all_of_a_weight_are_due():
    assert places(roster().allowed) == [0, 1, 2, 3]
    assert places(roster(1, 0, 0.5, 0).allowed) == [0, 2]
    assert roster(limit=99).active.all()


def test_the_easiest_are_active_first_and_a_task_of_weight_0_takes_no_place():
    assert places(roster(limit=2).allowed) == [0, 1]
    assert places(roster(0, 1, 0, 1, limit=2).active) == [1, 3]


def test_mastered_tasks_give_way_to_the_easiest_that_wait_and_do_not_come_back():
    mine = roster(limit=2)
    assert mine.rotate(np.array([True, False, False, False])) == [(0, 2)]
    assert places(mine.active) == [1, 2]
    assert mine.rotate(np.array([True, False, False, False])) == []
    assert mine.rotate(np.ones(4, bool)) == [(1, 3)]
    assert mine.rotate(np.ones(4, bool)) == []
    assert places(mine.active) == [2, 3]


def test_a_task_that_is_left_out_gives_its_place_to_the_easiest_that_waits():
    mine = roster(limit=1)
    mine.set_weight(0, 0.0)
    assert places(mine.active) == [1]
    mine.set_weight(0, 2.0)
    assert places(mine.active) == [1]
    assert mine.rotate(np.array([False, True, False, False])) == [(1, 0)]


def test_the_last_task_cannot_be_left_out_and_nothing_changes():
    mine = roster(1, 0, 0, 0, limit=1)
    with pytest.raises(ConfigError, match="no task can be drawn"):
        mine.set_weight(0, 0.0)
    assert mine.weights.tolist() == [1, 0, 0, 0] and places(mine.allowed) == [0]


def test_one_that_waits_may_be_in_focus_and_waits_as_before_when_that_ends():
    mine = roster(limit=2)
    mine.set_focus(3)
    assert places(mine.allowed) == places(mine.focused) == [3]
    assert places(mine.due) == [0, 1] and places(mine.waiting) == [2, 3]
    mine.set_focus(None)
    assert places(mine.allowed) == [0, 1] and places(mine.focused) == []


def test_in_focus_the_others_may_be_left_out_but_not_all_that_come_after():
    mine = roster()
    mine.set_focus(3)
    for place in range(3):
        mine.set_weight(place, 0)
    with pytest.raises(ConfigError, match="'task 3' is the only one in focus"):
        mine.set_weight(3, 0)
    turns = roster(1, 1, limit=1)
    turns.rotate(np.array([True, False]))
    turns.set_focus(0)
    with pytest.raises(ConfigError, match="every active task has weight 0"):
        turns.set_weight(1, 0)
    assert turns.weights.tolist() == [1, 1] and places(turns.due) == [1]


def test_one_of_weight_0_cannot_be_in_focus():
    mine = roster(1, 0)
    with pytest.raises(ConfigError, match="'task 1' has weight 0"):
        mine.set_focus(1)
    assert mine.focus is None


def test_a_state_that_went_through_json_goes_on_identically():
    first, second = roster(limit=2), roster(1, 2, 3, 4)
    first.rotate(np.array([True, False, False, False]))
    first.set_weight(1, 0)
    first.set_focus(2)
    second.load_state_dict(through_json(first.state_dict()))
    assert second.state_dict() == first.state_dict()
    assert places(second.allowed) == [2] and places(second.due) == places(first.due)
    assert second.rotate(np.ones(4, bool)) == first.rotate(np.ones(4, bool))
