"""The probability of improvement between each two groups, on the tasks that they share."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daf_nb.record.comparing.entries import Entry
from daf_nb.record.comparing.statistics import Estimate, probability_of_improvement

__all__ = ["improvements"]

UNKNOWN = Estimate(np.nan, np.nan, np.nan)
MOST_PAIRS = 5  # that a note names


def improvements(
    groups: Mapping[str, Sequence[Entry]], scores: Mapping[int, float], *, times: int, seed: int
) -> tuple[pd.DataFrame, list[str]]:
    """Rows of x, y, probability, low, high; and notes on tasks that are not shared.

    Groups of one task each are compared whatever the tasks; else only the shared tasks count.
    """
    rows, other, partly = [], [], []
    for (x, first), (y, second) in combinations(groups.items(), 2):
        ours, theirs = _by_task(first, scores), _by_task(second, scores)
        shared = [task for task in ours if task in theirs]
        pairs = [ours[task] for task in shared], [theirs[task] for task in shared]
        if len(shared) < max(len(ours), len(theirs)):
            alone = len(ours) == len(theirs) == 1
            (other if alone else partly).append(f"{x} and {y}")
            pairs = ([*ours.values()], [*theirs.values()]) if alone else pairs
        numbers = [entry.id for entry in (*first, *second)]
        drawing = np.random.default_rng([seed, *numbers])
        told = UNKNOWN
        if pairs[0]:
            told = probability_of_improvement(*pairs, times=times, generator=drawing)
        rows.append((x, y, *told))
    notes = [_note("Trained on different tasks, their scores compared as they are", other)]
    notes += [_note("Compared only on the tasks that both have", partly)]
    table = pd.DataFrame(rows, columns=["x", "y", "probability", "low", "high"])
    return table, [note for note in notes if note]


def _by_task(
    group: Sequence[Entry], scores: Mapping[int, float]
) -> dict[Hashable, NDArray[np.float64]]:
    found: dict[Hashable, list[float]] = {}
    for entry in group:
        found.setdefault(entry.task, []).append(scores[entry.id])
    return {task: np.array(values) for task, values in found.items()}


def _note(what: str, pairs: Sequence[str]) -> str:
    more = f"; and {len(pairs) - MOST_PAIRS} more" if len(pairs) > MOST_PAIRS else ""
    return f"{what}: {'; '.join(pairs[:MOST_PAIRS])}{more}." if pairs else ""
