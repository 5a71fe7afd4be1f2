"""What `adapt_curriculum` changes, tells, and leaves alone."""

from __future__ import annotations

import pytest

from daf_nb.curriculum import Change, CurriculumManager
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import curriculum, play, through_json


def told(manager: CurriculumManager) -> list[Change]:
    changes: list[Change] = []
    manager.subscribe(changes.append)
    return changes


def report(manager: CurriculumManager, success: float, episodes: int = 10) -> None:
    for _ in range(episodes):
        manager.update_task_performance("task 0", success)


@pytest.mark.parametrize(
    ("strategy", "action", "change"),
    [
        ("adaptive", "reduce_difficulty", ("curriculum.difficulty", 0.1, 0.05)),
        ("adaptive", "raise_difficulty", ("curriculum.difficulty", 0.1, 0.15)),
        ("robbins_monro", "reduce_difficulty", ("curriculum.difficulty", 0.1, 0.05)),
        ("lessons", "raise_difficulty", ("curriculum.difficulty", 0.25, 0.5)),
        ("learnability", "raise_difficulty", ("curriculum.difficulty_bias", 0.0, 0.25)),
        ("uniform", "reduce_difficulty", ("curriculum.difficulty_bias", 0.0, -0.25)),
        ("schedule", "raise_difficulty", ("curriculum.difficulty_bias", 0.0, 0.25)),
        ("alp_gmm", "reduce_difficulty", ("curriculum.difficulty_bias", 0.0, -0.25)),
        ("tscl", "rehearse", ("curriculum.rehearsal", 0, 100)),
    ],
)
def test_an_action_changes_one_thing_and_tells_it(strategy, action, change):
    manager = curriculum(strategy=strategy)
    heard = told(manager)
    changes = manager.adapt_curriculum(action)
    name, old, new = change
    assert [(c.name, c.by) for c in changes] == [(name, "user")]
    assert (changes[0].old, changes[0].new) == pytest.approx((old, new))
    assert heard == changes
    stats = manager.get_curriculum_stats()
    assert stats[name.removeprefix("curriculum.")] == pytest.approx(new)


@pytest.mark.parametrize(
    ("strategy", "action", "limit"),
    [
        ("adaptive", "raise_difficulty", 1.0),
        ("adaptive", "reduce_difficulty", 0.05),
        ("robbins_monro", "reduce_difficulty", 0.0),
        ("lessons", "raise_difficulty", 1.0),
        ("lessons", "reduce_difficulty", 0.25),
        ("learnability", "raise_difficulty", 1.0),
        ("learnability", "reduce_difficulty", -1.0),
    ],
)
def test_at_a_limit_nothing_is_changed_and_nothing_told(strategy, action, limit):
    manager = curriculum(strategy=strategy)
    for _ in range(30):
        manager.adapt_curriculum(action)
    heard = told(manager)
    assert manager.adapt_curriculum(action) == [] == heard
    stats = manager.get_curriculum_stats()
    bounded = manager.teacher.strategy.bound is not None
    assert stats["difficulty" if bounded else "difficulty_bias"] == limit


@pytest.mark.parametrize(
    ("success", "new"), [(0.0, -0.25), (0.29, -0.25), (0.3, 0), (0.7, 0), (0.71, 0.25), (1, 0.25)]
)
def test_adjusting_follows_recent_success_against_the_band(success, new):
    manager = curriculum()
    report(manager, success)
    changes = manager.adapt_curriculum("adjust_difficulty")
    assert [change.new for change in changes] == ([new] if new else [])
    assert manager.get_curriculum_stats()["difficulty_bias"] == new


def test_adjusting_needs_ten_episodes_since_the_last_adaptation_and_heeds_only_them():
    manager = curriculum()
    report(manager, 1.0, 9)
    assert manager.adapt_curriculum("adjust_difficulty") == []
    report(manager, 1.0, 1)
    assert len(manager.adapt_curriculum("adjust_difficulty")) == 1
    report(manager, 0.0, 9)
    assert manager.adapt_curriculum("adjust_difficulty") == []
    report(manager, 0.0, 1)
    assert [c.new for c in manager.adapt_curriculum("adjust_difficulty")] == [0.0]


def test_a_state_remembers_when_it_was_adapted():
    first, second = curriculum(), curriculum()
    report(first, 1.0, 12)
    first.adapt_curriculum("raise_difficulty")
    report(first, 1.0, 3)
    second.load_state_dict(through_json(first.state_dict()))
    assert second.adapt_curriculum("adjust_difficulty") == []
    report(second, 1.0, 7)
    assert len(second.adapt_curriculum("adjust_difficulty")) == 1


def test_rehearsal_repeats_earlier_tasks_in_half_of_the_next_window():
    manager = curriculum(strategy="lessons", strategy_options={"rehearsal": 0.0}, window=200)
    play(manager, 5)
    for _ in range(3):
        manager.adapt_curriculum("raise_difficulty")
    manager.adapt_curriculum("rehearse", by="me")
    assert manager.get_curriculum_stats()["rehearsal"] == 200
    drawn = [manager.get_next_task().task for _ in range(200)]
    assert drawn.count("task 0") == pytest.approx(100, abs=30)
    assert drawn.count("task 3") == 200 - drawn.count("task 0")
    assert manager.get_curriculum_stats()["rehearsal"] == 0
    assert {manager.get_next_task().task for _ in range(50)} == {"task 3"}


def test_who_asked_is_told():
    manager = curriculum()
    heard = told(manager)
    manager.adapt_curriculum("raise_difficulty", by="the schedule")
    assert [change.by for change in heard] == ["the schedule"]


@pytest.mark.parametrize("action", ["reduce", "", None, [], "Rehearse"])
def test_an_unknown_action_is_refused_with_those_known(action):
    with pytest.raises(ConfigError, match=r"unknown action .*Known: adjust_difficulty, raise_diff"):
        curriculum().adapt_curriculum(action)
