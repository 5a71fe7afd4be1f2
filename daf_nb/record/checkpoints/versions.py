"""What an exact resume must find again: the versions that compute, and the kind of machine."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from typing import Any

from daf_nb.record.facts import versions

__all__ = ["differences", "stamp"]

_COMPUTE = (
    "daf_nb",
    "gymnasium",
    "numpy",
    "pettingzoo",
    "sb3-contrib",
    "stable-baselines3",
    "supersuit",
    "torch",
)


def stamp(world: str, device: str) -> dict[str, Any]:
    """What a run computes with here.

    Args:
        world: its name; the version of the package that it comes from counts too.
        device: torch's name of where the policies are.
    """
    import torch

    known = versions()
    told = {package: known.get(package) for package in _COMPUTE}
    package = world.partition(":")[0].partition(".")[0].partition("/")[0]
    if package not in told:
        told |= _version_of(package)
    machine = {"device": device.partition(":")[0], "machine": platform.machine()}
    if machine["device"] == "cuda":
        machine["processor"] = torch.cuda.get_device_name(device)
    else:
        machine["processor"] = torch.backends.cpu.get_cpu_capability()
    return {"versions": told, "machine": machine}


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is other than it was, in words; nothing where an exact resume can be."""
    found = []
    for part in ("versions", "machine"):
        before, after = was.get(part), now[part]
        before = before if isinstance(before, Mapping) else {}
        found += [
            f"{name} {before.get(name)} -> {after.get(name)}"
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ]
    return found


def _version_of(package: str) -> dict[str, str]:
    """Of a world of the user's own there is no version; its tapes tell whether it has changed."""
    try:
        return {package: importlib.metadata.version(package)}
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return {}
