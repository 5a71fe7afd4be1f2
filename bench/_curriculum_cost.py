"""What a curriculum costs per episode, by strategy and number of tasks."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from _common import table

from daf_nb import CurriculumConfig, CurriculumManager, Linear, buckets
from daf_nb.curriculum.strategy import known_strategies

WARM_UP = 5_000
COST_LEGEND = f"""
Microseconds per episode: drawing its task, `get_next_task`, and reporting its success,
`update_task_performance`; for plr with `score`, for alp_gmm with its fits. Medians of the repeats,
after every task was played once and {WARM_UP:,} episodes more."""

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in sorted(known_strategies())},
    "learnability top 3": ("learnability", {"top": 3}),
}


class Pupil(NamedTuple):
    """A curriculum, each task's probability of success, and the source of its chance."""

    manager: CurriculumManager
    chances: list[float]
    rng: np.random.Generator


def cost(*, counts: list[int], episodes: int, repeats: int) -> Iterator[dict[str, Any]]:
    """The microseconds of every variant in every repeat; the variants take turns."""
    for count in counts:
        pupils = {variant: _pupil(count, *VARIANTS[variant]) for variant in sorted(VARIANTS)}
        for pupil in pupils.values():
            _play(pupil, WARM_UP)
        for repeat in range(repeats):
            for variant, pupil in pupils.items():
                seconds = _play(pupil, episodes)
                yield {
                    "variant": variant,
                    "tasks": count,
                    "repeat": repeat,
                    "microseconds": seconds / episodes * 1e6,
                }
        print(f"cost at {count:,} tasks: done", file=sys.stderr, flush=True)


def cost_report(results: list[dict[str, Any]]) -> str:
    """One row per strategy, one column per number of tasks."""
    counts = sorted({r["tasks"] for r in results})

    def cell(variant: str, count: int) -> str:
        mine = [r for r in results if (r["variant"], r["tasks"]) == (variant, count)]
        return f"{median(r['microseconds'] for r in mine):,.0f}"

    rows = [[v, *(cell(v, count) for count in counts)] for v in sorted(VARIANTS)]
    return table(["microseconds per episode", *(f"{n:,} tasks" for n in counts)], rows)


def _pupil(count: int, strategy: str, options: dict[str, Any]) -> Pupil:
    """A curriculum that has seen every task once."""
    rng = np.random.default_rng(count)
    config = CurriculumConfig(strategy=strategy, strategy_options=options, seed=0)
    manager = CurriculumManager(config)
    manager.add_tasks(buckets("task", count=count, config={"difficulty": Linear(0.0, 1.0)}))
    pupil = Pupil(manager, rng.random(count).tolist(), rng)
    scored = manager.teacher.strategy.needs_advantages
    for index, (task, chance) in enumerate(zip(manager.book, pupil.chances, strict=True)):
        played = task.assign(rng, index=index)
        manager.update_task_performance(played, float(rng.random() < chance))
        if scored:
            manager.teacher.strategy.score(index, float(rng.random()))
    return pupil


def _play(pupil: Pupil, episodes: int) -> float:
    """The seconds that so many episodes take."""
    manager, chances, rng = pupil
    draws, scores = rng.random((2, episodes)).tolist()
    strategy = manager.teacher.strategy
    scored = strategy.needs_advantages
    gc.collect()  # what the others left behind is not this one's cost
    began = time.perf_counter()
    for draw, score in zip(draws, scores, strict=True):
        played = manager.get_next_task()
        manager.update_task_performance(played, float(draw < chances[played.index]))
        if scored:
            strategy.score(played.index, score)
    return time.perf_counter() - began
