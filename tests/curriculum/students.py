"""Simulated learners whose skill follows a rule: how soon does a strategy teach them everything?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daf_nb.curriculum.strategy import Outcome, Strategy, make_strategy
from daf_nb.curriculum.tasks import Task

NEEDED = 75
BEST = 100


class Chain:
    """Skills that build on each other, and perhaps tasks that nobody can learn.

    Playing a task adds 1 to its competence, up to 100, if the task before has 75 or more; the
    success is the competence / 100.
    """

    def __init__(self, length: int = 10, *, unlearnable: int = 0) -> None:
        self.competence = [0] * (length + unlearnable)
        self.length = length

    def tasks(self) -> list[Task]:
        count = len(self.competence)
        return [Task(f"task {i}", (i + 1) / count) for i in range(count)]

    def play(self, task: int) -> float:
        if task < self.length and (task == 0 or self.competence[task - 1] >= NEEDED):
            self.competence[task] = min(self.competence[task] + 1, BEST)
        return self.competence[task] / BEST

    @property
    def mastered(self) -> bool:
        return all(skill > NEEDED for skill in self.competence[: self.length])


def draw_task(strategy: Strategy) -> int:
    """A task by the strategy's shares, mixed with the uniform ones."""
    shares = strategy.shares()
    count, total = len(shares), shares.sum()
    wanted = shares / total if total else np.full(count, 1 / count)
    u = strategy.uniform_share
    return int(strategy.rng.choice(count, p=(1 - u) * wanted + u / count))


def episodes_to_master(
    name: str, *, seed: int, unlearnable: int = 0, limit: int = 40_000, **options
) -> int:
    """Episodes until the chain is mastered; `limit` where it is not."""
    chain = Chain(unlearnable=unlearnable)
    strategy = make_strategy(name, chain.tasks(), np.random.default_rng(seed), options)
    last = [0.0] * len(chain.competence)
    for episode in range(limit):
        if chain.mastered:
            return episode
        task = draw_task(strategy)
        success = chain.play(task)
        strategy.update(Outcome(task, success, float(strategy.difficulties[task])))
        if strategy.needs_advantages:
            strategy.score(task, abs(success - last[task]))
        last[task] = success
    return limit


def mean_episodes(name: str, *, seeds: Sequence[int] = range(5), **options) -> float:
    """Mean over seeds of the episodes until mastery."""
    return float(np.mean([episodes_to_master(name, seed=seed, **options) for seed in seeds]))
