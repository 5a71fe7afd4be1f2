"""The curriculum steered by a person, in the words of rules."""

from __future__ import annotations

from typing import Any

from daf_nb.control.controls import Controls
from daf_nb.control.naming import BIAS, CURRICULUM, has_curriculum, lever
from daf_nb.control.requests import Request
from daf_nb.control.steering import Steering
from daf_nb.errors import AdaptiveControllerError

__all__ = ["focus", "shift", "support", "tilt"]

_TILT = 0.25


def shift(steering: Steering, way: int, what: str, *, by: str) -> Request:
    """Moves the bound by the difficulty step, or the bias by .25 where no bound can be moved.

    Args:
        steering: whose run.
        way: 1 for harder, -1 for easier.
        what: who asks for it, for errors.
        by: for the journal.

    Raises:
        AdaptiveControllerError: no run, no curriculum, or it may not be touched.
    """
    knob = lever(_controls(steering, what))
    step = _TILT if knob == BIAS else steering.config.difficulty_step
    return _nudged(steering, knob, way * step, by)


def tilt(steering: Steering, way: int, what: str, *, by: str) -> Request:
    """Moves the difficulty bias by .25; arguments and errors as `shift`."""
    _controls(steering, what)
    return _nudged(steering, BIAS, way * _TILT, by)


def support(steering: Steering, what: str, *, by: str) -> list[Request]:
    """Rehearses, and makes it easier by `shift`; arguments and errors as there."""
    controls = _controls(steering, what)
    rehearsed = controls.set(f"{CURRICULUM}rehearsal", steering.config.rehearsal, by=by)
    return [rehearsed, shift(steering, -1, what, by=by)]


def focus(steering: Steering, task: Any, what: str, *, by: str) -> Request:
    """Lets only this task be played, all of them for None; errors as `shift`."""
    controls = _controls(steering, what)
    name = None if task is None else str(task)
    request = controls.set(f"{CURRICULUM}task", name, by=by)
    steering.curriculum_changed()
    return request


def _nudged(steering: Steering, knob: str, amount: float, by: str) -> Request:
    request = steering.attached(knob).controls.nudge(knob, amount, by=by)
    steering.curriculum_changed()
    return request


def _controls(steering: Steering, what: str) -> Controls:
    controls = steering.attached(what).controls
    if not has_curriculum(controls):
        raise AdaptiveControllerError(
            f"{what}: this run has no curriculum; give it one, as in "
            "RlTrainer(..., curriculum_manager=...) or train(..., curriculum=...)."
        )
    if not steering.config.enable_curriculum_learning:
        raise AdaptiveControllerError(
            f"{what}: enable_curriculum_learning=False keeps this controller from the curriculum; "
            "change it by the run's controls, or make a controller that may."
        )
    return controls
