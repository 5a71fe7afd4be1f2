"""A run at Weights & Biases, offline: what its own files say, read back."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib

import psutil
import pytest

from daf_nb.errors import ConfigError
from daf_nb.record import Interrupted
from daf_nb.record.observers import check_observers, deliver
from tests.record.observers.observed import ledger, settle

pytest.importorskip("wandb")

HEADER, BLOCK = 7, 32 * 1024


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef0123456789abcdef01234567")


def records(path):
    """The records of an offline run's file: a LevelDB log of wandb's own protocol buffers."""
    from wandb.proto import wandb_internal_pb2

    data = path.read_bytes()
    assert data[:4] == b":W&B"
    position, whole = HEADER, b""
    while position + HEADER <= len(data):
        left = BLOCK - position % BLOCK
        if left < HEADER:
            position += left
            continue
        checksum, length, kind = struct.unpack_from("<IHB", data, position)
        piece = data[position + HEADER : position + HEADER + length]
        assert zlib.crc32(bytes([kind]) + piece) == checksum
        whole, position = whole + piece, position + HEADER + length
        if kind in (1, 4):  # whole, or the last piece
            yield vars(wandb_internal_pb2)["Record"].FromString(whole)
            whole = b""


def offline_run(folder, number=0):
    """One offline run: config, history rows, summary, exit code, and the run's description."""
    paths = sorted(
        folder.glob("wandb/offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime
    )
    config, rows, summary, metrics, code, about = {}, [], {}, [], None, None
    for record in records(paths[number]):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            about = record.run
            for item in record.run.config.update:
                config[item.key] = json.loads(item.value_json)
        elif kind == "history":
            row = {
                item.key or ".".join(item.nested_key): json.loads(item.value_json)
                for item in record.history.item
            }
            rows.append(row)
        elif kind == "summary":
            for item in record.summary.update:
                summary[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
        elif kind == "metric":
            metrics.append(record.metric)
        elif kind == "exit":
            code = record.exit.exit_code
    return {
        "about": about,
        "code": code,
        "config": config,
        "metrics": metrics,
        "rows": rows,
        "summary": summary,
    }


def train(recorder, *, steps=5):
    def main():
        for step in range(steps):
            recorder.log_metrics(10 * step, {"rollout/return_mean": step / 3})
        recorder.log_metrics(5, {"late": 1.5})
        return {"episodes": 7}

    recorder.run(main)
    settle()


def children():
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "wandb" in " ".join(child.cmdline())
    ]


def test_a_run_is_there_with_config_metrics_and_end(new_recorder):
    recorder = new_recorder(name="spread-3", tags=["a", "b"], observers=["wandb:lab"])
    train(recorder)
    run = offline_run(recorder.folder)
    assert (run["about"].project, run["about"].display_name) == ("lab", "spread-3")
    assert sorted(run["about"].tags) == ["a", "b"]
    assert run["about"].job_type == "training"
    assert run["config"]["world"] == "toy"
    assert run["config"]["daf_nb"]["run"] == recorder.id
    returns = [row for row in run["rows"] if "rollout/return_mean" in row]
    assert [row["agent_steps"] for row in returns] == [0, 10, 20, 30, 40]
    assert [row["rollout/return_mean"] for row in returns] == [step / 3 for step in range(5)]
    assert all(abs(row["_timestamp"] - time.time()) < 60 for row in returns)
    # A step that comes late is kept, under its own step.
    assert [row["agent_steps"] for row in run["rows"] if "late" in row] == [5]
    assert any(one.step_metric == "agent_steps" or one.glob_name == "*" for one in run["metrics"])
    assert run["summary"]["status"] == "COMPLETED"
    assert run["code"] == 0
    (entry,) = ledger(recorder.folder)
    assert entry["state"] == "delivered"
    assert entry["reference"].startswith(str(recorder.folder))


def test_it_says_how_a_run_ended(new_recorder):
    def fail():
        raise ZeroDivisionError("no division")

    def stop():
        raise Interrupted({"done": 1})

    failed, stopped = (new_recorder(observers=["wandb"]) for _ in range(2))
    with pytest.raises(ZeroDivisionError):
        failed.run(fail)
    stopped.run(stop)
    settle()
    run = offline_run(failed.folder)
    assert (run["code"], run["summary"]["status"]) == (1, "FAILED")
    assert "no division" in run["summary"]["error"]
    run = offline_run(stopped.folder)
    assert (run["code"], run["summary"]["status"]) == (255, "INTERRUPTED")


def test_two_runs_at_once_in_one_process_that_wandb_does_not_touch(new_recorder):
    before = (sys.excepthook, sys.exit, signal.getsignal(signal.SIGINT), dict(os.environ))
    recorders = [new_recorder(name=f"run {n}", observers=["wandb:lab"]) for n in range(2)]
    threads = [
        threading.Thread(target=train, args=(recorder,), kwargs={"steps": 5 + 5 * number})
        for number, recorder in enumerate(recorders)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle()
    for number, recorder in enumerate(recorders):
        run = offline_run(recorder.folder)
        assert run["about"].display_name == f"run {number}"
        assert len([row for row in run["rows"] if "late" not in row]) == 5 + 5 * number
    after = (sys.excepthook, sys.exit, signal.getsignal(signal.SIGINT), dict(os.environ))
    assert after == before


def test_wandb_is_killed_and_the_run_is_delivered_later(new_recorder, tmp_path, caplog):
    recorder = new_recorder(observers=["wandb:lab"])

    def main():
        recorder.log_metrics(0, {"rollout/return_mean": 1.0})
        deadline = time.monotonic() + 20
        while not list(recorder.folder.glob("wandb/*/*.wandb")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        for child in children():
            child.kill()
        for step in range(1, 6):
            recorder.log_metrics(step, {"rollout/return_mean": 1.0 * step})

    recorder.run(main)
    settle()
    assert recorder.status == "COMPLETED"
    assert [entry["state"] for entry in ledger(recorder.folder)] == ["failed"]
    assert f"deliver({recorder.id}, 'wandb:lab'" in caplog.text
    for _ in range(2):
        deliver(recorder.id, "wandb:lab", runs_dir=tmp_path)
        assert len(list(recorder.folder.glob("wandb/offline-run-*"))) == 2
    run = offline_run(recorder.folder, number=-1)
    assert [row["rollout/return_mean"] for row in run["rows"]] == [1, 1, 2, 3, 4, 5]
    assert run["code"] == 0


def test_nothing_outlives_a_program_that_is_killed(tmp_path):
    script = (
        "import sys, time\n"
        "from daf_nb.record import Recorder, Source\n"
        "recorder = Recorder(name='x', spec={}, runs_dir=sys.argv[1], observers=['wandb'],\n"
        "                    source=Source(kind='script', text='', name='x.py'))\n"
        "recorder.run(lambda: time.sleep(60))\n"
    )
    program = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("1/wandb/*/*.wandb")) and time.monotonic() < deadline:
        time.sleep(0.1)
    family = psutil.Process(program.pid).children(recursive=True)
    assert family
    program.kill()
    program.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def test_without_wandb_there_is_a_way_out(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'daf_nb\[wandb\]'"):
        check_observers(["wandb"])
    with pytest.raises(ConfigError, match=r"pip install 'daf_nb\[mongo\]'"):
        check_observers(["mongo"])
