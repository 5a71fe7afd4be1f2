"""Success: one number in [0, 1] per episode and copy, by the user's rule or the world's word."""

from __future__ import annotations

from collections.abc import Callable

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
        return lambda episode: _checked(success(episode))
    low, high = success
    if not low < high:
        raise ConfigError(f"success=({low}, {high}): the lower bound must come first.")
    return lambda episode: min(1.0, max(0.0, (episode.mean_return - low) / (high - low)))


def _from_infos(episode: Episode) -> float | None:
    said = [
        _checked(info[key])
        for info in episode.info.values()
        for key in _INFO_KEYS
        if isinstance(info, dict) and key in info
    ]
    return sum(said) / len(said) if said else None


def _checked(value: object) -> float:
    number = float(value)  # type: ignore[arg-type] - whatever the user's function gave
    if not 0.0 <= number <= 1.0:
        raise ConfigError(f"success must be in [0, 1]; the rule gave {value!r}.")
    return number
