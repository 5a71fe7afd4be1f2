"""Recorded runs whose worlds fail: what the record says, and how they go on."""

from __future__ import annotations

import io
import logging
import re
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.envs import EpisodeSeeds
from daf_nb.record.locks import is_held
from daf_nb.session.interrupting import end_at_once
from tests.worlds import Failing


def start(root: Path, world: Any = Failing, **fields: Any) -> daf.Run:
    told: dict[str, Any] = {
        "total_timesteps": 600,
        "num_envs": 3,
        "seed": 0,
        "device": "cpu",
        "torch_threads": 1,
        "algorithm_kwargs": {"n_steps": 8, "n_epochs": 1},
        "observers": (),
    }
    return daf.train(world, runs_dir=root, **{**told, **fields})


def failed(run: daf.Run) -> daf.TrainingEnvironmentError:
    with pytest.raises(daf.TrainingEnvironmentError) as caught:
        run.wait(60)
    return caught.value


def record_of(run: daf.Run) -> daf.RunRecord:
    return daf.load_run(run.id, runs_dir=run.folder.parent)


def test_a_world_that_raises_shows_its_own_frames_in_the_cell_and_in_the_record(tmp_path):
    run = start(tmp_path, env_kwargs={"every": 9})
    error = failed(run)
    shown = "".join(traceback.format_exception(error))
    frames = re.findall(r'File "(.*?)", line', shown)
    assert str(Failing.fail.__code__.co_filename) in frames[1]
    ours = [Path(name).name for name in frames if "daf_nb" in name and "testing" not in name]
    assert ours == ["run.py"], "nothing but wait() itself"
    record = record_of(run)
    assert record.status == "FAILED"
    trace = "".join(record.fail_trace or [])
    assert "in fail" in trace
    assert str(error) in trace
    assert re.match(r"copy \d, episode \d+ \(seed \d+\), step 3: the world raised", str(error))


def test_a_run_that_failed_goes_on_once_its_world_is_mended(tmp_path):
    """The mended world is the same but for the failure."""
    whole = start(tmp_path / "whole", lambda: Failing(how="none"), checkpoint_interval=100)
    whole.wait()
    late: dict[str, Any] = {"every": 2**32, "rest": EpisodeSeeds(0, num_envs=3)(1, 12)}
    run = start(tmp_path, lambda: Failing(**late), checkpoint_interval=100)
    assert str(failed(run)).startswith(f"copy 1, episode 12 (seed {late['rest']}), step 3: ")
    assert run.step > 200
    assert record_of(run).checkpoints
    again = daf.resume(run.id, runs_dir=tmp_path, world=lambda: Failing(how="none"))
    again.wait()
    assert again.status == "COMPLETED"
    assert again.fingerprint() == whole.fingerprint()


def test_dropped_episodes_are_in_journal_events_and_metrics_and_played_again(tmp_path):
    run = start(tmp_path, on_failure="drop")
    run.wait()
    record = record_of(run)
    assert record.status == "COMPLETED"
    rows = record.journal
    assert len(rows) > 3
    assert set(rows["name"]) == {"on_failure"}
    assert set(rows["new"]) == {"dropped"}
    assert set(rows["by"]) == {"recovery"}
    assert all("step 3: the world raised RuntimeError" in old for old in rows["old"])
    events = [event for event in record.events if event["kind"] == "dropped"]
    assert [event["step"] for event in events] == list(rows["step"])
    assert record.metrics["rollout/dropped"].iloc[-1] == len(rows)
    again = daf.reproduce(run.id, runs_dir=tmp_path, world=Failing)
    assert again.identical
    assert list(record_of(again.run).journal["old"]) == list(rows["old"])


def test_a_run_with_drops_is_resumed_exactly_with_its_journal(tmp_path):
    whole = start(tmp_path / "whole", on_failure="drop", total_timesteps=2_000)
    whole.wait()
    run = start(tmp_path, on_failure="drop", total_timesteps=2_000, checkpoint_interval=200)
    deadline = time.monotonic() + 60
    while run.step < 700 and not run.done and time.monotonic() < deadline:
        time.sleep(0.005)
    run.stop()
    run.wait()
    assert run.status == "INTERRUPTED"
    again = daf.resume(run.id, runs_dir=tmp_path, world=Failing)
    again.wait()
    assert again.fingerprint() == whole.fingerprint()
    ours, theirs = record_of(again).journal, record_of(whole).journal
    assert list(ours["old"]) == list(theirs["old"])
    assert list(ours["step"]) == list(theirs["step"])


def test_a_world_that_hangs_in_python_stops_the_run_with_its_stack(tmp_path, caplog):
    run = start(tmp_path, env_kwargs={"every": 9, "how": "hang"}, step_deadline=0.3)
    with caplog.at_level(logging.WARNING, logger="daf_nb"):
        error = failed(run)
    assert "did not come back within 0.3 s" in str(error)
    assert any("in fail" in line.getMessage() for line in caplog.records)
    record = record_of(run)
    assert record.status == "FAILED"
    (hang,) = [event["data"] for event in record.events if event["kind"] == "hang"]
    assert "time.sleep(0.001)" in hang["stack"][-1]
    assert hang["where"].endswith("step 3")
    assert "in fail" in "".join(record.fail_trace or [])


def test_a_world_that_hangs_in_c_is_left_behind_and_everything_else_goes_on(tmp_path):
    run = start(
        tmp_path, env_kwargs={"every": 9, "how": "sleep"}, step_deadline=0.4, checkpoint_interval=50
    )
    said = []
    while not run.done:
        said.append(repr(run.trainer.hanging))
        time.sleep(0.02)
    assert any("the world hangs" in line for line in said)
    error = failed(run)
    assert "the world hangs, and cannot be got out" in str(error)
    assert "time.sleep(self.seconds)" in str(error)
    record = record_of(run)
    assert record.status == "FAILED"
    assert "time.sleep(self.seconds)" in "".join(record.fail_trace or [])
    assert is_held(run.folder) in (False, None)
    assert any(thread.name == f"daf_nb-run-{run.id}" for thread in threading.enumerate())
    # The rest of it is of use: its policies, an evaluation elsewhere, its record, its resumption.
    assert len(run.fingerprint()) == 64
    assert record.policy_state()
    again = daf.resume(run.id, runs_dir=tmp_path, world=Failing, env_kwargs={"how": "none"})
    again.wait()
    assert again.status == "COMPLETED"


def test_a_run_that_was_left_behind_gives_its_curriculum_and_its_trainer_back(tmp_path):
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="uniform"))
    manager.add_task("only", difficulty=0.5, env_kwargs={"every": 9, "how": "sleep"})
    run = start(
        tmp_path, lambda **kwargs: Failing(**{"how": "none", **kwargs}), step_deadline=0.3,
        curriculum=manager, success=(0.0, 50.0),
    )  # fmt: skip
    failed(run)
    assert not manager.life.leased
    assert not run.trainer.gate.taken
    assert run.controls.closed


def test_the_stop_button_does_not_wait_for_a_world_that_hangs(tmp_path):
    run = start(tmp_path, env_kwargs={"every": 9, "how": "sleep"}, step_deadline=0.5)
    deadline = time.monotonic() + 30
    while not run.trainer.hanging and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    run.stop()
    failed(run)
    assert time.monotonic() - began < 10


def test_a_run_that_was_ended_by_hand_meanwhile_stays_as_it_was_ended(tmp_path):
    run = start(tmp_path, env_kwargs={"every": 9, "how": "sleep"}, step_deadline=1.5)
    deadline = time.monotonic() + 30
    time.sleep(0.5)  # it hangs in its first episode
    run.stop(now=True)
    end_at_once(run, patience=0.1)
    assert run.status == "INTERRUPTED"
    while run.trainer.gate.taken and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not run.trainer.gate.taken, "what it had claimed is free once its thread is left behind"
    assert record_of(run).status == "INTERRUPTED"
    assert run.error is None


def test_prints_of_a_world_that_hangs_are_whole(tmp_path):
    class Talking(Failing):
        def fail(self) -> None:
            while self.how == "hang":
                print("still here", flush=True)

    run = start(tmp_path, lambda: Talking(every=9, how="hang"), step_deadline=0.3)
    before, sys.stdout = sys.stdout, io.StringIO()
    try:
        failed(run)
    finally:
        sys.stdout = before
    lines = record_of(run).output.splitlines()
    assert set(lines) <= {"still here"} or set(lines[:-1]) == {"still here"}
