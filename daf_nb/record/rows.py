"""The rows that a run's logs are given, checked before they are written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from daf_nb.errors import RecordError
from daf_nb.record.series import JOURNAL_COLUMNS

__all__ = ["event_row", "journal_row", "metric_numbers"]


def metric_numbers(step: int, values: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The metrics of one step as Python's own floats.

    Raises:
        RecordError: a value is no number.
    """
    try:
        return [(str(name), float(value)) for name, value in values.items()]
    except (TypeError, ValueError, RuntimeError) as error:  # torch's own error for many numbers
        raise RecordError(f"A metric of step {step} is no number: {error}.") from error


def event_row(kind: str, step: int, data: Mapping[str, Any] | None) -> dict[str, Any]:
    """Something that happens now."""
    return {"kind": str(kind), "step": int(step), "time": time.time(), "data": data or {}}


def journal_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """One change from outside.

    Raises:
        RecordError: a key is missing.
    """
    absent = [column for column in JOURNAL_COLUMNS if column not in entry]
    if absent:
        raise RecordError(f"A journal entry lacks {', '.join(absent)}; it has {sorted(entry)}.")
    return {**entry, "step": int(entry["step"])}
