"""Disk: what is free where a folder is, and what this process has read and written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import psutil

__all__ = ["disk_usage"]


def disk_usage(folder: Path | str = ".") -> dict[str, Any]:
    """Disk as plain data; None for what the system does not tell.

    Args:
        folder: on the disk that is meant; it need not exist yet.

    Returns:
        `folder`, absolute; `free_bytes`, `total_bytes` and `free_share` of its disk; `read_bytes`
        and `written_bytes`, which this process had the disks do since it began.
    """
    place = Path(folder).absolute()
    told: dict[str, Any] = {"folder": str(place)}
    free = total = None
    for there in (place, *place.parents):
        try:
            usage = shutil.disk_usage(there)
        except OSError:
            continue
        free, total = usage.free, usage.total
        break
    told |= {
        "free_bytes": free,
        "total_bytes": total,
        "free_share": free / total if free is not None and total else None,
    }
    return told | _traffic()


def _traffic() -> dict[str, int | None]:
    try:
        counted = psutil.Process().io_counters()  # type: ignore[attr-defined] - not on macOS
    except (AttributeError, OSError, psutil.Error):
        return {"read_bytes": None, "written_bytes": None}
    return {"read_bytes": int(counted.read_bytes), "written_bytes": int(counted.write_bytes)}
