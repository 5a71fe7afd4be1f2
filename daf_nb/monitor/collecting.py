"""Everything about the machine at once, as plain data with its units in the names."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from daf_nb.monitor.cpu import LEAST_SECONDS, CpuMeter, usable_cores
from daf_nb.monitor.disk import disk_usage
from daf_nb.monitor.gpu import Gpus
from daf_nb.monitor.memory import memory_usage

__all__ = [
    "collect_metrics",
    "get_cpu_usage",
    "get_disk_usage",
    "get_gpu_usage",
    "get_memory_usage",
]


class _Instruments:
    """What keeps something from one look to the next, for all threads of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.cpu, self.gpus = CpuMeter(), Gpus()


@cache
def _instruments() -> _Instruments:
    return _Instruments()


def collect_metrics(*, folder: Path | str = ".") -> dict[str, Any]:
    """The machine now.

    Args:
        folder: on the disk that is meant.

    Returns:
        `timestamp` (ISO 8601, UTC), `cpu`, `memory`, `disk` and `gpu`, as the functions of this
        module give them. JSON holds it.
    """
    return {
        "timestamp": datetime.now(UTC).isoformat(),
        "cpu": get_cpu_usage(),
        "memory": get_memory_usage(),
        "disk": get_disk_usage(folder),
        "gpu": get_gpu_usage(),
    }


def get_cpu_usage() -> dict[str, Any]:
    """Processors since the call before; the first call of a process waits .1 s for its own.

    Returns:
        `machine_share` and `process_share` as `CpuMeter.look` defines them; `cores` of the machine;
        `usable_cores`, that this process may use; `load_average`, processes that ran or waited over
        1, 5 and 15 minutes, or None where the system does not tell.
    """
    instruments = _instruments()
    with instruments.lock:
        shares = instruments.cpu.look()
        if not shares:
            time.sleep(LEAST_SECONDS * 1.05)
            shares = instruments.cpu.look()
    load = list(os.getloadavg()) if hasattr(os, "getloadavg") else None
    return {
        **shares,
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "load_average": load,
    }


def get_memory_usage() -> dict[str, Any]:
    """Memory; see `memory_usage`."""
    return memory_usage()


def get_disk_usage(folder: Path | str = ".") -> dict[str, Any]:
    """Disk; see `disk_usage`."""
    return disk_usage(folder)


def get_gpu_usage() -> list[dict[str, Any]]:
    """GPUs, one mapping each; see `Gpus.look`. Empty where there is none."""
    instruments = _instruments()
    with instruments.lock:
        return instruments.gpus.look()
