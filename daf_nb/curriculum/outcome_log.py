"""Outcomes kept: what the newest episodes were played with, and their success."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import numpy as np

from daf_nb.errors import ConfigError

__all__ = ["OutcomeLog", "plain"]

_PLAIN = frozenset({bool, float, int, str, type(None)})
_FLOAT = "float"
"""Marks a float that strict JSON has no word for."""


class OutcomeLog:
    """The newest outcomes: what an episode was played with, and its success. Iterates in order.

    Iterating takes what is there at that moment; outcomes may be added meanwhile.

    Args:
        limit: outcomes kept; the oldest go first.
    """

    def __init__(self, limit: int = 20_000) -> None:
        if limit < 1:
            raise ConfigError(f"limit={limit}: at least one outcome must be kept.")
        self._outcomes: deque[tuple[dict[str, Any], float]] = deque(maxlen=limit)

    def add(self, values: Mapping[str, Any], success: float) -> None:
        """Appends an outcome.

        Args:
            values: parameter -> value; copied.
            success: in [0, 1].

        Raises:
            ConfigError: a success outside of [0, 1].
        """
        if not 0.0 <= success <= 1.0:
            raise ConfigError(f"success={success!r} of an outcome: it must be in [0, 1].")
        self._outcomes.append((dict(values), float(success)))

    def __len__(self) -> int:
        return len(self._outcomes)

    def __iter__(self) -> Iterator[tuple[Mapping[str, Any], float]]:
        return iter(tuple(self._outcomes))

    def clear(self) -> None:
        """Forgets every outcome."""
        self._outcomes.clear()

    def state_dict(self) -> dict[str, Any]:
        """All outcomes as data that strict JSON holds without loss.

        Values that are no bool, int, float, str or None are kept as their `repr`.
        """
        return {
            "outcomes": [
                [{name: _to_json(value) for name, value in values.items()}, success]
                for values, success in self
            ]
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replaces all outcomes by those that `state_dict` told; the newest, up to the limit.

        Raises:
            ConfigError: the state is not one of outcomes; those that were here stay.
        """
        try:
            outcomes = [
                ({name: _from_json(value) for name, value in values.items()}, float(success))
                for values, success in state["outcomes"]
            ]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the state is not one of OutcomeLog: {error!r}.") from error
        self._outcomes = deque(outcomes, maxlen=self._outcomes.maxlen)


def plain(value: Any) -> Any:
    """A bool, int, float, str or None; numpy's scalars as those, all else as its `repr`."""
    if type(value) in _PLAIN:
        return value
    inner = value.item() if isinstance(value, np.generic) else value
    return inner if type(inner) in _PLAIN else repr(value)


def _to_json(value: Any) -> Any:
    value = plain(value)
    return {_FLOAT: repr(value)} if type(value) is float and not isfinite(value) else value


def _from_json(value: Any) -> Any:
    return float(value[_FLOAT]) if isinstance(value, Mapping) else value
