"""Previews: sequences of tasks by a schedule, by chance, or as the strategy would draw them now."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from daf_nb.curriculum.assignments import Assignment
from daf_nb.curriculum.chooser import Chooser
from daf_nb.curriculum.strategies.schedule import SCHEDULES, schedule_value
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["preview"]


def preview(chooser: Chooser, length: int, progression: str, seen: np.ndarray) -> list[Assignment]:
    """`length` assignments; nothing is changed by looking.

    Args:
        chooser: what would draw them.
        length: how many.
        progression: "adaptive" for what the strategy would draw if nothing more were learned,
            "random" for allowed tasks by chance, or a schedule from the easiest to the hardest.
        seen: int [K], episodes played of each task.

    Raises:
        ConfigError: an unknown progression, or no length.
    """
    if not (isinstance(length, int) and length >= 1):
        raise ConfigError(f"sequence_length={length!r}: an integer of at least 1 is needed.")
    known = ["adaptive", "random", *SCHEDULES]
    if progression not in known:
        raise ConfigError(unknown_name("difficulty_progression", progression, known))
    kept: dict[int, Any] = {id(task): task for task in chooser.tasks}
    # Copied at once, as a run in another thread may append to it meanwhile.
    kept[id(chooser.drawn)] = chooser.drawn.copy()
    chooser = copy.deepcopy(chooser, kept)
    if progression == "adaptive":
        return [chooser.choose(seen) for _ in range(length)]
    allowed = np.flatnonzero(chooser.roster.allowed)
    if progression == "random":
        places = chooser.rng.choice(allowed, length).tolist()
        return [chooser.tasks[i].assign(chooser.rng, index=i) for i in places]
    low, high = chooser.strategy.low[allowed], chooser.strategy.high[allowed]
    sequence = []
    for step in range(length):
        part = schedule_value(progression, step / max(1, length - 1))
        wanted = low.min() + (high.max() - low.min()) * part
        away = np.maximum(0, np.maximum(low - wanted, wanted - high))
        index = int(allowed[away.argmin()])
        task = chooser.tasks[index]
        sequence.append(task.assign(chooser.rng, index=index, difficulty=float(wanted)))
    return sequence
