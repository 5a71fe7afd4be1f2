"""What a run ran on: versions, hardware, and the state of the repository."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from daf_nb.record.folders import project_root

__all__ = ["PACKAGES", "environment_facts", "versions"]

PACKAGES = (
    "cloudpickle",
    "daf_nb",
    "gymnasium",
    "ipykernel",
    "ipywidgets",
    "jupyterlab",
    "mpe2",
    "numpy",
    "pandas",
    "pettingzoo",
    "pydantic",
    "sacred",
    "sb3-contrib",
    "setuptools",
    "stable-baselines3",
    "supersuit",
    "torch",
)
GIT_TIMEOUT = 5.0  # seconds
FILTERS = r"^filter\..*\.(clean|smudge|process|required)$"
"""Settings that name programs, which git would run on files that may have changed."""


def environment_facts(*, root: Path | None = None, ignore: Path | None = None) -> dict[str, Any]:
    """Versions, hardware, platform and git state, as plain JSON.

    Args:
        root: a folder of the project; by default the one around the working directory.
        ignore: a folder whose files do not make the repository dirty: the runs themselves.
    """
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "hardware": _hardware(),
        "git": _git(root or project_root(), ignore),
    }


def versions() -> dict[str, str]:
    """Package -> version; looked up again where one was installed or removed since."""
    changed = [_changed_at(folder) for folder in sys.path]
    return dict(_versions_of(tuple(changed)))


def _changed_at(folder: str) -> int:
    try:
        return Path(folder or ".").stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=1)
def _versions_of(changed: tuple[int, ...]) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _hardware() -> dict[str, Any]:
    usable = getattr(os, "sched_getaffinity", None)
    return {
        "host": platform.node(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": len(usable(0)) if usable else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": _gpus(),
    }


@functools.cache
def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _gpus() -> list[str]:
    """The GPUs' names. torch is asked only where it uses them: asking would start them."""
    try:
        return list(_nvml_names())
    except Exception:  # no library, no driver, no permission: all the same here
        torch = sys.modules.get("torch")
        if torch is None or not torch.cuda.is_initialized():
            return []
        return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


@functools.cache
def _nvml_names() -> tuple[str, ...]:
    import pynvml

    pynvml.nvmlInit()
    try:
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        names = [pynvml.nvmlDeviceGetName(handle) for handle in handles]
    finally:
        pynvml.nvmlShutdown()
    return tuple(name.decode() if isinstance(name, bytes) else name for name in names)


def _git(root: Path, ignore: Path | None) -> dict[str, Any] | None:
    """The repository's commit and cleanliness; None outside a repository or without git."""
    # No index lock that would disturb the user's own git, and no hook of a stranger's repository.
    git = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(root)]
    command = ["status", "--porcelain=v2", "--branch", "--ignore-submodules=all", "--", ":/"]
    if ignore is not None and ignore != root and ignore.is_relative_to(root):
        command.append(f":(exclude,literal){ignore.relative_to(root).as_posix()}")
    try:
        names = _answer([*git, "config", "-z", "--name-only", "--get-regexp", FILTERS]).stdout
        answer = _answer([*git, *command], without=names.decode("utf-8", "replace").split("\0"))
    except subprocess.TimeoutExpired:
        return {"error": f"git status took longer than {GIT_TIMEOUT:g} s"}
    except OSError:
        return None
    if answer.returncode != 0:
        said = answer.stderr.decode("utf-8", "replace").strip()
        return None if "not a git repository" in said else {"error": said}
    return _parse_status(answer.stdout.decode("utf-8", "replace").splitlines())


def _answer(
    command: list[str], *, without: Sequence[str] = ()
) -> subprocess.CompletedProcess[bytes]:
    """What git says, with some of its settings empty."""
    settings: dict[str, str] = {}
    for place, name in enumerate(filter(None, without)):
        settings[f"GIT_CONFIG_KEY_{place}"] = name
        settings[f"GIT_CONFIG_VALUE_{place}"] = "false" if name.endswith(".required") else ""
        settings["GIT_CONFIG_COUNT"] = str(place + 1)
    return subprocess.run(
        command,
        capture_output=True,
        check=False,
        env=os.environ | {"LC_ALL": "C"} | settings,
        stdin=subprocess.DEVNULL,
        timeout=GIT_TIMEOUT,
    )


def _parse_status(lines: list[str]) -> dict[str, Any]:
    headers = [line.split(" ", 2) for line in lines if line.startswith("# branch.")]
    heads = {header[1]: header[2] for header in headers}
    commit, branch = heads.get("branch.oid"), heads.get("branch.head")
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": None if branch == "(detached)" else branch,
        "dirty": any(line[:1] in ("1", "2", "u") for line in lines),
        "untracked": sum(line.startswith("? ") for line in lines),
    }
