"""What a strategy's options may be; what is refused is said with what is allowed."""

from __future__ import annotations

from typing import Any

import numpy as np

from daf_nb.errors import ConfigError

__all__ = ["number", "refuse", "whole"]


def number(strategy: str, name: str, value: Any, interval: str) -> float:
    """`value` as a float, if it lies in `interval`.

    Args:
        strategy: whose option it is.
        name: the option.
        value: what came.
        interval: as on paper, such as "[0, 1]" or "(0, inf)".

    Raises:
        ConfigError: no number, or one outside of the interval.
    """
    low, high = (float(end) for end in interval[1:-1].split(","))
    if _is(value, (int, float, np.integer, np.floating)):
        from_low = value >= low if interval[0] == "[" else value > low
        to_high = value <= high if interval[-1] == "]" else value < high
        if from_low and to_high:
            return float(value)
    raise refuse(strategy, name, value, f"a number in {interval}")


def whole(strategy: str, name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """`value` as an int, if it is one from `least` to `most`.

    Raises:
        ConfigError: no integer, or one outside of these.
    """
    if _is(value, (int, np.integer)) and value >= least and (most is None or value <= most):
        return int(value)
    limit = f"of {least} or more" if most is None else f"from {least} to {most}"
    raise refuse(strategy, name, value, f"an integer {limit}")


def refuse(strategy: str, name: str, value: Any, needed: str) -> ConfigError:
    """The error for a value that an option cannot have."""
    return ConfigError(f"strategy {strategy!r}: {name}={value!r}; {needed} is needed.")


def _is(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)
