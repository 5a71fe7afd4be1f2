"""A run's metrics by name, taken in row by row as they come."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["History", "Row"]

Row = tuple[int, Mapping[str, float]]
"""Agent-step, and metric -> value."""

_LOOKED_AT = 1_000
"""Rows, of those that come at once, that are searched for names."""


class History:
    """The columns of rows that grow. What was read once is kept, so that a look costs what is new.

    Thread-safe.

    Args:
        rows: one per update; may grow meanwhile, and changes in no other way.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._count = 0
        self._names: dict[str, None] = {}
        self._steps = _Column(np.int64)
        self._columns: dict[str, _Column] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return self._count

    def read(self) -> int:
        """Takes in what came since; the number of rows now, which all columns have."""
        with self._lock:
            new = self.rows[self._count :]
            self._steps.extend([step for step, _ in new])
            for _, values in new[:: max(1, len(new) // _LOOKED_AT)]:
                if not values.keys() <= self._names.keys():
                    self._names.update(dict.fromkeys(values))
            self._count += len(new)
            return self._count

    @property
    def width(self) -> int:
        """How many different metrics came so far."""
        return len(self._names)

    def names(self, prefix: str = "", suffix: str = "") -> list[str]:
        """What is between prefix and suffix in the names of metrics, in the order they came in."""
        return [
            name[len(prefix) : len(name) - len(suffix)]
            for name in list(self._names)
            if name.startswith(prefix) and name.endswith(suffix)
        ]

    @property
    def steps(self) -> np.ndarray:
        """Agent-steps, int [rows]; not to be written to."""
        return self._steps.values

    def column(self, name: str) -> np.ndarray:
        """A metric, float [rows]; NaN where a row lacks it; not to be written to."""
        with self._lock:
            if name not in self._columns:
                self._columns[name] = _Column(np.float64)
            column = self._columns[name]
            new = self.rows[len(column.values) : self._count]
            column.extend([values.get(name, math.nan) for _, values in new])
            return column.values

    def newest(self, name: str) -> float | None:
        """A metric's newest finite value; None where there is none."""
        if name not in self._names:
            return None
        column = self.column(name)
        there = np.flatnonzero(np.isfinite(column))
        return float(column[there[-1]]) if len(there) else None


class _Column:
    """Numbers that grow in place: what was given out before stays as it is."""

    def __init__(self, kind: type) -> None:
        self._room = np.empty(64, kind)
        self.values = self._room[:0]

    def extend(self, new: list[Any]) -> None:
        start, end = len(self.values), len(self.values) + len(new)
        if end > len(self._room):
            room = np.empty(max(end, 2 * len(self._room)), self._room.dtype)
            room[:start] = self.values
            self._room = room
        self._room[start:end] = new
        self.values = self._room[:end]
