"""What is measured of the machine."""

from __future__ import annotations

from pathlib import Path

import psutil

__all__ = ["memory_share"]

_CGROUP = Path("/sys/fs/cgroup")


def memory_share() -> float:
    """How much of the memory that this process may have is taken, in [0, 1].

    Of the whole machine; of the container's limit where that is nearer, without what the page
    cache can give back.
    """
    machine = psutil.virtual_memory()
    shares = [1.0 - machine.available / machine.total]
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
        if limit != "max":
            shares.append((used - _reclaimable()) / int(limit))
    except (OSError, ValueError):
        pass  # no control group of the second version
    return min(1.0, max(0.0, *shares))


def _reclaimable() -> int:
    for line in (_CGROUP / "memory.stat").read_text().splitlines():
        name, _, value = line.partition(" ")
        if name == "inactive_file":
            return int(value)
    return 0
