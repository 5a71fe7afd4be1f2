"""Observers beside the folder: told everything, in order, and no danger to the run."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import threading
import time

import pytest

from daf_nb.errors import ConfigError, DafWarning
from daf_nb.record.observers import check_observers, make_observers
from daf_nb.record.observers.courier import Courier
from daf_nb.record.observers.messages import Message
from daf_nb.record.sacred_api import RunObserver
from tests.record.observers.observed import ledger, settle

NOW = datetime.datetime(2026, 1, 1)  # noqa: DTZ001 - as Sacred has it
START = {
    "ex_info": {},
    "command": "main",
    "host_info": {},
    "start_time": NOW,
    "config": {},
    "meta_info": {},
    "_id": 1,
}
END = {"stop_time": NOW, "result": None}


class Notebook(RunObserver):
    """Writes down what it is told; does as `trouble` says before."""

    def __init__(self, trouble=lambda method: None):
        self.told = []
        self._trouble = trouble

    def _note(self, method, **what):
        self._trouble(method)
        self.told.append((method, what))

    def started_event(self, ex_info, command, host_info, start_time, config, meta_info, _id):
        self._note("started", config=config, id=_id)

    def heartbeat_event(self, info, captured_out, beat_time, result):
        self._note("beat", info=info)

    def log_metrics(self, metrics_by_name, info):
        self._note("metrics", metrics_by_name=metrics_by_name)

    def completed_event(self, stop_time, result):
        self._note("completed", result=result)

    def methods(self):
        return [method for method, _ in self.told]

    def values(self, name):
        found = [what["metrics_by_name"] for method, what in self.told if method == "metrics"]
        return [value for metrics in found for value in metrics.get(name, {"values": []})["values"]]


def train(recorder, *, steps=200, pause=0.0):
    def main():
        for step in range(steps):
            recorder.log_metrics(step, {"a": step, "b": -step})
            time.sleep(pause)
        return {"steps": steps}

    return recorder.run(main)


def test_an_observer_of_the_users_is_told_everything_in_order(new_recorder):
    own = Notebook()
    recorder = new_recorder(observers=[own])
    train(recorder)
    methods = own.methods()
    assert (methods[0], methods[-2:]) == ("started", ["beat", "completed"])
    assert own.values("a") == list(range(200))
    assert own.values("b") == [-step for step in range(200)]
    assert own.told[0][1]["config"]["world"] == "toy"
    assert own.told[0][1]["id"] == recorder.id
    assert own.told[-1][1]["result"] == {"steps": 200}
    (entry,) = ledger(recorder.folder)
    assert entry == {
        "name": "Notebook",
        "state": "delivered",
        "delivered": 402,
        "pending": 0,
        "error": None,
        "reference": None,
    }


def test_what_it_is_told_is_its_own(new_recorder):
    own, other = Notebook(), Notebook()
    recorder = new_recorder(observers=[own, other])
    train(recorder, steps=3)
    own.told[0][1]["config"]["world"] = "another"
    assert other.told[0][1]["config"]["world"] == "toy"
    assert json.loads((recorder.folder / "config.json").read_text())["world"] == "toy"
    assert [entry["name"] for entry in ledger(recorder.folder)] == ["Notebook", "Notebook #2"]


@pytest.mark.parametrize("where", ["started", "metrics", "beat", "completed"])
@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_one_that_raises_harms_neither_the_run_nor_the_others(new_recorder, where, error):
    def trouble(method):
        if method == where:
            raise error("no, with ghp_" + "a1B2c3D4e5" * 4)

    bad, good = Notebook(trouble), Notebook()
    recorder = new_recorder(observers=[bad, good])
    with pytest.warns(DafWarning, match=rf"Observer Notebook has not got .*{error.__name__}: no"):
        assert train(recorder) == {"steps": 200}
    assert recorder.status == "COMPLETED"
    assert good.values("a") == list(range(200))
    assert where == "metrics" or bad.values("a") == list(range(200))
    state, fine = ledger(recorder.folder)
    assert (state["state"], fine["state"]) == ("failed", "delivered")
    assert "<redacted>" in state["error"]
    assert state["pending"] == {"metrics": 400}.get(where, state["pending"])
    assert state["pending"] > 0


def test_one_that_hangs_delays_nothing(new_recorder, monkeypatch, caplog):
    monkeypatch.setattr("daf_nb.record.beside.DELIVERY_TIMEOUT", 1.5)
    forever = threading.Event()
    bad, good = Notebook(lambda method: forever.wait()), Notebook()
    train(new_recorder(observers=[]), steps=5)
    recorder = new_recorder(observers=[bad, good])
    before = time.monotonic()
    train(recorder, steps=4, pause=0.5)
    assert time.monotonic() - before < 3
    assert recorder.status == "COMPLETED"
    settle()
    assert good.values("a") == [0, 1, 2, 3]
    state, fine = ledger(recorder.folder)
    assert (state["state"], state["delivered"], state["pending"]) == ("behind", 0, 10)
    assert fine["state"] == "delivered"
    assert "YOUR_OBSERVER" in caplog.text
    forever.set()


def test_one_that_cannot_be_made_at_first_is_made_later():
    attempts, made, reports = [], Notebook(), []

    def make():
        attempts.append(1)
        if len(attempts) < 4:
            raise OSError("not yet")
        return made

    courier = Courier(make, name="x", report=reports.append, interval=0.01, backoff=(0.01, 0.02))
    courier.put(Message("started_event", 1, START))
    courier.put(Message("completed_event", 1, END))
    courier.close()
    assert courier.wait(time.monotonic() + 10)
    assert made.methods() == ["started", "completed"]
    states = [report["state"] for report in reports]
    assert (states[:2], states[-1]) == (["delivering", "behind"], "delivered")
    assert reports[-1]["error"] is None
    assert "not yet" in reports[1]["error"]


def test_what_may_be_repeated_is_repeated_until_it_succeeds():
    calls = []

    def trouble(method):
        calls.append(method)
        if len(calls) % 3:
            raise OSError("gone")

    own = Notebook(trouble)
    every = frozenset(["started_event", "log_metrics", "completed_event"])
    courier = Courier(
        lambda: own,
        name="x",
        report=lambda entry: None,
        repeatable=every,
        interval=0.01,
        backoff=(0.01, 0.02),
    )
    courier.put(Message("started_event", 1, START))

    for step in range(50):
        courier.put_series("a", steps=[step], values=[step], times=[NOW])
    courier.put(Message("completed_event", 1, END))
    courier.close()
    assert courier.wait(time.monotonic() + 10)
    assert own.values("a") == list(range(50))
    assert (own.methods()[0], own.methods()[-1]) == ("started", "completed")


def test_too_much_that_waits_is_dropped_and_said():
    forever = threading.Event()
    own = Notebook(lambda method: forever.wait() and None)
    courier = Courier(lambda: own, name="x", report=lambda entry: None, most_waiting=10)
    courier.put(Message("started_event", 1, START))
    for step in range(20):
        courier.put_series("a", steps=[step], values=[step], times=[NOW])
    assert (courier.pending, courier.lost) == (10, 11)
    forever.set()
    courier.close()
    assert not courier.wait(time.monotonic() + 10)
    assert own.values("a") == list(range(9))
    assert courier.state == "failed"
    assert courier.error == "more than 10 values waited"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["mongodb"], "Did you mean 'mongo'"),
        (["wandbb:x"], "Did you mean 'wandb"),
        (["tensorboard"], "Known: mongo, mongo:URL, wandb, wandb:PROJECT"),
        ([3], "RunObserver; int came"),
        ("mongo", r"such as \['mongo'\]"),
        ([Notebook], "RunObserver; type came"),
    ],
)
def test_what_is_no_observer_is_refused(wanted, said):
    with pytest.raises(ConfigError, match=said):
        check_observers(wanted)


def test_one_that_is_asked_for_twice_is_told_once(tmp_path):
    own = Notebook()
    made = make_observers(
        ["mongo", own, "mongo", own], run_id=1, name="x", folder=tmp_path, tags=()
    )
    assert [one.courier.name for one in made] == ["mongo", "Notebook"]  # pyright: ignore[reportAttributeAccessIssue] - ours
    assert list(tmp_path.iterdir()) == []


def test_asking_for_none_loads_nothing(tmp_path):
    script = (
        "import sys, daf_nb.record.observers as observers\n"
        "observers.check_observers([])\n"
        "print([name for name in ('sacred', 'pymongo', 'wandb', 'torch') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
