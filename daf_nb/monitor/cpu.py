"""Processor time: the machine's and this process's shares between two looks."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

__all__ = ["LEAST_SECONDS", "CpuMeter", "usable_cores"]

LEAST_SECONDS = 0.1
"""Between two looks: the machine counts processor time in hundredths of a second."""

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class _Reading:
    clock: float
    process: float
    busy: float
    total: float


class CpuMeter:
    """Shares of processor time since the look before.

    For one thread; who shares it with others has a lock.
    """

    def __init__(self) -> None:
        self._before: _Reading | None = None
        self._newest: dict[str, float] = {}

    def begin(self) -> None:
        """What was before counts no longer."""
        self._before, self._newest = _read(), {}

    def look(self) -> dict[str, float]:
        """The shares since the look before, each in [0, 1].

        Returns:
            `machine_share`, of all processors of the machine, by whomever; `process_share`, of
            those that this process may use, by its own threads. Empty at the first look; what the
            look before gave where that is less than .1 s ago.
        """
        if self._before is None:
            self.begin()
            return {}
        now, before = _read(), self._before
        seconds = now.clock - before.clock
        if seconds < LEAST_SECONDS:
            return dict(self._newest)
        self._before = now
        ticks = now.total - before.total
        self._newest = {
            "machine_share": _share(now.busy - before.busy, ticks),
            "process_share": _share(now.process - before.process, seconds * usable_cores()),
        }
        return dict(self._newest)


@cache
def usable_cores() -> float:
    """Processors that this process may use: by affinity, and by its control group's quota."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0)
    cores = cores or float(os.cpu_count() or 1)
    try:
        quota, period = _QUOTA.read_text().split()
        return cores if quota == "max" else min(cores, int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return cores  # no control group of the second version


def _read() -> _Reading:
    times = psutil.cpu_times()._asdict()
    # Linux counts a guest's time as the user's too.
    total = sum(seconds for name, seconds in times.items() if not name.startswith("guest"))
    idle = times["idle"] + times.get("iowait", 0.0)
    return _Reading(time.perf_counter(), time.process_time(), total - idle, total)


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0
