"""What tests of observers share: a small run, and whether an observer has got it."""

from __future__ import annotations

import datetime
import json
import threading
import time


def settle():
    """Waits for the observers that the end of a run did not wait for."""
    for thread in threading.enumerate():
        if "observers' end" in thread.name:
            thread.join()


def ledger(folder):
    """What `observers.json` says, an entry for each observer."""
    return json.loads((folder / "observers.json").read_text())["observers"]


def train(recorder, *, steps=5, pause=0.0):
    """A run that logs two metrics and prints."""

    def main():
        for step in range(steps):
            recorder.log_metrics(10 * step, {"rollout/return_mean": step / 3, "loss": float("nan")})
            time.sleep(pause)
        recorder.write("an episode\n")
        return {"steps": steps}

    recorder.run(main)


def expect(database, *, number=1, steps=5):
    """That the database holds the run of `train` exactly once."""
    (run,) = database.runs.find({"_id": number})
    assert run["status"] == "COMPLETED"
    assert run["result"] == {"steps": steps}
    found = {}
    for metric in database.metrics.find({"run_id": number}):
        assert metric["name"] not in found
        found[metric["name"]] = metric
        assert {"name": metric["name"], "id": str(metric["_id"])} in run["info"]["metrics"]
        assert metric["steps"] == [10 * step for step in range(steps)]
        assert len(metric["timestamps"]) == steps == len(metric["values"])
        assert all(isinstance(moment, datetime.datetime) for moment in metric["timestamps"])
    assert found["rollout/return_mean"]["values"] == [step / 3 for step in range(steps)]
    assert all(value != value for value in found["loss"]["values"])
    assert len(run["info"]["metrics"]) == len(found) == 2
    return run
