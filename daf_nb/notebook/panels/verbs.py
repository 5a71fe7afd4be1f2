"""The verbs of a curriculum, as requests for its knobs."""

from __future__ import annotations

from daf_nb.config import AdaptiveConfig
from daf_nb.control import Controls
from daf_nb.control.naming import BIAS, lever
from daf_nb.errors import ConfigError
from daf_nb.notebook.source import Source

__all__ = ["easier", "harder", "rehearse", "support"]

_BY = "panel"
_TILT = 0.25
"""What the difficulty bias is moved by, where there is no bound to move."""


def harder(source: Source) -> None:
    """The bound rises by a step, or the difficulty bias where no bound can be moved.

    Raises:
        ConfigError: it is refused, or the run has ended.
    """
    _shift(source, 1)


def easier(source: Source) -> None:
    """The contrary of `harder`; errors as there."""
    _shift(source, -1)


def rehearse(source: Source) -> None:
    """Half of the episodes to come repeat earlier tasks, for as many as the rules would let them.

    Raises:
        ConfigError: it is refused, or the run has ended.
    """
    _controls(source).set("curriculum.rehearsal", _config(source).rehearsal, by=_BY)


def support(source: Source) -> None:
    """`rehearse` and `easier`; errors as there."""
    rehearse(source)
    easier(source)


def _shift(source: Source, way: int) -> None:
    controls = _controls(source)
    name = lever(controls)
    step = _config(source).difficulty_step if name != BIAS else _TILT
    controls.nudge(name, way * step, by=_BY)


def _config(source: Source) -> AdaptiveConfig:
    """The steps of the run's own controller, so that person and rule move alike."""
    return AdaptiveConfig() if source.controller is None else source.controller.config


def _controls(source: Source) -> Controls:
    if source.controls is None:
        raise ConfigError("a record cannot be steered.")
    return source.controls
