"""From a run's metrics to the number that a rule compares with its band."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any

from daf_nb.config import Rule

__all__ = ["EPISODES", "SHORT_NAMES", "Meter", "nearest", "readings"]

EPISODES = "rollout/episodes"
"""The metric that counts finished episodes."""
SHORT_NAMES = {
    "success": "rollout/success",
    "success_rate": "rollout/success_rate",
    "return": "rollout/return_mean",
    "kl": "train/approx_kl",
    "entropy": "train/entropy_share",
    "throughput": "time/agent_steps_per_second",
    "memory": "system/memory_share",
    "difficulty": "curriculum/difficulty",
}
"""Signal -> the metric that is meant, unless there is one of the signal's own name."""

_GROUPED = "train/"
_FLOOR = 1e-8
"""Least standard deviation of a gain, so that what stands still has gained nothing."""


def readings(signal: str, metrics: Mapping[str, Any]) -> dict[str | None, float]:
    """Group -> the signal's value; None stands for no group.

    A metric of `train/` that is not there as it is, is looked for in every group:
    `train/approx_kl` in `train/wolves/approx_kl` and `train/sheep/approx_kl`.

    Args:
        signal: a metric, or one of `SHORT_NAMES`.
        metrics: name -> number; those that are None or not finite are left out.
    """
    name = signal if signal in metrics else SHORT_NAMES.get(signal, signal)
    found: dict[str | None, Any] = {}
    if name in metrics:
        found[None] = metrics[name]
    elif name.startswith(_GROUPED):
        last = name.removeprefix(_GROUPED)
        for metric, value in metrics.items():
            group = metric.removeprefix(_GROUPED).removesuffix(f"/{last}")
            if metric == f"{_GROUPED}{group}/{last}":
                found[group] = value
    return {
        group: float(value)
        for group, value in found.items()
        if value is not None and math.isfinite(value)
    }


def nearest(signal: str, names: Iterable[str]) -> str:
    """Words on a signal that no metric brought: which is like it, if one is."""
    known = [*names, *SHORT_NAMES]
    near = [] if signal in known else difflib.get_close_matches(signal, known, n=1, cutoff=0.8)
    return f"no metric {signal!r} so far" + (f"; {near[0]!r} is like it" if near else "")


class Meter:
    """Gathers, measures and smooths the values of one signal, as a rule says.

    All attributes but the rule are its state: numbers, None, or lists of numbers.

    Args:
        rule: which one.

    Attributes:
        value: the newest value of the signal, as it came.
        smoothed: what is compared with the band; None before there is enough to tell.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.value: float | None = None
        self.clear()

    def clear(self) -> None:
        """Starts anew: nothing gathered, no window, nothing smoothed."""
        self.smoothed: float | None = None
        self.values: list[float] = []
        self.total = self.weight = 0.0

    def gather(self, value: float, ended: float | None) -> float | None:
        """Takes in a value; the mean of what was gathered once it is enough, else None.

        Args:
            value: the signal's.
            ended: episodes that it stands for; None where that is not known, and the value stands
                by itself.
        """
        self.value = value
        if not self.rule.episodes or ended is None:
            return value
        self.total += value * ended
        self.weight += ended
        if self.weight < self.rule.episodes:
            return None
        mean = self.total / self.weight
        self.total = self.weight = 0.0
        return mean

    def measure(self, value: float) -> None:
        """Takes in a value that `gather` gave."""
        measured = _MEASURES[self.rule.measure](self, value)
        if measured is None:
            return
        old, kept = self.smoothed, self.rule.smoothing
        self.smoothed = measured if old is None else kept * old + (1.0 - kept) * measured

    def _relative(self, value: float) -> float | None:
        if len(self.values) < self.rule.window:
            self.values.append(value)
        if len(self.values) < self.rule.window:
            return None
        reference = fmean(self.values)
        return value / reference if reference else None

    def _gain(self, value: float) -> float | None:
        self.values = [*self.values, value][-self.rule.window :]
        return gain(self.values) if len(self.values) == self.rule.window else None


def gain(values: Sequence[float]) -> float:
    """How much the newer half is above the older one, in standard deviations of all.

    A straight line gains 1.7, noise about 0; the middle one of an odd number is in neither half.
    """
    half = len(values) // 2
    return (fmean(values[-half:]) - fmean(values[:half])) / max(pstdev(values), _FLOOR)


_MEASURES = {
    "value": lambda meter, value: value,
    "relative": Meter._relative,
    "gain": Meter._gain,
}
