"""A run at Weights & Biases, kept by a process of its own, so that wandb cannot touch this one.

In a notebook wandb replaces IPython's display, hooks into every cell, and replaces `sys.exit` and
`sys.excepthook`; two runs at once undo each other's changes. None of that happens in a child.
"""

from __future__ import annotations

import datetime
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from daf_nb.record.observers.about import About
from daf_nb.record.sacred_api import RunObserver

__all__ = ["WandbRun"]

STARTING = 150.0  # seconds; wandb itself gives up after 90
ANSWERING = 60.0
FINISHING = 3600.0  # an upload may take long; whoever closes waits only as long as they please
EXIT_CODES = {"COMPLETED": 0, "FAILED": 1}
INTERRUPTED = 255  # what wandb says of a run that was stopped by hand


class WandbRun(RunObserver):
    """Tells wandb what Sacred says: config, metrics over agent-steps, and how the run ended.

    Args:
        project: the project's name.
        about: the run; its key is the run's id at wandb.

    Attributes:
        reference: the run's address, or the folder of an offline run.
    """

    def __init__(self, project: str, *, about: About) -> None:
        self._project, self._about = project, about
        # What wandb was told under an id stays told: once more means under another one.
        begun = len(list(about.folder.glob(f"wandb/*-{about.key}*")))
        self._id = f"{about.key}-{begun + 1}" if begun else about.key
        self._child: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[bytes] = queue.Queue()
        self.reference: str | None = None

    def started_event(
        self,
        ex_info: Mapping[str, Any],
        command: str,
        host_info: Mapping[str, Any],
        start_time: datetime.datetime,
        config: Mapping[str, Any],
        meta_info: Mapping[str, Any],
        _id: Any,
    ) -> None:
        about = self._about
        self._about.folder.mkdir(exist_ok=True)
        answer = self._ask(
            {
                "do": "start",
                "id": self._id,
                "project": self._project,
                "name": about.name[:128] or str(about.id),
                "tags": sorted({tag[:64] for tag in about.tags if tag}),
                "notes": about.notes,
                "job_type": about.kind,
                "group": f"run-{about.parent}" if about.parent is not None else None,
                "dir": str(about.folder),
                "start_time": start_time.replace(tzinfo=datetime.UTC).timestamp(),
                "config": {
                    **config,
                    "daf_nb": {
                        "run": about.id,
                        "host": host_info.get("hostname"),
                        "dependencies": ex_info.get("dependencies"),
                    },
                },
            },
            patience=STARTING,
        )
        self.reference = answer["reference"]

    def log_metrics(self, metrics_by_name: Mapping[str, Mapping[str, Any]], info: Any) -> None:
        rows: dict[tuple[int, int], dict[str, Any]] = {}
        for name, series in metrics_by_name.items():
            seen: dict[int, int] = {}
            for step, value, moment in zip(
                series["steps"], series["values"], series["timestamps"], strict=True
            ):
                repeat = seen[step] = seen.get(step, -1) + 1
                when = moment.replace(tzinfo=datetime.UTC).timestamp()
                row = rows.setdefault((step, repeat), {"step": step, "time": when, "values": {}})
                row["values"][name] = value
        ordered = sorted(rows.values(), key=lambda row: row["time"])
        self._ask({"do": "log", "rows": ordered})

    def completed_event(self, stop_time: datetime.datetime, result: Any) -> None:
        self._finish("COMPLETED", stop_time, result=result)

    def interrupted_event(self, interrupt_time: datetime.datetime, status: str) -> None:
        self._finish(status, interrupt_time)

    def failed_event(self, fail_time: datetime.datetime, fail_trace: list[str]) -> None:
        self._finish("FAILED", fail_time, error="".join(fail_trace)[-10_000:])

    def close(self) -> None:
        """Lets the process end. It finishes what it has by itself, if it must."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()

    def _finish(self, status: str, moment: datetime.datetime, **more: Any) -> None:
        summary = {"status": status, "stop_time": moment.isoformat(), **more}
        code = EXIT_CODES.get(status, INTERRUPTED)
        self._ask({"do": "finish", "exit_code": code, "summary": summary}, patience=FINISHING)

    def _ask(self, request: Mapping[str, Any], *, patience: float = ANSWERING) -> dict[str, Any]:
        """Has the process do something.

        Raises:
            RuntimeError: wandb's own words, or that the process does not answer.
        """
        if self._child is None or (request["do"] == "start" and self._child.poll() is not None):
            self._begin()
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(request).encode() + b"\n")
            self._child.stdin.flush()
            answer = json.loads(self._answers.get(timeout=patience) or "null")
        except (OSError, ValueError, queue.Empty) as error:
            self._child.kill()
            raise RuntimeError(f"wandb's process was lost or hung ({error!r})") from error
        if answer is None:
            raise RuntimeError("wandb's process ended before its work was done")
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def _begin(self) -> None:
        self._answers = queue.Queue()
        child = subprocess.Popen(
            # -P: a file of the user's called json.py is none of its business.
            [sys.executable, "-P", "-m", "daf_nb.record.observers.wandb_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # The stop button of a notebook interrupts a whole group of processes.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self._child = child
        threading.Thread(
            target=_read, args=(child, self._answers), name="daf_nb wandb answers", daemon=True
        ).start()


def _read(child: subprocess.Popen[bytes], answers: queue.Queue[bytes]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        answers.put(line)
    answers.put(b"")
    child.wait()
