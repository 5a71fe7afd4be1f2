"""The logs of a run (metrics, journal, events, tapes): their rows, checked as they are read."""

from __future__ import annotations

import datetime
from array import array
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from daf_nb.record.thinning import thin

__all__ = [
    "EVENTS",
    "JOURNAL",
    "JOURNAL_COLUMNS",
    "METRICS",
    "TAPES",
    "MetricRow",
    "parse_event",
    "parse_journal",
    "parse_metrics",
    "sacred_metrics",
]

METRICS, EVENTS, JOURNAL = "metrics.jsonl", "events.jsonl", "journal.jsonl"
TAPES = "tapes.jsonl"
JOURNAL_COLUMNS = ("step", "name", "old", "new", "by")


class MetricRow(NamedTuple):
    """Metrics of one step, logged together."""

    step: int
    time: float
    values: dict[str, float]


def parse_metrics(row: Any) -> MetricRow:
    """One line of `metrics.jsonl`; "NaN" and the infinities are numbers again.

    Raises:
        LookupError, TypeError, ValueError: it is no such line.
    """
    values = {str(name): float(value) for name, value in row["values"].items()}
    return MetricRow(step=_integer(row["step"]), time=float(row["time"]), values=values)


def parse_event(row: Any) -> dict[str, Any]:
    """One line of `events.jsonl`: kind, step, time, data."""
    return {
        "kind": str(row["kind"]),
        "step": _integer(row["step"]),
        "time": row["time"],
        "data": row["data"],
    }


def parse_journal(row: Any) -> dict[str, Any]:
    """One line of `journal.jsonl`: step, name, old, new, by, and what else was noted."""
    checked = {column: row[column] for column in JOURNAL_COLUMNS}
    return {**checked, **row, "step": _integer(row["step"])}


def sacred_metrics(rows: Iterable[MetricRow]) -> dict[str, dict[str, list[Any]]]:
    """What Sacred's `metrics.json` says; each series thinned."""
    return {name: _thinned(*columns) for name, columns in _collect(rows).items()}


def _collect(
    rows: Iterable[MetricRow],
) -> Mapping[str, tuple[list[int], array[float], array[float]]]:
    series: dict[str, tuple[list[int], array[float], array[float]]] = {}
    for row in rows:
        for name, value in row.values.items():
            if name not in series:
                series[name] = ([], array("d"), array("d"))
            steps, times, values = series[name]
            steps.append(row.step)
            times.append(row.time)
            values.append(value)
    return series


def _thinned(steps: list[int], times: array[float], values: array[float]) -> dict[str, list[Any]]:
    kept = thin(values)
    return {
        "steps": [steps[index] for index in kept],
        "timestamps": [_sacred_time(times[index]) for index in kept],
        "values": [values[index] for index in kept],
    }


def _sacred_time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.replace(tzinfo=None).isoformat()


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise TypeError("a step is an integer of 64 bits")
    return value
