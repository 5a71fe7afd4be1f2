"""What a trainer does for speed and memory when a person asks: one knob of every group each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from daf_nb.control import Request
from daf_nb.errors import ConfigError
from daf_nb.learn.asking import ask_groups

if TYPE_CHECKING:
    from daf_nb.learn.trainer import RlTrainer

__all__ = ["clip_gradients", "double_batches", "set_precision", "shorten_rollouts"]

_BY = "user"


def double_batches(trainer: RlTrainer) -> dict[str, int]:
    """Doubles every group's minibatch; see `RlTrainer.increase_batch_size`."""
    if trainer.config.algorithm == "A2C":
        raise ConfigError("A2C trains on whole rollouts, not on minibatches.")
    controls = trainer.controls
    return _ask_all(trainer, "batch_size", lambda name: controls.nudge(name, factor=2.0, by=_BY))


def clip_gradients(trainer: RlTrainer, max_norm: float) -> None:
    """Clips gradients; see `RlTrainer.enable_gradient_clipping`."""
    if not max_norm > 0:
        raise ConfigError(f"max_norm={max_norm}: a positive number is needed.")
    norm = None if max_norm == math.inf else max_norm
    _ask_all(trainer, "max_grad_norm", lambda name: trainer.controls.set(name, norm, by=_BY))


def set_precision(trainer: RlTrainer, mixed: bool) -> None:
    """Updates in bfloat16 or not; see `RlTrainer.use_mixed_precision`."""
    if trainer.config.algorithm == "A2C":
        raise ConfigError("A2C runs its own update, in the precision of its parameters.")
    controls = trainer.controls
    _ask_all(trainer, "mixed_precision", lambda name: controls.set(name, mixed, by=_BY))


def shorten_rollouts(trainer: RlTrainer, factor: float) -> int:
    """Shorter rollouts; see `RlTrainer.reduce_buffer_size`."""
    if not 0 < factor < 1:
        raise ConfigError(f"factor={factor}: above 0 and below 1 is needed.")
    # One knob for all groups: they are stepped together.
    name, controls = "n_steps", trainer.controls
    asked = ask_groups(
        controls,
        ["all"],
        name,
        lambda name: controls.nudge(name, factor=factor, by=_BY),
        inside=trainer.gate.inside,
    )
    return asked["all"]


def _ask_all(trainer: RlTrainer, knob: str, ask: Callable[[str], Request]) -> dict[str, Any]:
    return ask_groups(trainer.controls, trainer.policies, knob, ask, inside=trainer.gate.inside)
