"""Whether a run that says it is alive is alive."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daf_nb.record.locks import is_held

__all__ = ["LIVE", "LOST_AFTER", "UNREADABLE", "true_status", "when"]

LIVE = ("QUEUED", "RUNNING", "PAUSED")
LOST_AFTER = 30.0  # seconds without a heartbeat
UNREADABLE = "UNREADABLE"


def true_status(folder: Path, document: Mapping[str, Any]) -> str:
    """The status in a run's `run.json`; LOST if it says it is alive and its writer is gone.

    The writer's lock decides at once. Where it cannot (no such locks, a lock on another machine,
    a run of plain Sacred), a heartbeat older than 30 seconds does. Without any status in the
    document it is UNREADABLE.
    """
    status = document.get("status")
    if not isinstance(status, str) or not status:
        return UNREADABLE
    if status not in LIVE:
        return status
    ours, host = document.get("daf_nb"), document.get("host")
    locked = isinstance(ours, Mapping) and ours.get("lock") == "flock"
    held = is_held(folder) if locked else None
    if held:
        return status
    here = isinstance(host, Mapping) and host.get("hostname") == platform.node()
    if held is False and here:
        return "LOST"
    beat = when(document.get("heartbeat")) or when(document.get("start_time"))
    if beat is None:
        return "LOST"
    age = datetime.datetime.now(datetime.UTC) - beat
    return "LOST" if age.total_seconds() > LOST_AFTER else status


def when(text: Any) -> datetime.datetime | None:
    """A moment as Sacred writes it (UTC without an offset), or None."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
