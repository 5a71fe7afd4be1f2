"""A curriculum in numbers: known values, and flags for what deserves a look."""

from __future__ import annotations

import numpy as np
import pytest

from daf_nb.curriculum import CurriculumManager
from daf_nb.curriculum.levers import set_focus, set_hold
from daf_nb.curriculum.slices import wilson_interval
from daf_nb.curriculum.statistics import metrics
from tests.curriculum.helpers import HOSTILE, curriculum, play, through_json


def report(manager: CurriculumManager, task: str, successes: list[float]) -> None:
    for success in successes:
        manager.update_task_performance(task, success)


def flags(manager: CurriculumManager) -> list[list[str]]:
    return [task["flags"] for task in manager.get_curriculum_stats()["tasks"].values()]


def test_before_any_episode_nothing_is_made_up():
    stats = curriculum(3, name="mine").get_curriculum_stats()
    tasks = stats.pop("tasks")
    assert stats == {
        "name": "mine",
        "strategy": "learnability",
        "num_custom_tasks": 3,
        "episodes": 0,
        "avg_performance": None,
        "adaptation_needed": False,
        "stagnation": None,
        "difficulty": pytest.approx(2 / 3),
        "difficulty_bias": 0.0,
        "uniform_share": 0.1,
        "rehearsal": 0,
        "hold": False,
        "task": None,
    }
    assert tasks["task 0"] == {
        "episodes": 0,
        "success": None,
        "interval": None,
        "learning_progress": 0.0,
        "share": pytest.approx(1 / 3),
        "difficulty": 1 / 3,
        "weight": 1.0,
        "flags": ["unplayed"],
    }


def test_every_number_is_what_was_reported():
    manager = curriculum(3, strategy="uniform", window=4)
    report(manager, "task 0", [1, 1, 0, 0.5, 0.25, 1])
    report(manager, "task 2", [0.0, 1.0])
    stats = manager.get_curriculum_stats()
    assert stats["episodes"] == 8
    assert stats["avg_performance"] == pytest.approx((0.25 + 1 + 0 + 1) / 4)
    first, second, third = stats["tasks"].values()
    assert (first["episodes"], first["success"]) == (6, pytest.approx(1.75 / 4))
    assert first["interval"] == pytest.approx(wilson_interval(1.75, 4))
    assert (third["episodes"], third["success"]) == (2, 0.5)
    assert third["interval"] == wilson_interval(1, 2)
    assert second["flags"] == ["unplayed"]


def test_shares_sum_to_1_and_are_those_that_are_drawn_by():
    manager = curriculum(5, strategy="learnability")
    play(manager, 100)
    shares = [task["share"] for task in manager.get_curriculum_stats()["tasks"].values()]
    assert sum(shares) == pytest.approx(1)
    drawn = [manager.get_next_task().index for _ in range(4000)]
    assert np.bincount(drawn, minlength=5) / 4000 == pytest.approx(shares, abs=0.04)


def test_learning_progress_is_there_unless_switched_off():
    on, off = curriculum(3), curriculum(3, enable_learning_progress=False)
    for manager in (on, off):
        report(manager, "task 1", [1.0] * 20)
    told = [task["learning_progress"] for task in on.get_curriculum_stats()["tasks"].values()]
    assert told[1] > 0 and told[0] == told[2] == 0
    silent = [task["learning_progress"] for task in off.get_curriculum_stats()["tasks"].values()]
    assert silent == [None] * 3


@pytest.mark.parametrize(
    ("success", "needed"), [(0.0, True), (0.29, True), (0.3, False), (0.7, False), (0.71, True)]
)
def test_adaptation_is_needed_outside_of_the_band(success, needed):
    manager = curriculum()
    report(manager, "task 0", [success] * 9)
    assert manager.get_curriculum_stats()["adaptation_needed"] is False
    report(manager, "task 0", [success])
    assert manager.get_curriculum_stats()["adaptation_needed"] is needed


def test_adaptation_is_needed_where_it_stagnates_and_the_words_say_why():
    manager = curriculum(stagnation_window=20)
    report(manager, "task 0", [0.5] * 20)
    stats = manager.get_curriculum_stats()
    assert stats["adaptation_needed"] is True
    assert stats["stagnation"] == "over the last 20 episodes mean success went from 0.50 to 0.50"


def test_flags_tell_mastered_left_out_waiting_and_retired_tasks():
    manager = curriculum(4, max_active_tasks=1, window=5, stats_update_frequency=5)
    assert flags(manager)[1:] == [["unplayed", "waiting"]] * 3
    manager.set_weight("task 3", 0)
    report(manager, "task 0", [1.0] * 5)
    assert flags(manager) == [
        ["mastered", "retired"],
        ["unplayed"],
        ["unplayed", "waiting"],
        ["unplayed", "left out"],
    ]


def test_noise_is_flagged_and_a_student_who_learned_is_not():
    manager, rng = curriculum(3), np.random.default_rng(4)
    for visit in range(800):
        report(manager, "task 0", [float(rng.random() < 0.5)])
        report(manager, "task 1", [float(rng.random() < visit / 700)])
    assert [("noise suspected" in names) for names in flags(manager)] == [True, False, False]
    assert "mastered" in flags(manager)[1]


def test_stats_are_data_whatever_tasks_are_called():
    manager = CurriculumManager()
    for name in HOSTILE:
        manager.add_task(name, difficulty=0.5)
    play(manager, 30)
    stats = manager.get_curriculum_stats()
    assert list(stats["tasks"]) == HOSTILE
    again = through_json(stats)
    assert list(again["tasks"]) == HOSTILE and again["episodes"] == 30


def test_metrics_are_difficulty_success_and_what_is_known_of_each_task():
    manager = curriculum(2, strategy="uniform")
    assert metrics(manager.teacher) == {
        "curriculum/difficulty": 0.75,
        "curriculum/episodes": 0.0,
        "curriculum/share/task 0": 0.5,
        "curriculum/share/task 1": 0.5,
    }
    report(manager, "task 1", [1.0, 0.5])
    told = metrics(manager.teacher)
    assert told["curriculum/success"] == told["curriculum/success/task 1"] == 0.75
    assert "curriculum/success/task 0" not in told


def test_metrics_of_many_tasks_leave_out_the_single_ones():
    assert len(metrics(curriculum(32).teacher)) == 2 + 32
    assert metrics(curriculum(33).teacher).keys() == {
        "curriculum/difficulty",
        "curriculum/episodes",
    }


def test_what_stands_still_and_what_is_in_focus_is_told():
    manager = curriculum(3, strategy="uniform")
    manager.life.change(lambda teacher: set_hold(teacher, True, "me"))
    manager.life.change(lambda teacher: set_focus(teacher, "task 1", "me"))
    report(manager, "task 2", [1.0])
    stats = manager.get_curriculum_stats()
    assert (stats["hold"], stats["task"]) == (True, "task 1")
    assert flags(manager) == [["unplayed"], ["unplayed", "focus"], []]
    assert [task["share"] for task in stats["tasks"].values()] == [0, 1, 0]
    assert metrics(manager.teacher)["curriculum/share/task 1"] == 1.0
