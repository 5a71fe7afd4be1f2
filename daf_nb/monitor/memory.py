"""Memory: this process's, and how much of what it may have is left."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psutil

__all__ = ["available_bytes", "memory_share", "memory_usage"]

_CGROUP = Path("/sys/fs/cgroup")


class _Place(NamedTuple):
    """The files of one version of control groups, and what the page cache is called there."""

    limit: Path
    used: Path
    stat: Path
    cache: str


class _Limit(NamedTuple):
    """A container's limit, and what is taken of it without what the page cache can give back."""

    total: int
    used: int


def memory_usage() -> dict[str, Any]:
    """Memory as plain data.

    Returns:
        `process_bytes`, resident; `total_bytes` of the machine; `limit_bytes` of the container, or
        None; `available_bytes`, that this process can still have; `share`, see `memory_share`.
    """
    machine, limit = psutil.virtual_memory(), _container()
    return {
        "process_bytes": int(_process(os.getpid()).memory_info().rss),
        "total_bytes": int(machine.total),
        "limit_bytes": None if limit is None else limit.total,
        "available_bytes": _available(machine, limit),
        "share": _taken(machine, limit),
    }


def memory_share() -> float:
    """How much of the memory that this process may have is taken, in [0, 1].

    Of the whole machine; of the container's limit where that is nearer, without what the page
    cache can give back.
    """
    return _taken(psutil.virtual_memory(), _container())


def available_bytes() -> int:
    """How much more memory this process can have, by machine and container."""
    return _available(psutil.virtual_memory(), _container())


def _taken(machine: Any, limit: _Limit | None) -> float:
    shares = [1.0 - machine.available / machine.total]
    if limit is not None:
        shares.append(limit.used / limit.total)
    return min(1.0, max(0.0, *shares))


def _available(machine: Any, limit: _Limit | None) -> int:
    left = int(machine.available)
    return left if limit is None else max(0, min(left, limit.total - limit.used))


@cache
def _process(pid: int) -> psutil.Process:
    return psutil.Process(pid)  # by number, as a forked process is another one


def _container() -> _Limit | None:
    """The limit of this process's control group, of either version; None where there is none."""
    second = _Place(
        _CGROUP / "memory.max", _CGROUP / "memory.current", _CGROUP / "memory.stat", "inactive_file"
    )
    old = _CGROUP / "memory"
    first = _Place(
        old / "memory.limit_in_bytes",
        old / "memory.usage_in_bytes",
        old / "memory.stat",
        "total_inactive_file",
    )
    for place in (second, first):
        try:
            total = place.limit.read_text().strip()
            # Without a limit: "max", or a number that is no machine's.
            if total != "max" and 0 < int(total) < 1 << 60:
                return _Limit(int(total), int(place.used.read_text()) - _reclaimable(place))
        except (OSError, ValueError):
            continue
    return None


def _reclaimable(place: _Place) -> int:
    for line in place.stat.read_text().splitlines():
        name, _, value = line.partition(" ")
        if name == place.cache:
            return int(value)
    return 0
