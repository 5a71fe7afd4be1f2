"""The process that keeps one run at Weights & Biases: one JSON request a line in, one answer out.

When whoever asked is gone, it ends the run and itself, at the latest ten seconds later.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["main"]

LAST_WORDS = 8.0  # seconds
STEPS = "agent_steps"
ABANDONED = 255  # the exit code of a run whose program is gone


def main() -> None:
    """Answers requests until there are no more."""
    answers = _own_output()
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, requests), daemon=True).start()
    run: Any = None
    while line := requests.get():
        request = json.loads(line)
        try:
            if request["do"] == "start":
                run = _start(request)
                answer = {"reference": run.url or str(Path(run.dir).parent)}
            elif request["do"] == "log":
                answer = _log(run, request["rows"])
            else:
                run.summary.update(request["summary"])
                run.finish(exit_code=request["exit_code"])
                run, answer = None, {}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
    if run is not None:
        run.finish(exit_code=ABANDONED)


def _start(request: Mapping[str, Any]) -> Any:
    import wandb

    run = wandb.init(
        id=request["id"],
        project=request["project"],
        name=request["name"],
        tags=request["tags"],
        notes=request["notes"],
        group=request["group"],
        job_type=request["job_type"],
        dir=request["dir"],
        config=request["config"],
        settings=wandb.Settings(
            console="off",
            disable_code=True,
            disable_git=True,
            save_code=False,
            silent=True,
            symlink=False,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
            x_start_time=request["start_time"],
        ),
    )
    # wandb's own step only goes up; with an axis of ours, what comes late is not dropped.
    run.define_metric(STEPS, hidden=True)
    run.define_metric("*", step_metric=STEPS)
    return run


def _log(run: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    for row in rows:
        run.log({**row["values"], STEPS: row["step"], "_timestamp": row["time"]})
    return {}


def _read(source: BinaryIO, requests: queue.Queue[bytes]) -> None:
    for line in source:
        requests.put(line)
    requests.put(b"")
    timer = threading.Timer(LAST_WORDS, os._exit, args=(1,))
    timer.daemon = True
    timer.start()


def _own_output() -> BinaryIO:
    """The pipe that answers go to; whatever else prints goes to stderr."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


if __name__ == "__main__":
    main()
