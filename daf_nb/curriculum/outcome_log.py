"""Outcomes kept: what the newest episodes were played with, and their success, column by column."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import repeat
from math import isfinite
from typing import Any, Final

import numpy as np

from daf_nb.errors import ConfigError

__all__ = ["ABSENT", "OutcomeLog", "plain"]

ABSENT: Final[dict[str, Any]] = {}
"""Stands in a column where an outcome has no such parameter; no plain value is a dict."""
_PLAIN = frozenset({bool, float, int, str, type(None)})
_FLOAT = "float"
"""Marks a float that strict JSON has no word for."""


class OutcomeLog:
    """The newest outcomes: what an episode was played with, and its success. Iterates in order.

    Values that are no bool, int, float, str or None are kept as their `repr`. Iterating takes what
    is there at that moment; outcomes may be added meanwhile.

    Args:
        limit: outcomes kept; the oldest go first.
    """

    # In columns, so that a checkpoint's copy of thousands of outcomes is a few lists of plain
    # values: no new object for each, which costs time and sets off Python's garbage collector.

    def __init__(self, limit: int = 20_000) -> None:
        if limit < 1:
            raise ConfigError(f"limit={limit}: at least one outcome must be kept.")
        self._limit = limit
        self._lock = threading.Lock()
        self._columns: dict[str, deque[Any]] = {}
        self._successes: deque[float] = deque(maxlen=limit)
        self._odd: set[str] = set()  # columns with floats that JSON has no word for

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
        row = {name: plain(value) for name, value in values.items()}
        with self._lock:
            for name in row:
                if name not in self._columns:
                    before = [ABSENT] * len(self._successes)
                    self._columns[name] = deque(before, maxlen=self._limit)
            for name, column in self._columns.items():
                value = row.get(name, ABSENT)
                column.append(value)
                if type(value) is float and not isfinite(value):
                    self._odd.add(name)
            self._successes.append(float(success))

    def __len__(self) -> int:
        return len(self._successes)

    def __iter__(self) -> Iterator[tuple[Mapping[str, Any], float]]:
        columns, successes = self.columns()
        rows = zip(*columns.values(), strict=True) if columns else repeat(())
        return iter(
            [
                ({k: v for k, v in zip(columns, row, strict=True) if v is not ABSENT}, success)
                for row, success in zip(rows, successes, strict=bool(columns))
            ]
        )

    def columns(self) -> tuple[dict[str, list[Any]], list[float]]:
        """Parameter -> one value of each outcome, or `ABSENT`; and their successes."""
        with self._lock:
            columns = {name: list(column) for name, column in self._columns.items()}
            return columns, list(self._successes)

    def clear(self) -> None:
        """Forgets every outcome."""
        with self._lock:
            self._columns, self._odd = {}, set()
            self._successes.clear()

    def state_dict(self) -> dict[str, Any]:
        """All outcomes as data that strict JSON holds without loss."""
        columns, successes = self.columns()
        for name in self._odd & columns.keys():
            columns[name] = [_to_json(value) for value in columns[name]]
        return {"columns": columns, "successes": successes}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replaces all outcomes by those that `state_dict` told; the newest, up to the limit.

        Raises:
            ConfigError: the state is not one of outcomes; those that were here stay.
        """
        try:
            successes = [float(success) for success in state["successes"]]
            columns = {
                str(name): [_from_json(value) for value in column]
                for name, column in state["columns"].items()
            }
            if any(len(column) != len(successes) for column in columns.values()):
                raise ValueError("the columns are of several lengths")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the state is not one of OutcomeLog: {error!r}.") from error
        with self._lock:
            self._columns = {k: deque(column, self._limit) for k, column in columns.items()}
            self._successes = deque(successes, self._limit)
            self._odd = {name for name, column in columns.items() if any(map(_is_odd, column))}


def plain(value: Any) -> Any:
    """A bool, int, float, str or None; numpy's scalars as those, all else as its `repr`."""
    if type(value) in _PLAIN:
        return value
    inner = value.item() if isinstance(value, np.generic) else value
    return inner if type(inner) in _PLAIN else repr(value)


def _is_odd(value: Any) -> bool:
    return type(value) is float and not isfinite(value)


def _to_json(value: Any) -> Any:
    return {_FLOAT: repr(value)} if _is_odd(value) else value


def _from_json(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    return float(value[_FLOAT]) if value else ABSENT
