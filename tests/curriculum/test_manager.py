"""The manager's verbs: what they take, change, tell and refuse."""

from __future__ import annotations

from typing import Any

import pytest

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum import (
    Assignment,
    Change,
    Choice,
    CurriculumManager,
    Integers,
    Linear,
    Uniform,
    buckets,
)
from daf_nb.curriculum.levers import set_focus
from daf_nb.errors import ConfigError, CurriculumStagnationError, TaskGenerationError
from tests.curriculum.helpers import HOSTILE, curriculum, play, tasks, through_json
from tests.curriculum.strategies.helpers import ALL

NAN = float("nan")


def report(manager: CurriculumManager, success: float, episodes: int) -> None:
    for _ in range(episodes):
        manager.update_task_performance("task 0", success)


def told(manager: CurriculumManager) -> list[Change]:
    changes: list[Change] = []
    manager.subscribe(changes.append)
    return changes


def broken(difficulty: float) -> float:
    raise ValueError("no such world")


def test_a_task_is_added_with_its_fields_and_drawn():
    manager = CurriculumManager()

    def apply(env: Any, params: Any) -> None:
        return None

    task = manager.add_task(
        "a",
        difficulty=(0, 1),
        env_kwargs={"n": Integers(1, 2)},
        config={"far": Linear(0.0, 5.0)},
        success=(0, 10),
        weight=2,
        apply=apply,
    )
    assert manager.tasks == {"a": task} and task.apply is apply and task.weight == 2
    one = manager.get_next_task()
    assert str(one) == "a" and one.env_kwargs["n"] in (1, 2)
    assert one.config["far"] == pytest.approx(5 * one.difficulty)


def test_tasks_may_come_from_the_config_and_from_lists():
    manager = CurriculumManager(CurriculumConfig(tasks=({"name": "a", "difficulty": 0.5},)))
    manager.add_tasks(buckets("b", count=2))
    assert list(manager.tasks) == ["a", "b[0..0.5]", "b[0.5..1]"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda m: m.add_task("task 0", difficulty=0.5), "exists already"),
        (lambda m: m.add_task("x", difficulty=1.5), r"a number in \[0, 1\]"),
        (lambda m: m.add_task("x", difficulty=NAN), r"a number in \[0, 1\]"),
        (lambda m: m.add_task("x", difficulty=0.5, weight=-1), "a number from 0"),
        (lambda m: m.add_task("x", difficulty=0.5, weight=NAN), "a number from 0"),
        (lambda m: m.add_task("", difficulty=0.5), "a text that is not empty"),
        (lambda m: m.add_tasks([3]), "is no Task"),
        (lambda m: m.set_weight("task 9", 1), "unknown task 'task 9'"),
        (lambda m: m.set_weight("task 0", -1), "a number from 0"),
        (lambda m: m.set_weight("task 0", NAN), "a number from 0"),
        (lambda m: m.set_weight("task 0", "1"), "a number from 0"),
        (lambda m: m.update_task_performance("task 9", 1), "unknown task 'task 9'"),
        (lambda m: m.update_task_performance(["task 0"], 1), "unknown task"),
        (lambda m: m.slices("tusk"), "no outcome|unknown axis"),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed_and_changes_nothing(ask, message):
    manager = curriculum()
    with pytest.raises(ConfigError, match=message):
        ask(manager)
    assert list(manager.tasks.values()) == tasks()
    assert manager.get_curriculum_stats() == curriculum().get_curriculum_stats()


@pytest.mark.parametrize("performance", [-0.01, 1.01, NAN, float("inf"), None, "1", [1.0], 1j])
def test_a_performance_that_is_no_success_is_refused_and_not_counted(performance):
    manager = curriculum()
    assignment = manager.get_next_task()
    for task in ("task 0", assignment):
        with pytest.raises(ConfigError, match=r"success in \[0, 1\] is needed; scale a return"):
            manager.update_task_performance(task, performance)
    assert manager.get_curriculum_stats()["episodes"] == 0


def test_an_empty_curriculum_is_refused_and_can_still_be_filled():
    manager = CurriculumManager()
    for ask in (manager.get_next_task, manager.get_curriculum_stats):
        with pytest.raises(ConfigError, match="has no task; add one with add_task"):
            ask()
    manager.add_task("a", difficulty=0.5)
    assert str(manager.get_next_task()) == "a"


def test_no_task_can_be_added_once_it_has_begun():
    manager = curriculum()
    assert not manager.begun
    manager.get_next_task()
    assert manager.begun
    with pytest.raises(ConfigError, match="the curriculum has begun"):
        manager.add_task("late", difficulty=0.5)


def test_hostile_names_are_kept_as_they_are():
    manager = CurriculumManager(CurriculumConfig(name=HOSTILE[0], seed=0, goal="task"))
    for name in HOSTILE:
        manager.add_task(name, difficulty=0.5, config={name: 1})
    for name in HOSTILE:
        manager.update_task_performance(name, 1.0)
    assert manager.set_weight(HOSTILE[1], 0)[0].name == f"curriculum.weight[{HOSTILE[1]}]"
    other = CurriculumManager(CurriculumConfig(**through_json(manager.spec())))
    other.load_state_dict(through_json(manager.state_dict()))
    stats = other.get_curriculum_stats()
    assert stats == manager.get_curriculum_stats()
    assert {name: task["episodes"] for name, task in stats["tasks"].items()} == dict.fromkeys(
        HOSTILE, 1
    )


def test_an_assignment_is_credited_to_its_own_task():
    manager = curriculum()
    played = [manager.get_next_task() for _ in range(50)]
    for one in reversed(played):
        manager.update_task_performance(one, one.index / 4)
    for i, task in enumerate(manager.get_curriculum_stats()["tasks"].values()):
        assert task["episodes"] == sum(one.index == i for one in played) > 0
        assert task["success"] == pytest.approx(i / 4)


@pytest.mark.parametrize("index", [0, 7, -1])
def test_an_assignment_of_another_curriculum_is_refused(index):
    manager = curriculum()
    for name in ("task 1", "elsewhere"):
        with pytest.raises(ConfigError, match=r"another curriculum|unknown task 'elsewhere'"):
            manager.update_task_performance(Assignment(name, index, 0.5, {}, {}), 1.0)
    assert manager.get_curriculum_stats()["episodes"] == 0


def test_a_task_by_name_stands_for_an_episode_at_the_bound():
    manager = CurriculumManager(CurriculumConfig(strategy_options={"queue": 5}))
    manager.add_task("all", difficulty=(0, 1))
    for _ in range(5):
        manager.update_task_performance("all", 1.0)
    assert manager.get_curriculum_stats()["difficulty"] == 0.15
    log = manager.teacher.log
    assert log is not None
    assert [values["difficulty"] for values, _ in log] == [0.1] * 5


def test_of_tasks_by_name_only_the_nearest_to_the_bound_moves_it():
    manager = curriculum(4, strategy="adaptive", strategy_options={"queue": 5, "start": 0.6})
    for name in ("task 0", "task 2", "task 3"):
        for _ in range(5):
            manager.update_task_performance(name, 1.0)
    assert manager.get_curriculum_stats()["difficulty"] == 0.6
    for _ in range(5):
        manager.update_task_performance("task 1", 1.0)
    assert manager.get_curriculum_stats()["difficulty"] == 0.65


def test_a_report_by_name_makes_up_no_values_and_draws_nothing():
    manager = CurriculumManager(CurriculumConfig(strategy="uniform", seed=0))
    manager.add_task("a", difficulty=(0.2, 0.4), config={"x": Uniform(0, 1), "y": 5})
    manager.add_task("b", difficulty=1.0, env_kwargs={"m": Choice(1, 2), "f": lambda d: d})
    before = manager.state_dict()["chooser"]
    for name in ("a", "b"):
        manager.update_task_performance(name, 1.0)
    assert manager.state_dict()["chooser"] == before
    log = manager.teacher.log
    assert log is not None
    assert [dict(values) for values, _ in log] == [
        {"task": "a", "difficulty": 0.4, "y": 5},
        {"task": "b", "difficulty": 1.0},
    ]


def test_weights_are_factors_of_shares_and_changes_are_told():
    manager = curriculum(4, strategy="uniform")
    heard = told(manager)
    manager.set_weight("task 1", 3, by="me")
    manager.set_weight("task 2", 0)
    assert manager.set_weight("task 2", 0) == []
    assert heard == [
        Change("curriculum.weight[task 1]", 1.0, 3.0, "me"),
        Change("curriculum.weight[task 2]", 1.0, 0.0, "user"),
    ]
    shares = [task["share"] for task in manager.get_curriculum_stats()["tasks"].values()]
    assert shares == pytest.approx([0.2, 0.6, 0, 0.2])


def test_the_last_task_cannot_be_left_out_by_weight():
    manager = curriculum(2)
    manager.set_weight("task 0", 0)
    heard = told(manager)
    with pytest.raises(ConfigError, match="no task can be drawn"):
        manager.set_weight("task 1", 0)
    assert heard == [] and str(manager.get_next_task()) == "task 1"


@pytest.mark.parametrize("on_failure", ["reduce_difficulty", "rehearse"])
def test_a_task_that_cannot_be_made_is_left_out_until_it_is_the_last(on_failure):
    manager = curriculum(2, on_failure=on_failure)
    heard = told(manager)
    error = TaskGenerationError("no such world", task="task 0")
    assert manager.leave_out(error, "task 0") == heard
    assert heard == [
        Change("curriculum.weight[task 0]", 1.0, 0.0, "task generation: no such world", own=True)
    ]
    assert {str(manager.get_next_task()) for _ in range(20)} == {"task 1"}
    for task in ("task 1", "unknown"):
        with pytest.raises(TaskGenerationError, match="no such world"):
            manager.leave_out(error, task)


def test_a_task_that_cannot_be_made_raises_where_failures_do():
    manager = curriculum(2)
    error = TaskGenerationError("no such world", task="task 0")
    with pytest.raises(TaskGenerationError) as caught:
        manager.leave_out(error, "task 0")
    assert caught.value is error
    assert manager.get_curriculum_stats()["tasks"]["task 0"]["weight"] == 1.0


def test_a_draw_by_hand_is_from_all_tasks_whatever_is_in_focus():
    manager = curriculum(4, strategy="uniform")
    manager.life.change(lambda teacher: set_focus(teacher, "task 1", "me"))
    assert {str(manager.get_next_task()) for _ in range(60)} == set(manager.tasks)
    assert {str(manager.teacher.assign()) for _ in range(20)} == {"task 1"}


def test_the_task_in_focus_is_not_left_out_though_it_cannot_be_made():
    manager = curriculum(3, on_failure="rehearse")
    manager.life.change(lambda teacher: set_focus(teacher, "task 1", "me"))
    with pytest.raises(TaskGenerationError, match="no such world"):
        manager.leave_out(TaskGenerationError("no such world", task="task 1"), "task 1")
    assert str(manager.teacher.assign()) == "task 1"
    assert manager.leave_out(TaskGenerationError("no such world", task="task 0"), "task 0")


def test_a_report_by_name_moves_the_bound_by_the_nearest_task_whatever_is_in_focus():
    options = {"queue": 5, "start": 0.5}
    manager = curriculum(strategy="adaptive", strategy_options=options)
    manager.life.change(lambda teacher: set_focus(teacher, "task 3", "me"))
    report(manager, 1.0, 5)
    bounds = [manager.teacher.strategy.bound]
    for name in ("task 3", "task 1"):
        for _ in range(5):
            manager.update_task_performance(name, 1.0)
        bounds.append(manager.teacher.strategy.bound)
    assert bounds == [0.5, 0.5, 0.55]


def test_one_that_waits_takes_the_place_of_a_task_that_cannot_be_made():
    manager = curriculum(3, max_active_tasks=1, on_failure="rehearse")
    manager.leave_out(TaskGenerationError("broken", task="task 0"), "task 0")
    assert str(manager.get_next_task()) == "task 1"


def test_a_function_of_the_difficulty_that_raises_names_its_task():
    manager = CurriculumManager()
    manager.add_task("far", difficulty=0.5, env_kwargs={"n": broken})
    with pytest.raises(
        TaskGenerationError, match=r"task 'far': n at difficulty 0.5 raised"
    ) as error:
        manager.get_next_task()
    assert error.value.task == "far"


def test_stagnation_raises_at_the_first_look_after_its_window():
    manager = curriculum(name="mine", stagnation_window=25, stats_update_frequency=10)
    report(manager, 0.5, 29)
    with pytest.raises(CurriculumStagnationError, match="'mine' stagnates: over the last"):
        report(manager, 0.5, 1)
    assert manager.get_curriculum_stats()["episodes"] == 30


def test_stagnation_never_raises_where_nobody_looks():
    manager = curriculum()
    report(manager, 0.5, 500)
    assert manager.check() == [] and manager.get_curriculum_stats()["stagnation"] is None


def test_mastery_and_progress_are_no_stagnation():
    mastered = curriculum(stagnation_window=20, stats_update_frequency=1)
    report(mastered, 0.95, 100)
    learning = curriculum(stagnation_window=20, stats_update_frequency=1)
    for episode in range(100):
        report(learning, episode / 100, 1)
    assert mastered.check() == learning.check() == []


@pytest.mark.parametrize(
    ("strategy", "on_failure", "name", "old", "new"),
    [
        ("adaptive", "reduce_difficulty", "curriculum.difficulty", 0.1, 0.05),
        ("learnability", "reduce_difficulty", "curriculum.difficulty_bias", 0.0, -0.25),
        ("learnability", "rehearse", "curriculum.rehearsal", 0, 100),
    ],
)
def test_stagnation_is_answered_once_a_window_and_told(strategy, on_failure, name, old, new):
    manager = curriculum(
        strategy=strategy, stagnation_window=20, stats_update_frequency=1, on_failure=on_failure
    )
    heard = told(manager)
    report(manager, 0.5, 19)
    assert heard == []
    report(manager, 0.5, 20)
    (change,) = heard
    assert (change.name, change.old, change.new, change.own) == (name, old, new, True)
    assert change.by.startswith("stagnation: over the last 20 episodes")


def test_without_slice_analysis_nothing_is_kept():
    manager = curriculum(enable_slice_analysis=False)
    play(manager, 20)
    assert manager.teacher.log is None
    with pytest.raises(ConfigError, match="enable_slice_analysis=False"):
        manager.slices("task")


def test_slices_are_by_task_and_by_every_value():
    manager = curriculum()
    played = play(manager, 80)
    slices = manager.slices("task")
    assert dict(zip(slices.axes[0].labels, slices.episodes.tolist(), strict=True)) == {
        task.name: sum(one.task == task.name for one in played) for task in tasks()
    }


def test_the_strategy_of_learning_progress_needs_it_enabled():
    with pytest.raises(ConfigError, match="needs enable_learning_progress=True"):
        CurriculumManager(
            CurriculumConfig(strategy="learning_progress", enable_learning_progress=False)
        )


@pytest.mark.parametrize("strategy", [None, *ALL])
def test_a_spec_that_went_through_json_makes_the_same_curriculum(strategy):
    first = CurriculumManager(
        CurriculumConfig(
            name="mine",
            strategy=strategy,
            strategy_options=ALL.get(strategy or "", {}),
            uniform_share=0.05,
            max_active_tasks=None if strategy in ("fixed", "lessons") else 3,
            success_band=(0.2, 0.8),
            target=("wide",),
        )
    )
    first.add_tasks(tasks(3))
    first.add_task(
        "wide",
        difficulty=(0.2, 0.9),
        env_kwargs={"n": Integers(1, 5), "far": Linear(1, 9)},
        config={"map": Choice("a", None, 2), "x": Uniform(0, 1)},
        success=(-5, 5),
        weight=0.5,
    )
    first.life.begin(11)
    second = CurriculumManager(CurriculumConfig(**through_json(first.spec())))
    assert second.config.seed == 11 and second.tasks == first.tasks
    assert second.spec() == first.spec()
    assert play(second, 150) == play(first, 150)
    assert second.get_curriculum_stats() == first.get_curriculum_stats()


def test_the_seed_is_the_configs_else_the_one_given_else_drawn_and_kept():
    fixed, given, drawn = curriculum(seed=5), curriculum(seed=None), curriculum(seed=None)
    assert given.spec()["seed"] is None
    for manager in (fixed, given):
        manager.life.begin(9)
    drawn.life.begin()
    assert (fixed.spec()["seed"], given.spec()["seed"]) == (5, 9)
    seed = drawn.spec()["seed"]
    assert isinstance(seed, int)
    assert play(curriculum(seed=seed), 20) == play(drawn, 20)


def test_a_seed_that_comes_before_the_first_draw_is_taken_and_later_ones_are_not():
    manager = curriculum(seed=None)
    manager.set_weight("task 0", 2)
    teacher = manager.life.begin(1)
    assert manager.life.begin(2) is teacher and manager.spec()["seed"] == 2
    fresh = curriculum(seed=2)
    fresh.set_weight("task 0", 2)
    assert play(manager, 30) == play(fresh, 30)
    assert manager.life.begin(3) is teacher and manager.spec()["seed"] == 2


def test_reading_commits_nothing():
    """Neither the seed nor the list of tasks, and no draw: what comes then is what would have."""
    manager = curriculum(seed=None)
    manager.get_curriculum_stats()
    manager.generate_task_sequence(5)
    manager.state_dict()
    assert not manager.begun and manager.spec()["seed"] is None
    manager.add_task("late", difficulty=1.0)
    manager.life.begin(3)
    plain = curriculum(seed=3)
    plain.add_task("late", difficulty=1.0)
    assert play(manager, 30) == play(plain, 30)


def test_while_a_run_trains_changes_go_through_its_door_and_it_hears_of_them():
    manager, asked, heard = curriculum(strategy="learnability"), [], []

    def door(work):
        asked.append(work)
        return []

    with manager.life.lease(door, heard.append):
        assert manager.set_weight("task 0", 2) == manager.adapt_curriculum("rehearse") == []
        assert heard == [] and len(asked) == 2
        changes = [change for work in asked for change in work()]
        assert changes == heard and [c.name for c in heard] == [
            "curriculum.weight[task 0]",
            "curriculum.rehearsal",
        ]
        with pytest.raises(ConfigError, match="unknown action"):
            manager.adapt_curriculum("reduce")
    manager.set_weight("task 0", 3)
    assert len(heard) == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda manager: manager.get_next_task(),
        lambda manager: manager.update_task_performance("task 0", 1.0),
        lambda manager: manager.load_state_dict({}),
        lambda manager: manager.life.refuse_leased(),
    ],
)
def test_while_a_run_trains_nobody_else_plays(ask):
    manager = curriculum()
    with (
        manager.life.lease(lambda work: work(), print),
        pytest.raises(ConfigError, match=r"trains on|trained on"),
    ):
        ask(manager)
    assert not manager.begun


def test_while_a_run_trains_others_may_read():
    manager = curriculum()
    with manager.life.lease(lambda work: [], print):
        assert len(manager.generate_task_sequence(2)) == 2
        assert manager.get_curriculum_stats()["episodes"] == 0


def test_a_lease_ends_with_the_run_that_broke():
    manager = curriculum()
    with (
        pytest.raises(RuntimeError, match="broke"),
        manager.life.lease(lambda work: work(), print),
    ):
        raise RuntimeError("it broke")
    assert not manager.life.leased
    assert manager.get_next_task()


@pytest.mark.parametrize("strategy", ["adaptive", "lessons"])
def test_a_difficulty_that_cannot_be_reduced_changes_nothing_at_all(strategy):
    manager = curriculum(strategy=strategy)
    while manager.adapt_curriculum("reduce_difficulty"):
        pass
    report(manager, 1.0, 7)
    before = manager.state_dict()
    assert manager.adapt_curriculum("reduce_difficulty") == []
    assert manager.state_dict() == before


def test_stagnation_that_cannot_be_answered_raises():
    manager = curriculum(
        strategy="lessons",
        stagnation_window=20,
        stats_update_frequency=1,
        on_failure="reduce_difficulty",
    )
    with pytest.raises(CurriculumStagnationError, match="can change nothing more"):
        report(manager, 0.5, 30)


@pytest.mark.parametrize("config", ["adaptive", {"strategy": "adaptive"}, CurriculumConfig])
def test_what_is_no_config_is_refused(config):
    with pytest.raises(ConfigError, match=r"CurriculumConfig\(strategy="):
        CurriculumManager(config)
