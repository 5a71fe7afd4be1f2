"""The levels of what is said, by name."""

from __future__ import annotations

import logging

from daf_nb.errors import ConfigError, unknown_name

__all__ = ["LEVELS", "level_name"]

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def level_name(level: str | int) -> str:
    """A level as one of `LEVELS`: case does not count, and `logging.INFO` is taken as "INFO".

    Raises:
        ConfigError: no such level.
    """
    numbered = isinstance(level, int) and not isinstance(level, bool)
    name = logging.getLevelName(level) if numbered else str(level).upper()
    if name not in LEVELS:
        # Compared in capitals, so that the nearest is found; shown as it came.
        said = unknown_name("log level", name, LEVELS)
        raise ConfigError(said.replace(repr(name), repr(level), 1))
    return name
