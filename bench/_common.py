"""What the benchmarks share: jobs in fresh interpreters, machine facts, tables, results."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = ("daf_nb", "stable-baselines3", "supersuit", "pettingzoo", "mpe2", "torch", "numpy")


def run_job(script: str, job: Mapping[str, Any], **environment: str) -> dict[str, Any]:
    """Runs `script --job JSON` in a new interpreter, so that its memory and threads are its own.

    Args:
        script: the benchmark.
        job: what it is to measure.
        **environment: variables that the interpreter gets besides this one's.

    Returns:
        The job with what it measured, which is the last line that it printed.
    """
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, script, "--job", json.dumps(job)],
        env={**os.environ, "PYGAME_HIDE_SUPPORT_PROMPT": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{job} failed:\n{done.stderr}")
    said = ", ".join(f"{name} {value}" for name, value in job.items())
    print(f"{said}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return {**job, **json.loads(done.stdout.splitlines()[-1])}


def machine() -> dict[str, Any]:
    """What the numbers depend on besides the code."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _cpu(),
        "cores": len(psutil.Process().cpu_affinity() or []),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_at_start": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        + " |"
        for cells in (header, rule, *rows)
    )


def save(path: Path | None, **results: Any) -> None:
    """Writes the results as JSON, where a path was given; whole, or not at all."""
    if path:
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(results, indent=1) + "\n")
        part.replace(path)


def earlier(path: Path | None, here: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The results that `save` wrote to `path` in an earlier call; none where there is no file.

    Args:
        path: where it wrote.
        here: the facts of this machine.

    Raises:
        SystemExit: they were measured on another machine or with other versions.
    """
    if path is None or not path.exists():
        return []
    saved = json.loads(path.read_text())
    passing = {"date", "load_at_start"}
    unlike = [k for k in here if k not in passing and saved["machine"].get(k) != here[k]]
    if unlike:
        raise SystemExit(f"{path} was measured with other {', '.join(unlike)}; name another --out.")
    return saved["results"]


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
