"""What `adapt_curriculum` does: easier, harder, as the success asks, or earlier tasks again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["ACTIONS", "Change", "adapt", "adaptation_asked"]

ACTIONS = ("adjust_difficulty", "reduce_difficulty", "raise_difficulty", "rehearse")
_STEP = 0.05
_TILT = 0.25
_AFTER = 10


@dataclass(frozen=True)
class Change:
    """Something of a curriculum that was changed from outside of its strategy.

    Attributes:
        name: what, such as `curriculum.difficulty` or `curriculum.weight[far]`.
        old, new: its values.
        by: who or what changed it.
    """

    name: str
    old: float
    new: float
    by: str


def adapt(teacher: Teacher, config: CurriculumConfig, action: str, by: str) -> list[Change]:
    """Carries out `action`, one of `ACTIONS`; what it changed, perhaps nothing.

    Raises:
        ConfigError: an unknown action.
    """
    if action not in ACTIONS:
        raise ConfigError(unknown_name("action", action, ACTIONS))
    if action == "adjust_difficulty":
        asked = adaptation_asked(teacher, config)
        changes = _move(teacher, asked, by) if asked else []
    elif action == "rehearse":
        changes = _rehearse(teacher, config.window, by)
    else:
        changes = _move(teacher, 1 if action == "raise_difficulty" else -1, by)
    if changes:
        teacher.adapted_at = teacher.episodes
        if teacher.stagnation is not None:
            teacher.stagnation.clear()
    return changes


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
    strategy, chooser = teacher.strategy, teacher.chooser
    before = strategy.bound
    if strategy.shift(direction * _STEP):
        after = strategy.bound
        assert before is not None and after is not None, "what shifts has a bound"
        name, old, new = "curriculum.difficulty", before, after
    else:
        old, new = chooser.bias, min(1.0, max(-1.0, chooser.bias + direction * _TILT))
        chooser.bias = new
        name = "curriculum.difficulty_bias"
    return [Change(name, old, new, by)] if new != old else []


def _rehearse(teacher: Teacher, episodes: int, by: str) -> list[Change]:
    """Half of the next `episodes` episodes repeat earlier tasks."""
    old, teacher.chooser.rehearsal = teacher.chooser.rehearsal, episodes
    return [Change("curriculum.rehearsal", old, episodes, by)] if old != episodes else []
