"""The knobs of what a rollout and an update cost: rollout length, and networks in bfloat16."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from daf_nb.control import Knob
from daf_nb.learn.buffer import buffer_of
from daf_nb.learn.precision import why_not

if TYPE_CHECKING:
    from daf_nb.learn.learner import Learner

__all__ = ["LONGER", "machine_knobs"]

LONGER = 4
"""How many times the rollout of the config a rollout can become."""


def machine_knobs(learner: Learner) -> list[Knob]:
    """One knob for the rollouts of all groups, which are stepped together; others by group."""
    several = len(learner.models) > 1
    knobs = [_n_steps(learner)]
    for group, model in learner.models.items():
        if hasattr(model, "clip_range"):  # others bring an update of their own
            name = f"mixed_precision[{group}]" if several else "mixed_precision"
            knobs.append(_mixed_precision(name, model))
    return knobs


def _n_steps(learner: Learner) -> Knob:
    fewest_rows = min(model.n_envs for model in learner.models.values())
    most = LONGER * learner.n_steps
    return Knob(
        name="n_steps",
        kind="int",
        read=lambda: learner.n_steps,
        write=lambda value, by: learner.resize_rollouts(value),
        low=-(-2 // fewest_rows),
        high=most,
        fit=lambda value: _divided(learner, value, most),
        log=True,
        description="world steps of every copy in a rollout, which its buffers make room for; "
        "brought to the nearest that every minibatch divides",
    )


def _divided(learner: Learner, value: float, most: int) -> int:
    """The nearest rollout length that the minibatches of all groups divide."""
    unit = math.lcm(*map(_unit, learner.models.values()))
    return unit * min(max(1, math.ceil(value / unit - 0.5)), most // unit)


def _unit(model: Any) -> int:
    """Rollout lengths of a model are multiples of this."""
    size = getattr(model, "batch_size", None)
    if size is None or buffer_of(model).partial:
        return 1
    return size // math.gcd(size, model.n_envs)


def _mixed_precision(name: str, model: Any) -> Knob:
    def write(value: bool, by: str) -> None:
        buffer_of(model).precision = torch.bfloat16 if value else None

    refusal: Callable[[], str] = partial(why_not, model.device)
    return Knob(
        name=name,
        kind="bool",
        read=lambda: buffer_of(model).precision is not None,
        write=write,
        refusal=refusal,
        description="updates run the networks in bfloat16; parameters stay float32",
    )
