"""Another strategy at work: what it begins with, what is refused, and a state that is exact."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum import Assignment, CurriculumManager, Strategy, Task, register_strategy
from daf_nb.curriculum import strategy as module
from daf_nb.curriculum.post import default_strategy
from daf_nb.curriculum.strategies import LearningProgress
from daf_nb.curriculum.strategy import known_strategies
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import curriculum, play, tasks, through_json
from tests.curriculum.strategies.helpers import ALL


@pytest.fixture(autouse=True)
def own_register(monkeypatch):
    monkeypatch.setattr(module, "_KNOWN", known_strategies())


def configured(strategy: str | None, count: int = 5, **config: Any) -> CurriculumManager:
    """A curriculum with this strategy, and the options that make much happen."""
    return curriculum(
        count, strategy=strategy, strategy_options=ALL.get(strategy or "", {}), **config
    )


def told(teacher: Teacher, successes: int, first: int = 0) -> None:
    """Outcomes of tasks in turn, of which nothing is drawn."""
    for i in range(first, first + successes):
        task = teacher.chooser.tasks[i % len(teacher.chooser.tasks)]
        luck = float(i * 0.6180339887 % 1 > task.low)
        place = i % len(teacher.chooser.tasks)
        teacher.record(Assignment(task.name, place, task.low, {}, {}, probe=True), luck)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(ALL, ALL)))
def test_after_a_switch_a_state_that_went_through_json_continues_identically(first, second):
    one, other = configured(first), configured(first, seed=7)
    play(one, 90)
    one.teacher.switch(second)
    play(one, 47, first=90)
    state = through_json(one.state_dict())
    other.load_state_dict(state)
    assert through_json(other.state_dict()) == state
    assert other.get_curriculum_stats() == one.get_curriculum_stats()
    assert play(other, 80, first=137) == play(one, 80, first=137)
    for manager in (one, other):
        manager.teacher.switch(first)
    assert play(other, 40, first=217) == play(one, 40, first=217)
    assert other.state_dict() == one.state_dict()


@pytest.mark.parametrize("strategy", [None, *ALL])
def test_the_same_seed_and_switches_give_the_same_tasks(strategy):
    def sequence(elsewhere: int) -> list[Assignment]:
        np.random.seed(elsewhere)  # noqa: NPY002 - the global state is what must not matter
        manager, found = configured(strategy), []
        for episode, name in enumerate(ALL):
            found += play(manager, 20, first=20 * episode)
            manager.teacher.switch(name)
        return found + play(manager, 40)

    assert sequence(1) == sequence(2)


def test_a_restored_curriculum_switches_as_the_one_that_went_on():
    one, other = configured("robbins_monro"), configured("robbins_monro", seed=5)
    play(one, 60)
    other.load_state_dict(through_json(one.state_dict()))
    for manager in (one, other):
        manager.teacher.switch("alp_gmm")
    assert play(other, 60) == play(one, 60)


def test_chance_is_never_repeated_by_switching_to_and_fro():
    manager, found = configured("adaptive"), []
    for name in ("uniform", "learning_progress", "learning_progress", "adaptive"):
        found.append(tuple(manager.teacher.strategy.rng.random(3).tolist()))
        manager.teacher.switch(name)
        manager.teacher.switch("adaptive")
    assert len(set(found)) == 4


def test_a_seed_that_comes_after_a_switch_and_before_a_draw_is_taken():
    late, early = configured("plr", seed=None), configured("plr", seed=2)
    for manager in (late, early):
        for name in ("adaptive", "learning_progress", "robbins_monro"):
            manager.teacher.switch(name)
    late.life.begin(2)
    assert play(late, 60) == play(early, 60)


@pytest.mark.parametrize(
    ("first", "options", "second", "bound"),
    [
        ("adaptive", {"start": 0.62}, "robbins_monro", 0.62),
        ("adaptive", {"start": 0.62}, "lessons", 0.6),
        ("adaptive", {"start": 0.72}, "lessons", 0.8),
        ("adaptive", {"start": 0.25}, "lessons", 0.2),
        ("lessons", {}, "adaptive", 0.2),
        ("robbins_monro", {"start": 0.01}, "adaptive", 0.05),
        ("robbins_monro", {"start": 0.9}, "schedule", 0.0),
        ("schedule", {"start": 0.37}, "robbins_monro", 0.37),
        ("fixed", {"task": 3}, "adaptive", 0.8),
        ("fixed", {"task": 3}, "lessons", 0.8),
        ("uniform", {}, "robbins_monro", 0.6),
    ],
)
def test_a_bound_begins_where_the_curriculum_stands(first, options, second, bound):
    manager = curriculum(5, strategy=first, strategy_options=options)
    manager.get_next_task()
    manager.teacher.switch(second)
    assert manager.teacher.strategy.bound == pytest.approx(bound, abs=1e-12)


def test_a_bound_begins_where_tasks_were_drawn_lately_if_nothing_else_is_known():
    manager = configured("alp_gmm", 50)
    levels = [manager.get_next_task().difficulty for _ in range(30)]
    manager.teacher.switch("robbins_monro")
    assert manager.teacher.strategy.bound == pytest.approx(np.mean(levels))


def test_before_the_first_draw_a_strategy_has_its_own_start_unless_there_was_a_bound():
    shares, bounded = configured("uniform"), curriculum(5, strategy="lessons")
    for manager in (shares, bounded):
        manager.teacher.switch("adaptive")
    assert (shares.teacher.strategy.bound, bounded.teacher.strategy.bound) == (0.1, 0.2)


def test_the_time_that_is_gone_stays_gone():
    manager = configured("uniform")
    manager.teacher.advance(0.4)
    manager.teacher.switch("learning_progress")
    manager.teacher.switch("schedule")
    assert manager.teacher.strategy.bound == pytest.approx(0.5)


def test_options_are_those_given_else_of_the_config_else_the_defaults():
    manager = curriculum(strategy="adaptive", strategy_options={"queue": 7})
    queues = []
    for name, options in (
        ("uniform", None),
        ("adaptive", None),
        ("adaptive", {"queue": 3}),
        ("adaptive", {}),
    ):
        manager.teacher.switch(name, options)
        queues.append(getattr(manager.teacher.strategy, "probes", None))
    assert queues == [None, 7, 3, 100]
    manager.teacher.switch("lessons")
    assert manager.teacher.strategy.state_dict()["window"] == 100


def test_options_that_were_given_are_in_the_state():
    @register_strategy("needy")
    class Needy(Strategy):
        def __init__(self, tasks, rng, *, places: list[int]) -> None:
            super().__init__(tasks, rng)
            for place in places:
                setattr(self, f"place_{place}", 0)

        def shares(self) -> np.ndarray:
            return np.ones(len(self.names))

    one, other = curriculum(), curriculum()
    one.teacher.switch("needy", {"places": [1, 3]})
    other.load_state_dict(through_json(one.state_dict()))
    assert vars(other.teacher.strategy).keys() >= {"place_1", "place_3"}
    assert play(other, 20) == play(one, 20)


def test_the_uniform_share_follows_while_it_is_the_strategys_own():
    own, set_, asked = (curriculum(), curriculum(), curriculum(uniform_share=0.1))
    set_.teacher.chooser.uniform_share = 0.3
    shares = []
    for name in ("learning_progress", "tscl", "learnability"):
        for manager in (own, set_, asked):
            manager.teacher.switch(name)
        shares.append([m.teacher.chooser.uniform_share for m in (own, set_, asked)])
    assert shares == [[0.2, 0.3, 0.1], [0.0, 0.3, 0.1], [0.1, 0.3, 0.1]]


def test_learning_progress_takes_up_what_the_tracker_knows_and_leaves_it_there():
    manager = curriculum(strategy="tscl")
    told(manager.teacher, 200)
    tracker = manager.teacher.tracker
    assert tracker is not None
    known = tracker.shares().tolist()
    assert sum(known) > 0
    manager.teacher.switch("learning_progress")
    assert manager.teacher.strategy is manager.teacher.tracker is tracker
    assert manager.teacher.strategy.shares().tolist() == known
    told(manager.teacher, 100)
    learned = tracker.shares().tolist()
    manager.teacher.switch("plr")
    assert manager.teacher.tracker is tracker and tracker.shares().tolist() == learned != known
    told(manager.teacher, 100)
    assert tracker.shares().tolist() != learned


def test_learning_progress_with_other_options_begins_anew_and_is_the_tracker():
    manager = curriculum(strategy="learning_progress", strategy_options={"batch": 3})
    told(manager.teacher, 100)
    configured = manager.teacher.tracker
    for name in ("tscl", "learning_progress"):
        manager.teacher.switch(name)
        assert manager.teacher.tracker is configured
    manager.teacher.switch("learning_progress", {"batch": 4})
    assert manager.teacher.strategy is manager.teacher.tracker is not configured
    assert manager.teacher.strategy.shares().tolist() == [0.0] * 4


def test_a_users_kind_of_learning_progress_has_a_tracker_of_daf_nbs_own_beside_it():
    register_strategy("mine")(type("Mine", (LearningProgress,), {}))
    one, other = curriculum(strategy="mine"), curriculum(strategy="mine")
    assert type(one.teacher.tracker) is LearningProgress
    one.teacher.switch("learning_progress")
    one.teacher.switch("uniform")
    other.load_state_dict(through_json(one.state_dict()))
    assert play(other, 50) == play(one, 50)
    assert other.state_dict() == one.state_dict()


def test_stagnation_is_counted_anew():
    manager = curriculum(stagnation_window=20, strategy="uniform")
    for _ in range(20):
        manager.update_task_performance("task 0", 0.5)
    assert manager.get_curriculum_stats()["stagnation"]
    manager.teacher.switch("learnability")
    assert manager.get_curriculum_stats()["stagnation"] is None


SINGLE = [Task("one", 0.5)]


@pytest.mark.parametrize(
    ("of", "config", "name", "options", "message"),
    [
        (tasks(), {}, "lesons", None, "unknown strategy 'lesons'. Did you mean 'lessons'"),
        (tasks(), {}, None, None, "unknown strategy None"),
        (tasks(), {}, "tscl", {"windw": 3}, "unknown option of strategy 'tscl' 'windw'"),
        (tasks(), {}, "tscl", {"window": 1}, "window=1; an integer of 2 or more"),
        (tasks(), {}, "fixed", {"task": 9}, "task=9; an integer from 0 to 3"),
        (SINGLE, {}, "alp_gmm", None, "'one' has nothing continuous to choose"),
        (tasks(), {"max_active_tasks": 2}, "lessons", None, "leave max_active_tasks"),
        (tasks(), {"max_active_tasks": 2}, "fixed", None, "leave max_active_tasks"),
        (
            tasks(),
            {"enable_learning_progress": False},
            "learning_progress",
            None,
            "needs enable_learning_progress=True",
        ),
    ],
)
def test_an_unwilling_strategy_is_refused_and_nothing_is_changed(
    of, config, name, options, message
):
    manager = CurriculumManager(CurriculumConfig(seed=0, strategy="adaptive", **config))
    manager.add_tasks(of)
    play(manager, 30)
    before, strategy = manager.state_dict(), manager.teacher.strategy
    with pytest.raises(ConfigError, match=message):
        manager.teacher.switch(name, options)
    assert manager.state_dict() == before
    assert manager.teacher.strategy is manager.teacher.chooser.strategy is strategy


@pytest.mark.parametrize(
    ("of", "config", "missing"),
    [
        (tasks(), {}, set()),
        (SINGLE, {}, {"alp_gmm"}),
        ([Task("wide", (0, 1))], {}, set()),
        (tasks(), {"max_active_tasks": 2}, {"fixed", "lessons"}),
        (tasks(), {"enable_learning_progress": False}, {"learning_progress"}),
    ],
)
def test_usable_are_those_that_may_be_switched_to_and_no_others(of, config, missing):
    @register_strategy("needy")
    class Needy(Strategy):
        def __init__(self, tasks, rng, *, place: int) -> None:
            super().__init__(tasks, rng)

    @register_strategy("odd")
    class Odd(Strategy):
        def __init__(self, tasks, rng) -> None:
            raise KeyError("no such map")

    teacher = Teacher(CurriculumConfig(strategy="uniform", **config), of, 0)
    assert teacher.usable == sorted(ALL.keys() - missing)
    for name in teacher.usable:
        teacher.switch(name)
        assert teacher.name == name
        teacher.record(teacher.assign(), 0.5)
    with pytest.raises(ConfigError, match="strategy 'needy' needs its option place"):
        teacher.switch("needy")


def test_a_strategy_that_is_usable_only_with_the_options_of_the_config_is_usable():
    @register_strategy("needy")
    class Needy(Strategy):
        def __init__(self, tasks, rng, *, place: int) -> None:
            super().__init__(tasks, rng)

    config = CurriculumConfig(strategy="needy", strategy_options={"place": 2})
    assert "needy" in Teacher(config, tasks(), 0).usable
    assert "needy" not in Teacher(CurriculumConfig(strategy="uniform"), tasks(), 0).usable


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        ({"configured": "tscl"}, "configured with strategy 'tscl'; this one with 'uniform'"),
        ({"strategy_name": "gone"}, "unknown strategy 'gone'"),
        ({"strategy_name": ["uniform"]}, "the state cannot be read: strategy"),
        ({"strategy_name": "learning_progress"}, "the state is not one of this curriculum"),
        ({"strategy_name": "adaptive"}, "the state is not one of Adaptive"),
        ({"options": [1]}, "the state cannot be read: strategy"),
        ({"options": {"window": 3}}, "unknown option of strategy 'uniform' 'window'"),
        ({"switches": -1}, "after -1 switches"),
        ({"hold": "yes"}, "the state cannot be read: hold"),
        ({"tracker": None}, "not one of LearningProgress"),
        ({"chooser": {}}, "not one of Chooser"),
        ({"log": {"outcomes": [1]}}, "not one of OutcomeLog"),
    ],
    ids=str,
)
def test_a_state_that_does_not_fit_is_refused_and_the_strategy_at_work_stays(odd, message):
    manager = curriculum(strategy="uniform")
    play(manager, 20)
    good = manager.state_dict()
    manager.teacher.switch("plr")
    play(manager, 20)
    before, strategy = manager.state_dict(), manager.teacher.strategy
    with pytest.raises(ConfigError, match=message):
        manager.load_state_dict(through_json({**good, **odd}))
    assert manager.state_dict() == before
    assert manager.teacher.strategy is manager.teacher.chooser.strategy is strategy
    manager.load_state_dict(through_json(good))
    assert manager.teacher.name == "uniform" and manager.state_dict() == good


def test_ranges_of_difficulty_are_adaptive_by_default_and_unordered_tasks_learnability():
    assert default_strategy(tasks()) == "learnability"
    assert default_strategy([*tasks(), Task("wide", (0, 1))]) == "adaptive"
    manager = curriculum()
    manager.teacher.switch("tscl")
    assert manager.teacher.name == "tscl"
    assert manager.teacher.post.configured == "learnability"
