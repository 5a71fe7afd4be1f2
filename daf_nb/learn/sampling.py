"""A run's own series about machine and memory, taken now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch

from daf_nb.learn.memory import left_bytes, part_bytes, taken_share
from daf_nb.monitor import CpuMeter, Gpus, disk_usage, memory_usage

if TYPE_CHECKING:
    from daf_nb.curriculum import CurriculumManager
    from daf_nb.learn.learner import Learner

__all__ = ["Sampler"]

_EVERY = 1.0
"""Least seconds between two looks at the machine."""
_PARTS_EVERY = 10.0
"""Least seconds between two looks at the memory of the parts."""
_SHARE = 1e-3
"""Greatest share of the time for looks at the parts: large worlds are walked more rarely."""


class Sampler:
    """Looks at machine and memory between two updates, at most once a second.

    What it gives depends on the clock and on whoever else uses the machine. It is for people and
    for rules, whose decisions the journal reproduces; nothing else of a run may depend on it.

    Args:
        learner: whose device, policies, buffers and worlds.
        curriculum: whose memory; or None.
        clock: seconds, that only rise.

    Attributes:
        folder: on the disk whose free space is told; the working directory by default.
    """

    def __init__(
        self,
        learner: Learner,
        curriculum: CurriculumManager | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = Path()
        self._learner, self._curriculum, self._clock = learner, curriculum, clock
        self._cpu, self._gpus = CpuMeter(), Gpus()
        self._due = self._parts_due = 0.0

    def begin(self) -> None:
        """Training begins, or goes on: what the processors did before does not count."""
        self._cpu.begin()

    def sample(self) -> dict[str, float]:
        """Metric -> value; empty within a second of the sample before."""
        now = self._clock()
        if now < self._due:
            return {}
        self._due = now + _EVERY
        metrics = self._machine()
        if now >= self._parts_due:
            metrics |= self._parts()
            cost = self._clock() - now
            self._parts_due = now + max(_PARTS_EVERY, cost / _SHARE)
        return metrics

    def _machine(self) -> dict[str, float]:
        cpu = self._cpu.look()
        told: dict[str, Any] = {
            "system/cpu_share": cpu.get("machine_share"),
            "system/process_cpu_share": cpu.get("process_share"),
            "system/memory_share": taken_share(self._learner.device),
            "system/memory_bytes": memory_usage()["process_bytes"],
            "system/disk_free_bytes": disk_usage(self.folder)["free_bytes"],
            **_gpu(self._gpus.look(), self._learner.device),
        }
        return {name: float(value) for name, value in told.items() if value is not None}

    def _parts(self) -> dict[str, float]:
        parts = part_bytes(self._learner, self._curriculum)
        names = ("policy", "worlds", "buffers")
        told: dict[str, float] = {f"memory/{name}_bytes": parts[name] for name in names}
        if self._curriculum is not None:
            told["memory/curriculum_bytes"] = parts["curriculum"]
        buffers, left = parts["buffers"], left_bytes(self._learner.device)
        told["memory/buffers_share"] = buffers / (buffers + left)
        return {name: float(value) for name, value in told.items()}


def _gpu(gpus: Sequence[dict[str, Any]], device: torch.device) -> dict[str, float | None]:
    """Of the GPU that the policies are on; the mean of all where they are on none that is told."""
    if device.type == "cuda" and gpus:
        uuid = str(getattr(torch.cuda.get_device_properties(device), "uuid", ""))
        gpus = [one for one in gpus if one["uuid"] == f"GPU-{uuid}"] or gpus
    return {
        "system/gpu_share": _mean([one["gpu_share"] for one in gpus]),
        "system/gpu_memory_share": _mean([one["memory_share"] for one in gpus]),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
