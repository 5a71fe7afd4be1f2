"""Kernels that are restarted, shut down or left by their browser while a run trains in them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psutil
from _faults_kernels import Kernel
from _faults_stage import Count

import daf_nb as daf

__all__ = ["ROWS"]

ORPHANED = 10.0
"""Seconds after which nothing that a kernel started may live any more."""
_HOW = ("restart now", "restart", "shutdown now", "shutdown", "browser closed")
_BEGIN = """
import _faults_points as points, daf_nb as daf
points.arm("rollout", {marker!r}, skip={skip})
run = points.begin({root!r}, observers=("wandb",))
"""
_GO_ON = """
import _faults_points as points, daf_nb as daf
run = daf.resume(1, runs_dir={root!r}, trust=True)
run.wait()
"""


def restarted(tries: int, folder: Path) -> dict[str, int | None]:
    """Each way in turn, with W&B's process (offline) beside the run."""
    count = Count()
    with Kernel(folder) as kernel:
        root = str(folder / "whole")
        kernel.run(f"import _faults_points as points\npoints.begin({root!r}).wait()")
        for number, how in enumerate(islice(cycle(_HOW), tries)):
            _one(kernel, count, folder / str(number), how, _parameters(folder / "whole"))
    return count.told()


def _one(kernel: Kernel, count: Count, root: Path, how: str, whole: Any) -> None:
    root.mkdir(parents=True)
    told = {"root": str(root), "marker": str(root / "here"), "skip": random.randrange(600)}
    kernel.run(_BEGIN.format(**told))
    left = _family(kernel, root)
    if how == "browser closed":
        kernel.drop()
        before = _lines(root)
        time.sleep(2.0)
        alone = daf.load_run(1, runs_dir=root).status == "RUNNING" and _lines(root) >= before
        kernel.come_back()
        kernel.run("points.disarm()")
        kernel.run("run.wait()", patience=120)
        ends = daf.load_run(1, runs_dir=root).status
        exact = _parameters(root) == whole
        count.add(f"{how}: {ends}", exact=exact, recovered=ends == "COMPLETED", said=alone)
        return
    _end(kernel, how)
    orphans = _still_there(left)
    record = daf.load_run(1, runs_dir=root)
    status, offer = record.status, "daf.resume(1)"
    offered = offer in repr(record) and daf.list_runs(runs_dir=root)["next"].tolist() == [offer]
    truly = status == "LOST" if "now" in how else status in ("LOST", "INTERRUPTED")
    if how.startswith("shutdown"):
        kernel.start()
    kernel.run(_GO_ON.format(root=str(root)), patience=120)
    ends = daf.load_run(1, runs_dir=root).status
    what = f"{how}: {status}, orphans {orphans}, then {ends}"
    recovered = ends == "COMPLETED" and not orphans
    count.add(what, exact=_parameters(root) == whole, recovered=recovered, said=truly and offered)


def _family(kernel: Kernel, root: Path) -> list[psutil.Process]:
    """The kernel and all that it started, when W&B runs and the chosen point is reached."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        children = kernel.process.children(recursive=True)
        if len(children) > 1 and (root / "here").exists():
            time.sleep(random.uniform(0.0, 0.5))
            return [kernel.process, *kernel.process.children(recursive=True)]
        time.sleep(0.1)
    raise RuntimeError("W&B's process did not begin, or the run did not come so far")


def _end(kernel: Kernel, how: str) -> None:
    now = how.endswith("now")
    kernel.drop()
    if how.startswith("restart"):
        kernel.manager.restart_kernel(now=now)
        kernel.come_back()
    else:
        kernel.manager.shutdown_kernel(now=now)


def _still_there(left: list[psutil.Process]) -> list[str]:
    """What lives on when the time is over."""
    _, alive = psutil.wait_procs(left, timeout=ORPHANED)
    return [" ".join(one.cmdline()[:4]) for one in alive if one.is_running()]


def _lines(root: Path) -> int:
    return len(daf.load_run(1, runs_dir=root).metrics)


def _parameters(root: Path) -> dict[str, Any]:
    state = daf.load_run(1, runs_dir=root).policy_state()
    return {name: tensor.tolist() for name, tensor in state.items()}


Row = Callable[[int, Path], dict[str, int | None]]
ROWS: dict[str, Row] = {"11 kernel restarted, browser closed": restarted}
