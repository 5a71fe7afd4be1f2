"""Small curricula, strategies that are told what to want, and episodes by a rule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum import Assignment, CurriculumManager, Proposal, Strategy, Task

HOSTILE = [
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "a\\b/c",
    "$draw",
    "${HOME} $x$",
    "tab\tline\nbell\x07nul\x00",
    " ",
    "naïve ☃ ∀ 日本",
    "%s {0} {name}",
    "a" * 1000,
]


def tasks(count: int = 4, **fields: Any) -> list[Task]:
    """Tasks of rising difficulty, the last of them 1."""
    return [Task(f"task {i}", (i + 1) / count, **fields) for i in range(count)]


def curriculum(count: int = 4, **config: Any) -> CurriculumManager:
    """A manager with `count` tasks of rising difficulty, and seed 0 unless told otherwise."""
    manager = CurriculumManager(CurriculumConfig(**{"seed": 0, **config}))
    manager.add_tasks(tasks(count))
    return manager


def play(manager: CurriculumManager, episodes: int, *, first: int = 0) -> list[Assignment]:
    """Episodes of which success falls with difficulty; what they were played with."""
    played = []
    teacher = manager.teacher
    for episode in range(first, first + episodes):
        teacher.advance(episode / 1000)
        assignment = teacher.assign()
        luck = episode * 0.6180339887 % 1
        manager.update_task_performance(assignment, float(luck > assignment.difficulty))
        if teacher.strategy.needs_advantages:
            teacher.score(assignment, luck)
        played.append(assignment)
    return played


def through_json(data: Any) -> Any:
    """What is left of data that strict JSON held."""
    return json.loads(json.dumps(data, allow_nan=False))


class Given(Strategy):
    """Wants what it was given."""

    def __init__(
        self, tasks: Sequence[Task], wanted: Any = None, proposal: Proposal | None = None
    ) -> None:
        super().__init__(tasks, np.random.default_rng(0))
        self.wanted = np.ones(len(tasks)) if wanted is None else wanted
        self.proposal = proposal

    def shares(self) -> np.ndarray:
        return self.wanted

    def propose(self) -> Proposal | None:
        return self.proposal
