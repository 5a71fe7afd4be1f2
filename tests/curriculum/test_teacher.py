"""The moving parts together: seeds, looks now and then, and a state that is refused or exact."""

from __future__ import annotations

import copy
import random
import sys
import threading

import numpy as np
import pytest

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum import Assignment, Choice, CurriculumManager, Integers, Linear, Task, Uniform
from daf_nb.curriculum.strategies import LearningProgress
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import ConfigError, CurriculumStagnationError
from tests.curriculum.helpers import curriculum, play, tasks, through_json
from tests.curriculum.strategies.helpers import ALL

WIDE = [
    Task(
        "wide",
        (0.1, 0.9),
        env_kwargs={"n": Integers(1, 9), "far": Linear(0.0, 3.0)},
        config={"speed": Uniform(0.5, 2), "map": Choice("a", "b", "c")},
        weight=2.0,
    ),
    Task("easy", 0.1, config={"speed": Uniform(0.5, 1)}),
    Task("hard", 1.0, weight=0.5),
]
CASES = [
    *((name, tasks(5), options) for name, options in ALL.items()),
    *((name, WIDE, options) for name, options in ALL.items()),
    ("alp_gmm", WIDE[:1], ALL["alp_gmm"]),
    (None, tasks(5), {}),
    (None, WIDE, {}),
]
every_case = pytest.mark.parametrize(
    ("strategy", "of", "options"), CASES, ids=[f"{case[0]}-{len(case[1])}" for case in CASES]
)


def manager(strategy, of, options, **config) -> CurriculumManager:
    made = CurriculumManager(
        CurriculumConfig(**{"seed": 3, **config}, strategy=strategy, strategy_options=options)
    )
    made.add_tasks(of)
    return made


def teacher(count: int = 4, **config) -> Teacher:
    return Teacher(CurriculumConfig(**config), tasks(count), 0)


@every_case
def test_the_same_spec_and_seed_give_the_same_tasks_whatever_others_draw(strategy, of, options):
    def sequence(elsewhere: int):
        np.random.seed(elsewhere)  # noqa: NPY002 - the global state is what must not matter
        random.seed(elsewhere)
        mine, found = manager(strategy, of, options), []
        for episode in range(0, 240, 40):
            np.random.random(elsewhere)  # noqa: NPY002 - same
            random.random()
            found += play(mine, 40, first=episode)
        return found, mine.get_curriculum_stats()

    assert sequence(1) == sequence(2)


def test_nothing_is_drawn_from_global_chance():
    states = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index] # noqa: NPY002 - the global state is what must not change
    for strategy, of, options in CASES:
        play(manager(strategy, of, options), 120)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == states  # type: ignore[index] # noqa: NPY002 - same


@pytest.mark.parametrize("strategy", ["uniform", "adaptive", "alp_gmm", "learnability"])
def test_another_seed_gives_another_sequence(strategy):
    one, other = (play(manager(strategy, WIDE, {}, seed=seed), 30) for seed in (1, 2))
    assert one != other


@every_case
def test_a_state_that_went_through_json_continues_identically(strategy, of, options):
    how = {
        "max_active_tasks": None if strategy in ("fixed", "lessons") else 2,
        "stats_update_frequency": 10,
        "window": 20,
        "mastery": 0.6,
        "stagnation_window": 30,
        "on_failure": "rehearse",
    }
    first = manager(strategy, of, options, **how)
    play(first, 213)
    first.adapt_curriculum("raise_difficulty")
    first.set_weight(of[0].name, 1.5)
    first.adapt_curriculum("rehearse")
    play(first, 11, first=213)
    second = manager(strategy, of, options, **{**how, "seed": 99})
    play(second, 17)
    second.load_state_dict(through_json(first.state_dict()))
    assert second.state_dict() == first.state_dict()
    assert play(second, 150, first=224) == play(first, 150, first=224)
    assert second.state_dict() == first.state_dict()
    assert second.get_curriculum_stats() == first.get_curriculum_stats()
    one, other = (each.slices("difficulty") for each in (first, second))
    np.testing.assert_array_equal(one.episodes, other.episodes)
    np.testing.assert_array_equal(one.success, other.success)


@pytest.mark.parametrize(
    "flag", ["enable_learning_progress", "enable_slice_analysis", "stagnation_window"]
)
def test_a_state_without_a_part_continues_where_that_part_is_off(flag):
    how = {flag: None if flag == "stagnation_window" else False, "strategy": "tscl"}
    first, second = curriculum(**how), curriculum(**how)
    play(first, 50)
    second.load_state_dict(through_json(first.state_dict()))
    assert play(second, 50, first=50) == play(first, 50, first=50)


@pytest.mark.parametrize(
    "state",
    [
        lambda: {},
        lambda: [],
        lambda: None,
        lambda: teacher(5).state_dict(),
        lambda: Teacher(CurriculumConfig(), tasks(4)[::-1], 0).state_dict(),
        lambda: teacher(strategy="tscl").state_dict(),
        lambda: teacher(enable_slice_analysis=False).state_dict(),
        lambda: teacher(stagnation_window=50).state_dict(),
        lambda: {**teacher().state_dict(), "ledger": {}},
        lambda: {**teacher().state_dict(), "episodes": "many"},
        lambda: {**teacher().state_dict(), "recent": None},
        lambda: {**teacher().state_dict(), "log": {"outcomes": [1]}},
    ],
    ids=[
        "empty", "list", "none", "more tasks", "other order", "other strategy", "no log",
        "stagnation", "no ledger", "no count", "no successes", "no outcomes",
    ],
)  # fmt: skip
def test_a_state_of_another_curriculum_is_refused_and_changes_nothing(state):
    mine = curriculum()
    play(mine, 30)
    before = copy.deepcopy(mine.state_dict())
    with pytest.raises(ConfigError, match="the state"):
        mine.load_state_dict(state())
    assert mine.state_dict() == before


def test_learning_progress_is_tracked_once_whatever_the_strategy():
    beside = teacher(strategy="tscl")
    assert isinstance(beside.tracker, LearningProgress)
    itself = teacher(strategy="learning_progress")
    assert itself.tracker is itself.strategy
    assert teacher(enable_learning_progress=False).tracker is None
    for mine in (beside, itself):
        task = mine.chooser.tasks[1].assign(np.random.default_rng(0), index=1)
        for _ in range(20):
            mine.record(task, 1.0)
        assert mine.tracker is not None
        shares = mine.tracker.shares()
        assert shares[1] > 0 and np.count_nonzero(shares) == 1


@pytest.mark.parametrize("every", [1, 7, 25])
def test_the_whole_is_looked_at_every_so_many_episodes(every):
    mine = teacher(stats_update_frequency=every)
    looks = [mine.record(mine.assign(), 0.5) for _ in range(50)]
    assert [i + 1 for i, look in enumerate(looks) if look] == list(range(every, 51, every))


def test_only_so_many_tasks_are_active_and_mastered_ones_give_way_at_a_look():
    mine = teacher(
        5, strategy="uniform", max_active_tasks=2, window=10, mastery=0.8, stats_update_frequency=40
    )
    active = []
    for _ in range(200):
        active.append(tuple(np.flatnonzero(mine.chooser.roster.active).tolist()))
        played = mine.assign()
        assert played.index in active[-1]
        mine.record(played, 1.0)
    changes = [i for i in range(1, 200) if active[i] != active[i - 1]]
    assert changes == [40, 80] and [active[i] for i in (0, 40, 80)] == [(0, 1), (2, 3), (3, 4)]


@pytest.mark.parametrize("strategy", ["lessons", "adaptive"])
def test_others_may_read_while_a_run_in_another_thread_plays(strategy):
    mine = curriculum(strategy=strategy, stagnation_window=50, on_failure="rehearse", window=500)
    parts, ended = mine.teacher, threading.Event()

    def run() -> None:
        while not ended.is_set():
            parts.record(parts.assign(), 0.5)

    thread, switch = threading.Thread(target=run), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        thread.start()
        for _ in range(25):
            assert len(mine.generate_task_sequence(3)) == 3
            assert through_json(mine.state_dict())["strategy_name"] == strategy
            assert mine.get_curriculum_stats()["num_custom_tasks"] == 4
    finally:
        ended.set()
        thread.join()
        sys.setswitchinterval(switch)


def test_the_outcomes_log_holds_what_was_played():
    mine = manager("uniform", WIDE, {})
    played = play(mine, 60)
    log = mine.teacher.log
    assert log is not None
    assert [dict(values) for values, _ in log] == [one.values for one in played]
    assert mine.slices("map").episodes.sum() == sum(one.task == "wide" for one in played)


@pytest.mark.parametrize("strategy", ["fixed", "lessons"])
def test_a_strategy_with_an_order_of_its_own_is_not_limited(strategy):
    config = CurriculumConfig(strategy=strategy, max_active_tasks=2)
    with pytest.raises(ConfigError, match=f"{strategy}.*leave max_active_tasks"):
        Teacher(config, tasks(), 0)


def given(mine: Teacher, episodes: int, *, first: int = 0, success: float | None = None) -> None:
    """Outcomes of tasks in turn, for which nothing is drawn."""
    for episode in range(first, first + episodes):
        place = episode % len(mine.chooser.tasks)
        task = mine.chooser.tasks[place]
        luck = episode * 0.6180339887 % 1 if success is None else success
        played = Assignment(task.name, place, task.low, {}, {}, probe=True)
        mine.record(played, luck)
        mine.score(played, luck)


@pytest.mark.parametrize("strategy", ALL)
def test_what_is_held_learns_nothing_and_goes_on_as_if_nothing_had_been(strategy):
    config = CurriculumConfig(strategy=strategy, strategy_options=ALL[strategy])
    held, other = Teacher(config, tasks(5), 0), Teacher(config, tasks(5), 0)
    for mine in (held, other):
        mine.advance(0.25)
        given(mine, 230)
    before, shares = held.strategy.state_dict(), held.chooser.shares.tolist()
    held.hold = True
    held.advance(0.75)
    given(held, 500, success=1.0)
    assert held.strategy.state_dict() == before == other.strategy.state_dict()
    assert held.chooser.shares.tolist() == shares
    assert held.episodes == 730 and held.ledger.episodes.tolist() == [146] * 5
    assert list(held.recent) == [1.0] * 100
    assert held.log is not None and len(held.log) == 730
    held.hold = False
    for mine in (held, other):
        mine.advance(0.5)
        given(mine, 200, first=230)
    assert held.strategy.state_dict() == other.strategy.state_dict()
    learned = {name for name, value in held.strategy.state_dict().items() if value != before[name]}
    assert learned - {"progress"} or strategy in ("fixed", "schedule", "uniform")
    assert "progress" in learned


@pytest.mark.parametrize("strategy", ALL)
def test_what_is_held_is_still_drawn_from_and_its_state_is_exact(strategy):
    first = manager(strategy, tasks(5), ALL[strategy])
    play(first, 100)
    first.teacher.hold = True
    before = {**first.teacher.strategy.state_dict(), "rng": None}
    play(first, 300, first=100)
    assert {**first.teacher.strategy.state_dict(), "rng": None} == before
    assert first.teacher.episodes == 400
    second = manager(strategy, tasks(5), ALL[strategy], seed=8)
    second.load_state_dict(through_json(first.state_dict()))
    assert play(second, 50, first=400) == play(first, 50, first=400)
    assert second.state_dict() == first.state_dict()
    for mine in (first, second):
        mine.teacher.hold = False
    assert play(second, 150, first=450) == play(first, 150, first=450)


def test_the_tracker_learns_on_while_held_unless_it_is_the_strategy():
    for strategy in ("tscl", "learning_progress"):
        mine = teacher(strategy=strategy)
        given(mine, 40)
        assert mine.tracker is not None
        before = mine.tracker.state_dict()
        mine.hold = True
        given(mine, 200)
        assert (mine.tracker.state_dict() == before) is (strategy == "learning_progress")


def test_while_held_no_task_gives_way_and_afterwards_it_does():
    mine = teacher(5, strategy="uniform", max_active_tasks=2, window=10, stats_update_frequency=10)
    mine.hold = True
    looks = [mine.record(mine.assign(), 1.0) for _ in range(100)]
    assert not any(looks) and np.flatnonzero(mine.chooser.roster.active).tolist() == [0, 1]
    mine.hold = False
    looks = [mine.record(mine.assign(), 1.0) for _ in range(10)]
    assert looks[-1] and np.flatnonzero(mine.chooser.roster.active).tolist() == [2, 3]


def test_while_held_nothing_stagnates_and_the_count_goes_on_afterwards():
    mine = curriculum(stagnation_window=20, stats_update_frequency=1)
    given(mine.teacher, 20, success=0.5)
    assert mine.get_curriculum_stats()["stagnation"]
    mine.teacher.hold = True
    assert mine.check() == [] and mine.get_curriculum_stats()["stagnation"] is None
    for _ in range(50):
        mine.update_task_performance("task 0", 1.0)
    mine.teacher.hold = False
    with pytest.raises(CurriculumStagnationError, match=r"from 0\.50 to 0\.50"):
        mine.check()


@pytest.mark.parametrize("strategy", ALL)
def test_with_every_strategy_only_the_task_in_focus_is_played(strategy):
    first = manager(strategy, tasks(5), ALL[strategy], uniform_share=0.3)
    play(first, 100)
    first.teacher.chooser.roster.set_focus(1)
    first.adapt_curriculum("rehearse")
    assert {one.task for one in first.generate_task_sequence(50)} == {"task 1"}
    assert {one.task for one in play(first, 200, first=100)} == {"task 1"}
    assert first.get_curriculum_stats()["tasks"]["task 1"]["share"] == 1.0
    second = manager(strategy, tasks(5), ALL[strategy], seed=8)
    second.load_state_dict(through_json(first.state_dict()))
    assert second.teacher.focus == "task 1"
    assert play(second, 30, first=300) == play(first, 30, first=300)
    for mine in (first, second):
        mine.teacher.chooser.roster.set_focus(None)
    after = play(first, 100, first=330)
    assert after == play(second, 100, first=330)
    assert {one.task for one in after} != {"task 1"}


@pytest.mark.parametrize("strategy", ["adaptive", "robbins_monro"])
def test_a_bound_is_moved_by_the_task_in_focus_only_where_that_is_what_it_would_play(strategy):
    moved = []
    for place in (0, 1, 3):
        mine = Teacher(
            CurriculumConfig(strategy=strategy, strategy_options={"start": 0.5}), tasks(), 0
        )
        mine.chooser.roster.set_focus(place)
        for _ in range(400):
            mine.record(mine.assign(), 1.0)
        assert mine.strategy.bound is not None
        moved.append(mine.strategy.bound > 0.5)
    assert moved == [False, True, False]
