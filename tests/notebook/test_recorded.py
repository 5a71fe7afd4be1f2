"""A record as a source: it says what the live run said."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import daf_nb as daf
from daf_nb.notebook.recorded import RecordedSource
from daf_nb.notebook.source import LiveSource
from daf_nb.notebook.words import digest
from tests.notebook.helpers import Graded, graded, start, until
from tests.worlds import Raising, TwoKinds


def recorded(run: daf.Run, folder: Path) -> RecordedSource:
    return RecordedSource(daf.load_run(run.id, runs_dir=folder))


def test_a_record_says_what_the_live_run_said(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"), name="told")
    run.controls.set("learning_rate", 1e-3, by="user").wait(20)
    until(lambda: run.step > 500)
    run.stop()
    run.wait()
    live, record = LiveSource(run), recorded(run, tmp_path)
    said, read = live.read(), record.read()
    assert (read.id, read.name, read.status, read.done) == (said.id, "told", "INTERRUPTED", True)
    assert (read.step, read.total, read.returns) == (said.step, said.total, said.returns)
    assert read.rate == pytest.approx(said.rate, rel=0.3)
    for name in ("rollout/return_mean", "train/loss", "curriculum/difficulty"):
        np.testing.assert_allclose(record.history.column(name), live.history.column(name))
    assert record.journal(5) == live.journal(5)
    assert list(record.tasks) == list(live.tasks)
    far, same = live.curriculum_stats()["tasks"]["far"], record.curriculum_stats()["tasks"]["far"]
    assert same["share"] == pytest.approx(far["share"])
    assert (same["difficulty"], same["weight"]) == (far["difficulty"], far["weight"])
    assert digest(record).keys() == digest(live).keys()
    assert (record.run, record.controls, record.curriculum) == (None, None, None)


def test_what_was_changed_of_a_curriculum_is_told_as_it_became(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"))
    for name, value in (("weight[far]", 3.0), ("task", "near"), ("strategy", "learnability")):
        run.controls.set(f"curriculum.{name}", value, by="user").wait(20)
    run.stop()
    run.wait()
    stats = recorded(run, tmp_path).curriculum_stats()
    assert (stats["strategy"], stats["task"]) == ("learnability", "near")
    assert [task["weight"] for task in stats["tasks"].values()] == [1.0, 3.0]


def test_groups_are_those_that_were_trained(tmp_path):
    run = start(tmp_path, TwoKinds, total_timesteps=200)
    run.wait()
    record = recorded(run, tmp_path)
    assert record.groups == list(run.policies)
    assert record.read().returns == LiveSource(run).read().returns


def test_a_failed_run_tells_type_and_message(tmp_path):
    run = start(tmp_path, lambda: Raising(at=3, limit=50))
    with pytest.raises(daf.TrainingEnvironmentError):
        run.wait()
    state = recorded(run, tmp_path).read()
    assert state.status == "FAILED"
    assert "the world broke at step 3" in state.error
    assert "Traceback" not in state.error and "File " not in state.error


def train_until_told(folder: str, stop: Any) -> None:
    run = start(Path(folder))
    stop.wait(60)
    run.stop()
    run.wait()


def test_a_run_of_another_process_is_followed_to_its_end(tmp_path):
    spawning = multiprocessing.get_context("spawn")
    stop = spawning.Event()
    other = spawning.Process(target=train_until_told, args=(str(tmp_path), stop))
    other.start()
    try:
        until((tmp_path / "1" / "metrics.jsonl").exists, 60)
        source = RecordedSource(daf.load_run(1, runs_dir=tmp_path))
        first = until(lambda: source.read().step)
        assert source.read().status == "RUNNING"
        until(lambda: source.read().step > first)
    finally:
        stop.set()
        other.join(30)
    state = until(lambda: source.read().done and source.read())
    assert state.status == "INTERRUPTED"
    whole = RecordedSource(daf.load_run(1, runs_dir=tmp_path))
    np.testing.assert_array_equal(source.history.steps, whole.history.steps)
    np.testing.assert_array_equal(
        source.history.column("train/loss"), whole.history.column("train/loss")
    )


def test_decisions_are_read_from_events_each_in_its_newest_state(tmp_path):
    run = start(tmp_path, total_timesteps=64)
    run.wait()
    decided = {"number": 1, "step": 32, "rule": "kl", "state": "proposed"}
    other = {"number": 2, "step": 64, "rule": "kl", "state": "applied"}
    with (tmp_path / "1" / "events.jsonl").open("a") as file:
        for data in (decided, other, {**decided, "state": "accepted"}):
            row = {"kind": "decision", "step": 1, "time": time.time(), "data": data}
            file.write(json.dumps(row) + "\n")
    count, rows = recorded(run, tmp_path).decisions(5)
    assert (count, [(row["number"], row["state"]) for row in rows]) == (
        2,
        [(2, "applied"), (1, "accepted")],
    )


def test_many_may_read_at_once(tmp_path):
    run = start(tmp_path, total_timesteps=2_000)
    run.wait()
    source = recorded(run, tmp_path)
    readers = [threading.Thread(target=lambda: [source.read() for _ in range(5)]) for _ in "abc"]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert source.history.steps.tolist() == [step for step, _ in run.rows]


def test_a_broken_record_is_shown_as_what_it_is(tmp_path):
    run = start(tmp_path, total_timesteps=64)
    run.wait()
    for name in ("run.json", "config.json"):
        (tmp_path / "1" / name).write_text("{")
    state = recorded(run, tmp_path).read()
    assert (state.status, state.done, state.name, state.total) == ("UNREADABLE", True, "", 0)
    assert state.step == run.step
