"""What `adapt_curriculum` does: easier, harder, as the success asks, or earlier tasks again."""

from __future__ import annotations

import numpy as np

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.changes import Change
from daf_nb.curriculum.levers import MOST_REHEARSAL, set_bias, set_difficulty, set_rehearsal
from daf_nb.curriculum.moving import movable
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["ACTIONS", "adapt", "adaptation_asked"]

ACTIONS = ("adjust_difficulty", "reduce_difficulty", "raise_difficulty", "rehearse")
_STEP = 0.05
_TILT = 0.25
_AFTER = 10


def adapt(teacher: Teacher, config: CurriculumConfig, action: str, by: str) -> list[Change]:
    """Carries out `action`, one of `ACTIONS`; what it changed, perhaps nothing.

    Raises:
        ConfigError: an unknown action.
    """
    if action not in ACTIONS:
        raise ConfigError(unknown_name("action", action, ACTIONS))
    if action == "adjust_difficulty":
        asked = adaptation_asked(teacher, config)
        return _move(teacher, asked, by) if asked else []
    if action == "rehearse":
        return set_rehearsal(teacher, min(config.window, MOST_REHEARSAL), by)
    return _move(teacher, 1 if action == "raise_difficulty" else -1, by)


def adaptation_asked(teacher: Teacher, config: CurriculumConfig) -> int:
    """1 where recent success is above the band, -1 below, 0 inside of it.

    Only episodes since the last adaptation count, and fewer than 10 of them ask for nothing.
    """
    since = teacher.episodes - teacher.adapted_at
    if since < _AFTER:
        return 0
    newest = list(teacher.recent)[-since:]
    low, high = config.success_band
    # Rounded, as ten times .3 has a mean below .3.
    mean = round(float(np.mean(newest)), 12)
    return int(mean > high) - int(mean < low)


def _move(teacher: Teacher, direction: int, by: str) -> list[Change]:
    """Shifts the bound by .05, or a lesson; without a bound, the difficulty bias by .25."""
    bound = teacher.strategy.bound
    if bound is not None and movable(teacher.strategy):
        return set_difficulty(teacher, min(1.0, max(0.0, bound + direction * _STEP)), by)
    bias = teacher.chooser.bias + direction * _TILT
    return set_bias(teacher, min(1.0, max(-1.0, bias)), by)
