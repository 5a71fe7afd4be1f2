"""One number for a run's curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from daf_nb.errors import ConfigError, RecordError, unknown_name
from daf_nb.record.comparing.entries import Entry

__all__ = ["SCORES", "Score", "check_reached", "score_runs", "scorer"]

Score = str | Callable[[pd.Series], float]


def scorer(score: Score) -> Callable[[pd.Series], float]:
    """The function behind a score's name.

    Raises:
        ConfigError: there is no score of that name.
    """
    if callable(score):
        return score
    if not isinstance(score, str) or score not in SCORES:
        known = unknown_name("score", score, SCORES)
        raise ConfigError(f"{known} A function of a curve (a Series by agent-step) is one too.")
    return SCORES[score]


def score_runs(
    entries: Iterable[Entry], score: Callable[[pd.Series], float], *, at: int | None
) -> dict[int, float]:
    """The score of each run, by number, from its curve up to `at`.

    Raises:
        ConfigError: the function raised on a run's curve.
        RecordError: a score is no finite number.
    """
    found = {}
    for entry in entries:
        try:
            value = score(entry.until(at).copy())
        except Exception as error:
            raise ConfigError(
                f"The score of run {entry.id} cannot be had: the function given as score raised "
                f"{type(error).__name__}: {error}"
            ) from error
        try:
            found[entry.id] = float(value)
        except (OverflowError, TypeError, ValueError):
            found[entry.id] = math.nan
        if not math.isfinite(found[entry.id]):
            raise RecordError(f"The score of run {entry.id} is {value!r:.100}, no finite number.")
    return found


def check_reached(entries: Iterable[Entry], at: int | None) -> None:
    """That every run has a value at or before `at`, and came that far.

    Raises:
        RecordError: some did not; they are named, with what all of them have.
    """
    if at is None:
        return
    ends = {
        entry.id: (int(entry.series.index[0]), int(entry.series.index[-1])) for entry in entries
    }
    outside = {
        number: ends[number] for number in ends if not ends[number][0] <= at <= ends[number][1]
    }
    if not outside:
        return
    told = ", ".join(
        f"run {number} ({first} to {last})" for number, (first, last) in outside.items()
    )
    first = max(first for first, _ in ends.values())
    last = min(last for _, last in ends.values())
    common = f"All have {first} to {last}." if first <= last else "They have no step in common."
    raise RecordError(f"at={at} is outside of what these runs have: {told}. {common}")


def _final(curve: pd.Series) -> float:
    return float(curve.iloc[-1])


def _best(curve: pd.Series) -> float:
    return float(curve.max())


def _mean(curve: pd.Series) -> float:
    """The area under the curve over its length, so that rows may be at any distance."""
    steps, values = curve.index.to_numpy(dtype=np.float64), curve.to_numpy()
    if len(steps) == 1:
        return float(values[0])
    return float(np.trapezoid(values, steps) / (steps[-1] - steps[0]))


SCORES: dict[str, Callable[[pd.Series], float]] = {"best": _best, "final": _final, "mean": _mean}
