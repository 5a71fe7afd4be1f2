"""The knobs of a learner: SB3's parameters that may change between an update and a rollout."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.utils import ConstantSchedule, FloatSchedule

from daf_nb.control import Knob
from daf_nb.learn.buffer import buffer_of
from daf_nb.learn.machine_knobs import LONGER
from daf_nb.learn.models import nearest_divisor

__all__ = ["interval_knobs", "model_knobs"]

_Models = Mapping[str, OnPolicyAlgorithm]


def model_knobs(models: _Models) -> list[Knob]:
    """The knobs of every group's model that its algorithm has.

    Args:
        models: group -> model. Where there are several, names say whose they are:
            `learning_rate[wolves]`.
    """
    several = len(models) > 1
    makers: list[Callable[[Any, Callable[[str], str]], list[Knob]]] = [_rates, _losses, _advantages]
    return [
        knob
        for make in makers
        for group, model in models.items()
        for knob in make(model, lambda name, group=group: f"{name}[{group}]" if several else name)
    ]


def interval_knobs(due: dict[str, int | None]) -> list[Knob]:
    """Knobs of how often something falls due.

    Args:
        due: "evaluation" and "checkpoint" -> agent-steps between two, None for never; changed.
    """
    return [
        Knob(
            name=f"{what}_interval",
            kind="int",
            read=partial(due.get, what),
            write=lambda value, by, what=what: due.update({what: value}),
            low=1,
            high=1_000_000_000,
            log=True,
            optional=True,
            off="never",
            description=f"agent-steps from one {what} to the next",
        )
        for what in ("evaluation", "checkpoint")
    ]


def _rates(model: Any, name: Callable[[str], str]) -> list[Knob]:
    """How far an update goes."""
    knobs = [
        Knob(
            name=name("learning_rate"),
            kind="float",
            read=lambda: float(model.lr_schedule(model._current_progress_remaining)),
            write=partial(_hold, model, "lr_schedule"),
            steady=lambda: _is_steady(model.lr_schedule),
            keep=lambda: _keeper(model, "lr_schedule", "learning_rate"),
            low=1e-8,
            high=1.0,
            log=True,
            description="Adam's step; held, once set, in place of a schedule",
        )
    ]
    if hasattr(model, "clip_range"):
        knobs += [
            Knob(
                name=name("clip_range"),
                kind="float",
                read=lambda: float(model.clip_range(model._current_progress_remaining)),
                write=partial(_hold, model, "clip_range"),
                steady=lambda: _is_steady(model.clip_range),
                keep=lambda: _keeper(model, "clip_range"),
                low=0.001,
                high=1.0,
                step=0.01,
                description="PPO's clip range; held, once set, in place of a schedule",
            ),
            _plain(
                model,
                "target_kl",
                name,
                "an update ends early where the policy moved half as much again",
                low=1e-5,
                high=10.0,
                log=True,
                optional=True,
            ),
            _plain(model, "n_epochs", name, "passes over a rollout", kind="int", low=1, high=100),
            _batch_size(model, name),
        ]
    return knobs


def _losses(model: Any, name: Callable[[str], str]) -> list[Knob]:
    """What an update weighs."""
    return [
        _plain(model, "ent_coef", name, "weight of the entropy", low=0, high=1, step=0.001),
        _plain(model, "vf_coef", name, "weight of the value loss", low=0, high=10, step=0.05),
        Knob(
            name=name("max_grad_norm"),
            kind="float",
            read=lambda: None if model.max_grad_norm == math.inf else float(model.max_grad_norm),
            write=lambda value, by: setattr(
                model, "max_grad_norm", math.inf if value is None else value
            ),
            low=1e-4,
            high=1e4,
            log=True,
            optional=True,
            off="no clipping",
            description="longest gradient of a minibatch",
        ),
    ]


def _advantages(model: Any, name: Callable[[str], str]) -> list[Knob]:
    """How rewards become advantages."""

    def both(attribute: str) -> Callable[[float, str], None]:
        def write(value: float, by: str) -> None:
            setattr(model, attribute, value)
            setattr(model.rollout_buffer, attribute, value)

        return write

    words = {"gamma": "discount factor", "gae_lambda": "lambda of the advantage estimate"}
    return [
        Knob(
            name=name(attribute),
            kind="float",
            read=partial(getattr, model, attribute),
            write=both(attribute),
            low=0.0,
            high=1.0,
            step=0.001,
            description=said,
        )
        for attribute, said in words.items()
    ]


def _plain(
    model: Any, attribute: str, name: Callable[[str], str], description: str, **more: Any
) -> Knob:
    """A knob that is an attribute of the model, which its next update reads."""
    return Knob(
        name=name(attribute),
        read=partial(getattr, model, attribute),
        write=lambda value, by: setattr(model, attribute, value),
        description=description,
        **{"kind": "float", **more},
    )


def _batch_size(model: Any, name: Callable[[str], str]) -> Knob:
    def fit(value: float) -> float:
        rollout = model.n_envs * model.n_steps  # which may have become another
        return min(value, rollout) if buffer_of(model).partial else nearest_divisor(rollout, value)

    return _plain(
        model,
        "batch_size",
        name,
        "rows of a minibatch; brought to the nearest that divides a rollout",
        kind="int",
        low=2,
        high=LONGER * model.n_envs * model.n_steps,
        log=True,
        out_of_range="clip",
        fit=fit,
    )


def _is_steady(schedule: Any) -> bool:
    """It gives the same value whatever remains of training."""
    return isinstance(getattr(schedule, "value_schedule", schedule), ConstantSchedule)


def _keeper(model: Any, *attributes: str) -> Callable[[], None]:
    """Puts back what these attributes are now."""
    kept = {name: getattr(model, name) for name in attributes}

    def put_back() -> None:
        for name, value in kept.items():
            setattr(model, name, value)

    return put_back


def _hold(model: Any, attribute: str, value: float, by: str) -> None:
    """In place of a schedule, the value; as SB3 keeps a number that it is given."""
    setattr(model, attribute, FloatSchedule(value))
    if attribute == "lr_schedule":
        model.learning_rate = value
