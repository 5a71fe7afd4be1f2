"""The live run: at once, in the background, recorded, and told the truth about."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import daf_nb as daf
from tests.worlds import Counting, Poisoned

TINY = {
    "num_envs": 2,
    "seed": 3,
    "batch_size": 16,
    "algorithm_kwargs": {"n_steps": 16, "n_epochs": 1},
}


def start(tmp_path: Path, world: Any = Counting, **changes: Any) -> daf.Run:
    return daf.train(world, runs_dir=tmp_path, **{**TINY, "total_timesteps": 200, **changes})


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def test_a_run_is_recorded_from_its_spec_to_its_policies(tmp_path):
    run = start(tmp_path, name="first", tags=("a", "b"))
    results = run.wait()
    assert results is not None
    record = daf.load_run(run.id, runs_dir=tmp_path)
    assert record.status == run.status == "COMPLETED"
    assert results["timesteps"] == run.step >= 200
    assert record.config["seed"] == 3
    assert record.config["algorithm_kwargs"] == {"n_steps": 16, "n_epochs": 1}
    assert record.metrics.index[-1] == run.step
    np.testing.assert_allclose(
        record.metrics["train/loss"].dropna(), run.metrics()["train/loss"].dropna()
    )
    kinds = [event["kind"] for event in record.events]
    assert (kinds[0], kinds[-1]) == ("start", "saved")
    state = record.policy_state()
    for name, tensor in run.policies["all"].policy.state_dict().items():
        assert (state[name] == tensor).all()
    listed = daf.list_runs(runs_dir=tmp_path).iloc[0]
    assert (listed["name"], listed["status"], listed["steps"]) == ("first", "COMPLETED", run.step)


def test_train_returns_while_the_run_still_trains(tmp_path):
    run = start(tmp_path, total_timesteps=10_000_000)
    assert not run.done
    run.stop()
    run.wait()
    assert run.status == "INTERRUPTED"
    assert daf.load_run(run.id, runs_dir=tmp_path).checkpoints


def test_a_paused_run_stands_still_and_says_so(tmp_path):
    run = start(tmp_path, total_timesteps=10_000_000)
    run.pause()
    wait_until(lambda: run.status == "PAUSED")
    step = run.step
    time.sleep(0.2)
    assert run.step == step
    assert len(run.fingerprint()) == 64, "a paused run still answers"
    assert run.evaluate(episodes=2).n == 2
    run.resume()
    wait_until(lambda: run.step > step)
    run.stop()
    run.wait()


def test_wait_raises_what_the_run_raised_and_keeps_the_last_good_policy(tmp_path):
    run = start(tmp_path, world=lambda: Poisoned(at=250, limit=1000), total_timesteps=9_999)
    with pytest.raises(daf.TrainingEnvironmentError, match="copy 0"):
        run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path)
    assert record.status == "FAILED"
    assert all(np.isfinite(t.numpy()).all() for t in record.policy_state().values())


def test_two_runs_at_once_do_not_touch_each_other(tmp_path):
    alone = start(tmp_path, total_timesteps=600)
    alone.wait()
    pair = [start(tmp_path, total_timesteps=600) for _ in range(2)]
    for run in pair:
        run.wait()
    assert {run.fingerprint() for run in (alone, *pair)} == {alone.fingerprint()}
    assert len({run.id for run in (alone, *pair)}) == 3


def test_a_bad_config_raises_in_the_cell_and_records_nothing(tmp_path):
    with pytest.raises(daf.ConfigError, match="total_timesteps"):
        start(tmp_path, total_timesteps=0)
    with pytest.raises(daf.ConfigError, match="Did you mean 'num_envs'"):
        start(tmp_path, num_env=3)
    with pytest.raises(daf.ConfigError, match="nearest divisor is"):
        start(tmp_path, batch_size=15)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_in_wait_stops_the_run_and_records_it(tmp_path):
    run = start(tmp_path, total_timesteps=10_000_000)
    wait_until(lambda: run.step > 0)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        run.wait()
    assert run.status == "INTERRUPTED"


def test_a_run_that_cannot_start_is_recorded_as_failed(tmp_path, monkeypatch):
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="new thread"):
        start(tmp_path)
    monkeypatch.undo()
    record = daf.load_run(1, runs_dir=tmp_path)
    assert record.status == "FAILED"
    assert "new thread" in str(record.fail_trace)


SCRIPT = """
    import sys, time
    import daf_nb as daf
    from tests.worlds import Counting
    run = daf.train(Counting, runs_dir=sys.argv[1], total_timesteps=10**7, num_envs=2,
                    batch_size=16, algorithm_kwargs={"n_steps": 16, "n_epochs": 1})
    while run.step == 0:
        time.sleep(0.01)
    print(run.id, flush=True)
    if sys.argv[2] == "hang":
        time.sleep(600)
"""


def script(tmp_path: Path, ending: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path), ending],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_is_shown_as_lost(tmp_path):
    process = script(tmp_path, "hang")
    assert process.stdout is not None
    run_id = int(process.stdout.readline())
    assert daf.load_run(run_id, runs_dir=tmp_path).status == "RUNNING"
    process.kill()
    process.wait()
    assert daf.load_run(run_id, runs_dir=tmp_path).status == "LOST"


def test_a_script_that_ends_takes_its_runs_to_a_boundary(tmp_path):
    process = script(tmp_path, "end")
    out, _ = process.communicate(timeout=60)
    record = daf.load_run(int(out), runs_dir=tmp_path)
    assert process.returncode == 0
    assert record.status == "INTERRUPTED"
    assert record.checkpoints


# One trainer, several runs


def trainer_of(**changes: Any) -> daf.RlTrainer:
    config = daf.RlConfig(**{**TINY, "torch_threads": 1, "total_timesteps": 640, **changes})
    return daf.RlTrainer(config, env=Counting)


def test_launching_the_trainer_of_a_live_run_is_refused_and_the_run_goes_on(tmp_path):
    quiet = start(tmp_path, total_timesteps=3200)
    quiet.wait()
    run = start(tmp_path, total_timesteps=3200)
    refused = 0
    while not run.done:
        try:
            daf.launch(run.trainer, runs_dir=tmp_path)
        except daf.ConfigError as error:
            assert "trains already" in str(error)
            refused += 1
            if refused == 20:
                break
    run.wait()
    assert refused > 0 and run.status == "COMPLETED"
    assert run.fingerprint() == quiet.fingerprint()
    assert len(daf.list_runs(runs_dir=tmp_path)) == 2


def test_a_stopped_runs_trainer_is_launched_again_and_goes_on(tmp_path):
    first = start(tmp_path, total_timesteps=10_000_000)
    wait_until(lambda: first.step > 0)
    first.stop()
    first.wait()
    step, before = first.step, daf.load_run(first.id, runs_dir=tmp_path).metrics.index.tolist()
    second = daf.launch(first.trainer, runs_dir=tmp_path)
    request = second.controls.set("ent_coef", 0.1, by="user").wait(30)
    assert request.state == "applied" and request.step is not None and request.step >= step
    wait_until(lambda: second.step > step)
    second.stop()
    second.wait()
    assert second.status == "INTERRUPTED" and second.error is None
    metrics = daf.load_run(second.id, runs_dir=tmp_path).metrics
    assert metrics.index[0] > step and metrics.index.tolist() == [at for at, _ in second.rows]
    assert daf.load_run(first.id, runs_dir=tmp_path).metrics.index.tolist() == before
    assert [at for at, _ in first.rows] == before
    with pytest.raises(daf.ConfigError, match=f"run {second.id} has ended"):
        second.controls.set("ent_coef", 0.2, by="user")


def test_a_trainer_whose_run_could_not_start_trains_and_is_launched_again(tmp_path, monkeypatch):
    trainer = trainer_of()
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(daf.RecordError, match="No run can be recorded"):
        daf.launch(trainer, runs_dir=tmp_path / "file" / "runs")

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="new thread"):
        patch.setattr(threading.Thread, "start", refuse)
        daf.launch(trainer, runs_dir=tmp_path)
    trainer.controls.set("ent_coef", 0.1, by="user").wait(1)
    assert trainer.train_episodes(1)["timesteps"] > 0
    run = daf.launch(trainer, runs_dir=tmp_path)
    run.wait()
    assert run.status == "COMPLETED"
    assert daf.load_run(1, runs_dir=tmp_path).events == []
