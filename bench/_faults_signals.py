"""The stop button and signals: at scripted points, in real kernels, terminals and processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import _faults_points as points
from _faults_kernels import HERE, Kernel
from _faults_stage import Count

import daf_nb as daf

__all__ = ["ROWS"]

PROMPT = 2.0
"""Seconds from the stop button to the cell's end, saving included, at points of 10 ms a step."""
GRACE = 10.0
"""Seconds from SIGTERM to SIGKILL."""
_BACKGROUND = "run = None\nrun = points.begin({root!r})\nrun.wait()"
_FOREGROUND = "trainer = None\ntrainer = points.trainer()\ntrainer.train()"


def stop_button(tries: int, folder: Path) -> dict[str, int | None]:
    """Interrupts cells of one kernel, at every point in turn, and once more where it hangs."""
    count = Count()
    folder.mkdir(parents=True, exist_ok=True)
    with Kernel(folder) as kernel:
        kernel.run(
            "import _faults_points as points, daf_nb as daf\nfrom daf_nb.session import resume"
        )
        kernel.run(f"whole = points.begin({str(folder / 'whole')!r}); whole.wait()")
        whole = kernel.value("whole.fingerprint()")
        for number, (point, here) in enumerate(islice(cycle(_stops()), tries)):
            press = _press_in_front if here else _press_behind
            press(kernel, count, folder / str(number), point, whole, skip=_skip(point))
    return count.told()


def _stops() -> Iterator[tuple[str, bool]]:
    """(point, in the foreground) of everything that can be interrupted."""
    for point in points.POINTS:
        yield point, False
        if point != "save":  # a trainer without a record saves nothing by itself
            yield point, True


def _skip(point: str) -> int:
    """Passings before the one that is meant, anywhere in the run."""
    most = {"rollout": 700, "update": 200, "preflight": 5, "save": 2, "evaluation": 60}
    return random.randrange(most.get(point, 1))


def _interrupt(kernel: Kernel, cell: str, folder: Path, point: str, skip: int) -> Any:
    """Runs a cell and interrupts it at a point; seconds until it ended, and how."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / "here"
    kernel.run(f"points.arm({point!r}, {str(marker)!r}, skip={skip})")
    number = kernel.send(cell)
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(random.uniform(0.0, 0.05))
    began = time.monotonic()
    kernel.interrupt()
    reply = kernel.reply(number)
    seconds = time.monotonic() - began
    kernel.run("points.disarm()")
    print(f"  {point}: the cell ended {seconds:.2f} s later", file=sys.stderr, flush=True)
    return seconds, reply.get("ename")


def _press_behind(
    kernel: Kernel, count: Count, folder: Path, point: str, whole: str, *, skip: int
) -> None:
    root = folder / "runs"
    seconds, how = _interrupt(kernel, _BACKGROUND.format(root=str(root)), folder, point, skip)
    listed = daf.list_runs(runs_dir=root)["status"].tolist()
    truly = listed == ([] if point == "copies" else ["INTERRUPTED"])
    said = how == "KeyboardInterrupt" and seconds < PROMPT and truly
    if listed:
        kernel.run(f"run = resume(1, runs_dir={str(root)!r}, trust=True); run.wait()")
    again = kernel.run(_BACKGROUND.format(root=str(root)))  # the same cell
    exact = kernel.value("run.fingerprint()") == whole
    ends = daf.list_runs(runs_dir=root)
    if listed:
        exact = exact and _parameters(root, 1) == _parameters(root, 2)
    recovered = again["status"] == "ok" and set(ends["status"]) == {"COMPLETED"}
    what = f"{point} of daf.train: {how} after {seconds:.2f} s, {listed}"
    count.add(what, exact=exact, recovered=recovered, said=said)


def _press_in_front(
    kernel: Kernel, count: Count, folder: Path, point: str, whole: str, *, skip: int
) -> None:
    seconds, how = _interrupt(kernel, _FOREGROUND, folder, point, skip)
    made = kernel.value("trainer is not None") == "True"
    again = kernel.run("trainer.train()" if made else _FOREGROUND)
    exact = kernel.value("trainer.fingerprint()") == whole
    said = how == "KeyboardInterrupt" and seconds < PROMPT
    what = f"{point} of trainer.train: {how} after {seconds:.2f} s"
    count.add(what, exact=exact, recovered=again["status"] == "ok", said=said)


def _parameters(root: Path, number: int) -> dict[str, Any]:
    state = daf.load_run(number, runs_dir=root).policy_state()
    return {name: tensor.tolist() for name, tensor in state.items()}


def terminal(tries: int, folder: Path) -> dict[str, int | None]:
    """Ctrl-C, and Ctrl-C again, on `daf-nb train` and on `daf-nb resume`, at random moments."""
    count, whole = Count(), folder / "whole"
    spec = HERE / "_faults_terminal.json"
    _shell("train", spec, "--trust", "--runs-dir", whole).wait()
    for number in range(tries):
        root = folder / str(number)
        codes = [_ctrl_c(_shell("train", spec, "--trust", "--runs-dir", root), root)]
        status = daf.load_run(1, runs_dir=root).status
        codes.append(_ctrl_c(_shell("resume", 1, "--trust", "--runs-dir", root), root))
        said = {status, daf.load_run(1, runs_dir=root).status} <= {"INTERRUPTED", "COMPLETED"}
        if daf.load_run(1, runs_dir=root).status != "COMPLETED":
            codes.append(_shell("resume", 1, "--trust", "--runs-dir", root).wait())
        ends = daf.load_run(1, runs_dir=root).status
        exact = ends == "COMPLETED" and _parameters(root, 1) == _parameters(whole, 1)
        told = f"codes {codes}, {status}, then {ends}"
        count.add(told, exact=exact, recovered=ends == "COMPLETED", said=said and codes[0] == 130)
    return count.told()


def _shell(*arguments: object) -> subprocess.Popen[str]:
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "daf_nb.cli", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environ,
        text=True,
    )


def _ctrl_c(process: subprocess.Popen[str], root: Path) -> int:
    """Presses at a random moment of the run, now and then twice; the exit code."""
    metrics = root / "1" / "metrics.jsonl"
    while not metrics.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(random.uniform(0.0, 0.6))
    for pause in random.choice(([0.0], [0.0, 0.05])):
        time.sleep(pause)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    return process.wait(30)


def terminated(tries: int, folder: Path) -> dict[str, int | None]:
    """SIGTERM for processes with one to three live runs, SIGKILL ten seconds later."""
    count, whole = Count(), folder / "whole"
    points.begin(str(whole)).wait()
    wanted = _parameters(whole, 1)
    for number in range(tries):
        root, runs = folder / str(number), 1 + number % 3
        how = ("plain", "own handler", "hanging")[number // 3 % 3]
        seconds, code = _terminate(root, runs, how)
        statuses = [daf.load_run(n, runs_dir=root).status for n in range(1, runs + 1)]
        ended = 7 if how == "own handler" else -signal.SIGTERM
        said = code == ended and seconds < GRACE and set(statuses) == {"INTERRUPTED"}
        again = [daf.resume(n, runs_dir=root, trust=True, observers=()) for n in range(1, runs + 1)]
        for run in again:
            run.wait()
        exact = all(_parameters(root, run.id) == wanted for run in again)
        recovered = all(run.status == "COMPLETED" for run in again)
        told = f"{runs} run(s), {how}: code {code} after {seconds:.2f} s, {statuses}"
        count.add(told, exact=exact, recovered=recovered, said=said)
    return count.told()


def _terminate(root: Path, runs: int, how: str) -> tuple[float, int]:
    """Seconds from SIGTERM to the end of a process with live runs, and its code."""
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", HERE / "_faults_terminated.py", root, str(runs), how],
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()  # all of them train
    time.sleep(random.uniform(0.0, 1.5))
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    killer = threading.Timer(GRACE, child.kill)
    killer.start()
    code = child.wait()
    killer.cancel()
    seconds = time.monotonic() - began
    print(f"  {runs} run(s), {how}: ended {seconds:.2f} s later", file=sys.stderr, flush=True)
    return seconds, code


Row = Callable[[int, Path], dict[str, int | None]]
ROWS: dict[str, Row] = {
    "9 stop button (SIGINT), real kernels": stop_button,
    "9 Ctrl-C in a terminal": terminal,
    "10 SIGTERM, SIGKILL 10 s later": terminated,
}
