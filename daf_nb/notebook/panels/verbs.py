"""The verbs of a curriculum, as requests for its knobs."""

from __future__ import annotations

from daf_nb.config import AdaptiveConfig
from daf_nb.control import Controls, by_hand
from daf_nb.errors import ConfigError
from daf_nb.notebook.source import Source

__all__ = ["easier", "harder", "rehearse", "support"]

_BY = "panel"


def harder(source: Source) -> None:
    """The bound rises by a step, or the difficulty bias where no bound can be moved.

    Raises:
        ConfigError: it is refused, or the run has ended.
    """
    by_hand.shift(_controls(source), _config(source), 1, by=_BY)


def easier(source: Source) -> None:
    """The contrary of `harder`; errors as there."""
    by_hand.shift(_controls(source), _config(source), -1, by=_BY)


def rehearse(source: Source) -> None:
    """Half of the episodes to come repeat earlier tasks, for as many as the rules would let them.

    Raises:
        ConfigError: it is refused, or the run has ended.
    """
    by_hand.rehearse(_controls(source), _config(source), by=_BY)


def support(source: Source) -> None:
    """`rehearse` and `easier`; errors as there."""
    by_hand.support(_controls(source), _config(source), by=_BY)


def _config(source: Source) -> AdaptiveConfig:
    """The steps of the run's own controller, so that person and rule move alike."""
    return AdaptiveConfig() if source.controller is None else source.controller.config


def _controls(source: Source) -> Controls:
    if source.controls is None:
        raise ConfigError("a record cannot be steered.")
    return source.controls
