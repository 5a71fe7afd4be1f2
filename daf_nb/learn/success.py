"""Success: one number in [0, 1] per episode and copy, by the user's rule or the world's word."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from daf_nb.envs import Episode
from daf_nb.errors import ConfigError

__all__ = ["SuccessLike", "SuccessRule", "success_rule"]

SuccessRule = Callable[[Episode], float | None]
SuccessLike = Callable[[Episode], float] | tuple[float, float] | None

_INFO_KEYS = ("is_success", "success")


def success_rule(success: SuccessLike) -> SuccessRule:
    """The rule that `success` stands for.

    Args:
        success: a function of the finished episode; or (low, high), between which the return per
            agent is scaled; or None, for what the world's last infos say under `is_success` or
            `success`, averaged over agents (None where they say nothing).

    Raises:
        ConfigError: bounds that are not in order; or, when called, a value outside [0, 1].
    """
    if success is None:
        return _from_infos
    if callable(success):
        return lambda episode: _asked(success, episode)
    if not (isinstance(success, (tuple, list)) and len(success) == 2 and _finite(success)):
        raise ConfigError(
            f"success={success!r}: a function of the episode is needed, or two finite bounds "
            "(low, high) of its return per agent, or None for what the world's infos say."
        )
    low, high = success
    if not low < high:
        raise ConfigError(f"success=({low}, {high}): the lower bound must come first.")
    return lambda episode: min(1.0, max(0.0, (episode.mean_return - low) / (high - low)))


def _finite(bounds: Sequence[Any]) -> bool:
    return all(isinstance(bound, (int, float)) and math.isfinite(bound) for bound in bounds)


def _asked(success: Callable[[Episode], float], episode: Episode) -> float:
    """What the user's rule says; its own errors are raised as they are, with the episode named."""
    try:
        value = success(episode)
    except Exception as error:
        error.add_note(f"raised by success= for {_named(episode)}")
        raise
    return _checked(value, episode)


def _named(episode: Episode) -> str:
    task = f" of task {episode.task!r}" if episode.task else ""
    where = f"episode {episode.number}{task} in copy {episode.copy} (seed {episode.seed})"
    return f"{where}, after its {episode.length} steps"


def _from_infos(episode: Episode) -> float | None:
    said = [
        _checked(info[key], episode)
        for info in episode.info.values()
        for key in _INFO_KEYS
        if isinstance(info, dict) and key in info
    ]
    return sum(said) / len(said) if said else None


def _checked(value: Any, episode: Episode) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 <= number <= 1.0:
        raise ConfigError(
            f"success must be a number in [0, 1]; it is {value!r} for {_named(episode)}. Scale it, "
            "or give success=(low, high), the bounds of its return per agent."
        )
    return number
