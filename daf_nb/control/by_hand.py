"""The curriculum steered by hand, through its knobs: what a controller's verbs and a panel ask."""

from __future__ import annotations

from typing import Any

from daf_nb.config import AdaptiveConfig
from daf_nb.control.controls import Controls
from daf_nb.control.naming import BIAS, CURRICULUM, lever
from daf_nb.control.requests import Request

__all__ = ["focus", "rehearse", "shift", "support", "tilt"]

_TILT = 0.25


def shift(controls: Controls, config: AdaptiveConfig, way: int, *, by: str) -> Request:
    """Moves the bound by the difficulty step, or the bias by .25 where no bound can be moved.

    Args:
        controls: of a run with a curriculum.
        config: the steps.
        way: 1 for harder, -1 for easier.
        by: for the journal.

    Raises:
        ConfigError: it is refused, or the run has ended.
    """
    knob = lever(controls)
    if knob == BIAS:
        return tilt(controls, way, by=by)
    return controls.nudge(knob, way * config.difficulty_step, by=by)


def tilt(controls: Controls, way: int, *, by: str) -> Request:
    """Moves the difficulty bias by .25; arguments and errors as `shift`."""
    return controls.nudge(BIAS, way * _TILT, by=by)


def rehearse(controls: Controls, config: AdaptiveConfig, *, by: str) -> Request:
    """Half of the next `rehearsal` episodes repeat earlier tasks; else as `shift`."""
    return controls.set(f"{CURRICULUM}rehearsal", config.rehearsal, by=by)


def support(controls: Controls, config: AdaptiveConfig, *, by: str) -> list[Request]:
    """Rehearses, and makes it easier by `shift`; arguments and errors as there."""
    return [rehearse(controls, config, by=by), shift(controls, config, -1, by=by)]


def focus(controls: Controls, task: Any, *, by: str) -> Request:
    """Lets only this task be played, all of them for None; errors as `shift`."""
    return controls.set(f"{CURRICULUM}task", None if task is None else str(task), by=by)
