"""The register of strategies; and one of the user's own, in ten lines."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum import CurriculumManager, Outcome, Proposal, Strategy, register_strategy
from daf_nb.curriculum import strategy as module
from daf_nb.curriculum.strategy import check_strategy, known_strategies, make_strategy
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import curriculum, play, tasks, through_json


@pytest.fixture(autouse=True)
def own_register(monkeypatch):
    monkeypatch.setattr(module, "_KNOWN", known_strategies())


def ten_lines() -> type[Strategy]:
    @register_strategy("worst first")
    class WorstFirst(Strategy):
        def __init__(self, tasks, rng, *, memory: int = 5) -> None:
            super().__init__(tasks, rng)
            self.newest = [deque([0.0], maxlen=memory) for _ in tasks]

        def shares(self) -> np.ndarray:
            return np.array([1.01 - sum(s) / len(s) for s in self.newest])

        def update(self, outcome: Outcome) -> None:
            self.newest[outcome.task].append(outcome.success)

    return WorstFirst


def test_a_users_strategy_is_known_by_its_name_and_does_what_it_says():
    cls = ten_lines()
    assert known_strategies()["worst first"] is cls
    manager = curriculum(3, strategy="worst first", strategy_options={"memory": 2})
    for _ in range(2):
        manager.update_task_performance("task 0", 1.0)
    stats = manager.get_curriculum_stats()
    assert stats["strategy"] == "worst first"
    shares = [task["share"] for task in stats["tasks"].values()]
    assert shares == pytest.approx(np.array([0.01, 1.01, 1.01]) / 2.03)


def test_a_users_strategy_round_trips_though_it_keeps_lists_of_queues():
    ten_lines()
    first = curriculum(3, strategy="worst first")
    play(first, 40)
    second = curriculum(3, strategy="worst first", seed=9)
    second.load_state_dict(through_json(first.state_dict()))
    assert play(second, 40, first=40) == play(first, 40, first=40)


def test_a_strategy_over_difficulties_needs_propose_alone():
    @register_strategy("three quarters")
    class ThreeQuarters(Strategy):
        def propose(self) -> Proposal:
            return Proposal(difficulty=0.75)

    manager = curriculum(4, strategy="three quarters")
    assert {manager.get_next_task().task for _ in range(20)} == {"task 2"}
    assert manager.get_curriculum_stats()["tasks"]["task 2"]["share"] == 1.0


def test_a_strategy_that_chooses_nothing_says_so():
    @register_strategy("idle")
    class Idle(Strategy):
        pass

    with pytest.raises(NotImplementedError, match="Idle implements neither shares nor propose"):
        curriculum(strategy="idle").get_next_task()


def test_an_unknown_strategy_is_refused_with_those_known():
    for make in (
        lambda: CurriculumManager(CurriculumConfig(strategy="lesons")),
        lambda: make_strategy("lesons", tasks(), np.random.default_rng(0), {}),
    ):
        with pytest.raises(ConfigError, match=r"unknown strategy 'lesons'. Did you mean 'lessons'"):
            make()


def test_an_unknown_option_is_refused_before_any_task_is_there():
    with pytest.raises(ConfigError, match=r"unknown option of strategy 'tscl' 'windw'.*'window'"):
        CurriculumManager(CurriculumConfig(strategy="tscl", strategy_options={"windw": 3}))
    with pytest.raises(ConfigError, match=r"Known: \(none\)"):
        check_strategy("uniform", {"rng": 1})


@pytest.mark.parametrize(
    "register",
    [
        lambda: register_strategy("mine")(int),  # type: ignore[type-var] - what is refused
        lambda: register_strategy("mine")(lambda: 1),  # type: ignore[type-var] - what is refused
        lambda: register_strategy("lessons")(type("Mine", (Strategy,), {})),
        lambda: register_strategy(type("Mine", (Strategy,), {})),  # type: ignore[arg-type] - no name
        lambda: register_strategy(""),
    ],
    ids=["class", "function", "ours", "without name", "empty name"],
)
def test_what_is_no_strategy_and_names_that_are_taken_are_refused(register):
    before = known_strategies()
    with pytest.raises(ConfigError, match=r"no class of|daf_nb's own|a name is needed"):
        register()
    assert known_strategies() == before


def test_a_second_class_replaces_the_first_of_its_name():
    ten_lines()
    second = ten_lines()
    assert known_strategies()["worst first"] is second
