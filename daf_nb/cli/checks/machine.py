"""Memory, devices and threads."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from daf_nb.cli.checks.finding import Finding
from daf_nb.monitor import memory_share

__all__ = ["devices", "memory", "threads"]

_CGROUP = Path("/sys/fs/cgroup/memory.max")
_TIGHT = 0.9
"""Of the memory that may be used; what is taken beyond it is worth a warning."""
_LITTLE = 2 * 2**30
"""Bytes in which little more than torch has room."""


def memory() -> Iterator[Finding]:
    """What there is, the limit of the container, and how much of it is taken."""
    total, share = psutil.virtual_memory().total, memory_share()
    limit = _limit()
    usable = min(total, limit or total)
    bounded = f", of which this container may use {limit / 2**30:.1f} GiB" if limit else ""
    said = f"{total / 2**30:.1f} GiB{bounded}; {100 * share:.0f} % taken"
    if share > _TIGHT or usable * (1 - share) < _LITTLE:
        advice = "Use fewer copies, smaller rollouts or fewer workers, or free some memory."
        yield Finding("memory", "warning", said, advice)
    else:
        yield Finding("memory", "ok", said)


def devices() -> Iterator[Finding]:
    """Processors, and GPUs that torch can use; device="auto" times what is worth while."""
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("processors", "ok", f"{usable} of {os.cpu_count()} cores may be used")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            said = f"{about.name}, {about.total_memory / 2**30:.0f} GiB"
            yield Finding(f"cuda:{index}", "ok", said)
    elif _has_driver():
        said = f"there is an NVIDIA driver, but torch {torch.__version__} cannot use it"
        advice = "Install the torch of your CUDA version: https://pytorch.org/get-started/locally/"
        yield Finding("gpu", "warning", said, advice)
    else:
        yield Finding("gpu", "ok", "none; small policies are as fast on the processor")


def threads() -> Iterator[Finding]:
    """A minibatch of a usual policy, timed on one torch thread and on all cores."""
    from torch import get_num_threads, set_num_threads

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    before = get_num_threads()
    try:
        timed = {}
        for count in dict.fromkeys((1, cores or 1)):
            set_num_threads(count)
            timed[count] = _minibatch_seconds()
    finally:
        set_num_threads(before)
    told = ", ".join(f"{1000 * seconds:.1f} ms on {count}" for count, seconds in timed.items())
    said = f"a minibatch of 256 rows takes {told}; torch_threads='auto' chooses by such a timing"
    yield Finding("threads", "ok", said)


def _minibatch_seconds() -> float:
    """The best of a few passes forward, back and of the optimiser."""
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.Tanh(), torch.nn.Linear(64, 8))
    optimiser = torch.optim.Adam(net.parameters())
    rows, times = torch.zeros(256, 32), []
    for _ in range(8):
        start = time.perf_counter()
        optimiser.zero_grad()
        net(rows).square().mean().backward()
        optimiser.step()
        times.append(time.perf_counter() - start)
    return min(times)


def _limit() -> int | None:
    """Of the control group, in bytes; None where there is none."""
    try:
        text = _CGROUP.read_text().strip()
        return None if text == "max" else int(text)
    except (OSError, ValueError):
        return None


def _has_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists()
