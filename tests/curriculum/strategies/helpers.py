"""Strategies over small curricula, and one episode with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from daf_nb.curriculum.parameters import Uniform
from daf_nb.curriculum.strategy import Outcome, Strategy, make_strategy
from daf_nb.curriculum.tasks import Task
from tests.curriculum.students import draw_task

# Every strategy, with options that make much happen within a few hundred episodes.
ALL: dict[str, dict[str, Any]] = {
    "adaptive": {"queue": 15, "high": 0.5, "low": 0.45},
    "alp_gmm": {"fit_every": 100, "components": 4, "history": 150},
    "fixed": {"task": 2},
    "learnability": {"window": 7, "top": 3},
    "learning_progress": {"batch": 3},
    "lessons": {"window": 12, "threshold": 0.3},
    "plr": {},
    "robbins_monro": {"eta": 0.05},
    "schedule": {"kind": "sqrt", "mode": "expand"},
    "tscl": {"window": 4},
    "uniform": {},
}


def tasks(count: int = 5) -> list[Task]:
    """Tasks of rising difficulty, the last of them 1."""
    return [Task(f"task {i}", (i + 1) / count) for i in range(count)]


def cube() -> list[Task]:
    """One task with a difficulty and a parameter to choose."""
    return [Task("cube", (0.2, 0.8), config={"speed": Uniform(1.0, 3.0)})]


def make(name: str, *, count: int = 5, seed: int = 0, **options: Any) -> Any:
    """A strategy over `count` tasks."""
    return make_strategy(name, tasks(count), np.random.default_rng(seed), options)


def tell(strategy: Strategy, task: int, *successes: float, probe: bool = False) -> None:
    """One episode of a task for each success."""
    for success in successes:
        strategy.update(Outcome(task, success, float(strategy.difficulties[task]), probe))


def play(strategy: Strategy, episode: int) -> list[float]:
    """One episode, of which success falls with difficulty; what the strategy had said before it."""
    strategy.progress = episode / 1000
    proposal = strategy.propose()
    if proposal is None:
        said = strategy.shares().tolist()
        task = draw_task(strategy)
        proposed, probe, point = float(strategy.difficulties[task]), False, None
    else:
        probe, point = proposal.probe, proposal.point
        proposed = proposal.difficulty if point is None else point[0]
        assert proposed is not None
        said = [proposed, float(probe), *(point or ())]
        task = int(np.abs(strategy.difficulties - proposed).argmin())
    luck = episode * 0.6180339887 % 1
    strategy.update(Outcome(task, luck if luck > proposed else 0.0, proposed, probe, point))
    if strategy.needs_advantages:
        strategy.score(task, luck)
    return said
