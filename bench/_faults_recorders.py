"""The recorder fails: observers that raise, a database or a disk that goes and comes back."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import _faults_points as points
from _faults_killed import _CLOCK as CLOCK
from _faults_stage import Count

import daf_nb as daf
from daf_nb.record.observers import deliver
from daf_nb.record.sacred_api import RunObserver

__all__ = ["ROWS"]

sys.path.append(str(Path(__file__).parents[1]))  # for the small server that the tests have

_EVENTS = (
    *("started_event", "heartbeat_event", "log_metrics", "artifact_event"),
    *("completed_event", "mongo", "disk"),
)


class Raising(RunObserver):
    """Raises in one of its events, always."""

    def __init__(self, event: str) -> None:
        self.raised = 0

        def fail(*_: Any, **__: Any) -> None:
            self.raised += 1
            raise RuntimeError(f"{event} is refused")

        setattr(self, event, fail)


def recorders(tries: int, folder: Path) -> dict[str, int | None]:
    """Each event of an observer, a database and a disk in turn."""
    count = Count()
    folder.mkdir(parents=True, exist_ok=True)
    points.begin(str(folder / "whole")).wait()
    whole = _ends(folder / "whole")
    for number, what in enumerate(islice(cycle(_EVENTS), tries)):
        root = folder / str(number)
        if what == "mongo":
            _outage(count, root, whole)
        elif what == "disk":
            _refusing(count, root, whole)
        else:
            _raising(count, root, whole, what)
    return count.told()


def _raising(count: Count, root: Path, whole: Any, event: str) -> None:
    observer = Raising(event)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", daf.DafWarning)
        run = points.begin(str(root), observers=(observer,))
        _touch(run, event)
        run.wait()
    told = " ".join(str(one.message) for one in caught)
    (entry,) = _ledger(root)
    if event == "artifact_event" and not observer.raised:
        said = entry["state"] == "delivered"  # nothing of a training is an artifact to Sacred
    else:
        said = "is refused" in told and "deliver(1," in told and entry["state"] != "delivered"
    what = f"{event}: {run.status}, {entry['state']}, {told[:200]}"
    count.add(what, exact=_ends(root) == whole, recovered=run.status == "COMPLETED", said=said)


def _touch(run: daf.Run, event: str) -> None:
    """Has the event happen."""
    if event == "artifact_event":
        run._recorder.keep("note.txt", b"an artifact")


def _outage(count: Count, root: Path, whole: Any) -> None:
    from tests.record.observers.mongo_server import MongoServer, Proxy

    server = MongoServer()
    proxy = Proxy(server.port, lambda _: random.choices(["pass", "before", "after"], [8, 1, 1])[0])
    try:
        proxy.stop()
        threading.Timer(random.uniform(0.1, 2.0), proxy.start).start()
        where = f"mongo:{proxy.url}/lab"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", daf.DafWarning)
            run = points.begin(str(root), observers=(where,))
            run.wait()
            for thread in threading.enumerate():
                if "observers' end" in thread.name:
                    thread.join()
        state = _ledger(root)[0]["state"]
        said = state == "delivered" or any("deliver(1," in str(one.message) for one in caught)
        if state != "delivered":  # it was gone for too long, and is told later
            deliver(1, where, runs_dir=root)
        database = server.client["lab"]
        once = database.runs.count_documents({}) == 1 and _same(database, root)
        told = f"mongo: {run.status}, {state}, once {once}"
        recovered = run.status == "COMPLETED" and once
        count.add(told, exact=_ends(root) == whole, recovered=recovered, said=said)
    finally:
        proxy.close()
        server.close()


def _same(database: Any, root: Path) -> bool:
    """The database holds every value of every metric, once."""
    metrics = daf.load_run(1, runs_dir=root).metrics
    found = {m["name"]: (m["steps"], m["values"]) for m in database.metrics.find()}
    if found.keys() != set(metrics.columns) or len(found) != database.metrics.count_documents({}):
        return False
    for name, (steps, values) in found.items():
        # Where a value is missing, or was not a number: a table does not tell one from the other.
        whole = not metrics[name].isna().to_numpy().any()
        if whole and (steps, values) != (metrics.index.tolist(), metrics[name].tolist()):
            return False
    return True


def _refusing(count: Count, root: Path, whole: Any) -> None:
    child = subprocess.run(
        [sys.executable, "-W", "always", __file__, str(root)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    record = daf.load_run(1, runs_dir=root)
    outages = json.loads((record.folder / "run.json").read_text())["daf_nb"].get("outages")
    said = bool(outages) and "cannot be recorded at the moment" in child.stderr
    told = f"disk: {record.status}, outages {outages}, {child.stderr[-300:]}"
    recovered = record.status == "COMPLETED"
    count.add(told, exact=_ends(root) == whole, recovered=recovered, said=said)


def _while_the_disk_refuses(root: str) -> None:
    """A run whose disk takes nothing for a while."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    run = points.begin(root)
    points.arm("rollout", str(Path(root) / "here"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    time.sleep(2.5)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    points.disarm()
    run.wait()


def _ends(root: Path) -> tuple[Any, ...]:
    """Parameters and metrics, but for the clock's."""
    record = daf.load_run(1, runs_dir=root)
    metrics = record.metrics
    metrics = metrics.drop(columns=[name for name in metrics if str(name).startswith(CLOCK)])
    return {k: v.tolist() for k, v in record.policy_state().items()}, metrics.to_csv()


def _ledger(root: Path) -> list[dict[str, Any]]:
    return json.loads((root / "1" / "observers.json").read_text())["observers"]


Row = Callable[[int, Path], dict[str, int | None]]
ROWS: dict[str, Row] = {"14 the recorder fails": recorders}


if __name__ == "__main__":
    _while_the_disk_refuses(sys.argv[1])
