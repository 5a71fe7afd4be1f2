"""A difficulty that follows the time: known in advance, whatever is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from daf_nb.curriculum.strategies.options import number, whole
from daf_nb.curriculum.strategy import Proposal, Strategy, register_strategy
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["SCHEDULES", "Schedule", "schedule_value"]

SCHEDULES = ("cosine", "exponential", "linear", "sigmoid", "sqrt", "step")
"""The shapes that a schedule may have."""

_MODES = ("expand", "point")


def schedule_value(
    kind: str, t: float, *, k: float = 3.0, c0: float = 0.01, slope: float = 10.0, steps: int = 5
) -> float:
    """How much of the way from the first difficulty to the last is gone at `t`.

    All shapes rise from 0 to 1, but for `sqrt`, which begins at `c0`: the square root is the
    competence of Platanios et al. 2019 (arXiv:1903.09848), which gives newly admitted difficulties
    the same time each; the exponential one is a progression function of Bassich et al. 2020
    (arXiv:2008.00511). The sigmoid is stretched to reach 0 and 1 at its ends.

    Args:
        kind: one of `SCHEDULES`.
        t: the time as a part of the schedule's; clipped into [0, 1].
        k: of `exponential`, (exp(k t) - 1) / (exp(k) - 1): the greater, the later it rises.
        c0: of `sqrt`, min(1, sqrt(t (1 - c0^2) + c0^2)).
        slope: of `sigmoid`, in its middle, before stretching.
        steps: of `step`, equal rises; the last one comes at t = 1.

    Returns:
        A number in [0, 1].

    Raises:
        ConfigError: an unknown kind.
    """
    t = min(max(float(t), 0.0), 1.0)
    match kind:
        case "linear":
            return t
        case "exponential":
            return math.expm1(k * t) / math.expm1(k)
        case "sqrt":
            return min(1.0, math.sqrt(t * (1 - c0**2) + c0**2))
        case "cosine":
            return (1 - math.cos(math.pi * t)) / 2
        case "sigmoid":
            first, last = _logistic(-slope / 2), _logistic(slope / 2)
            return (_logistic(slope * (t - 0.5)) - first) / (last - first)
        case "step":
            # .29 * 100 is 28.999999999999996: the rise must not wait for the next t.
            return math.floor(t * steps + 1e-9) / steps
    raise ConfigError(unknown_name("schedule", kind, SCHEDULES))


@register_strategy("schedule")
class Schedule(Strategy):
    """d = start + (end - start) g(t), where t = min(1, progress / fraction).

    Whoever drives the strategy sets `progress`; outcomes change nothing.

    Args:
        tasks: the curriculum's tasks.
        rng: source of chance; drawn from where `mode` is "expand".
        kind: the shape g, one of `SCHEDULES`.
        mode: "point" plays d itself; "expand" draws the difficulty uniformly from [0, d].
        start: the difficulty at the beginning.
        end: the difficulty from `fraction` of all training on; may be the lower one.
        fraction: the part of all training that the way takes.
        k: as in `schedule_value`, like the three below.
        c0: of `sqrt`.
        slope: of `sigmoid`.
        steps: of `step`.

    Raises:
        ConfigError: an unknown kind or mode, or a number outside of what is allowed.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        rng: np.random.Generator,
        *,
        kind: str = "linear",
        mode: Literal["point", "expand"] = "point",
        start: float = 0.0,
        end: float = 1.0,
        fraction: float = 0.8,
        k: float = 3.0,
        c0: float = 0.01,
        slope: float = 10.0,
        steps: int = 5,
    ) -> None:
        super().__init__(tasks, rng)
        if kind not in SCHEDULES:
            raise ConfigError(unknown_name("schedule", kind, SCHEDULES))
        if mode not in _MODES:
            raise ConfigError(unknown_name("mode of strategy 'schedule'", mode, _MODES))
        self.kind, self.mode = kind, mode
        self.start = number("schedule", "start", start, "[0, 1]")
        self.end = number("schedule", "end", end, "[0, 1]")
        self.fraction = number("schedule", "fraction", fraction, "(0, 1]")
        self.shape = {
            "k": number("schedule", "k", k, "(0, 100]"),
            "c0": number("schedule", "c0", c0, "[0, 1)"),
            "slope": number("schedule", "slope", slope, "(0, 100]"),
            "steps": whole("schedule", "steps", steps, least=1),
        }

    def propose(self) -> Proposal:
        d = self.bound
        return Proposal(difficulty=d if self.mode == "point" else d * self.rng.random())

    @property
    def bound(self) -> float:
        gone = schedule_value(self.kind, self.progress / self.fraction, **self.shape)
        return self.start + (self.end - self.start) * gone


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))
