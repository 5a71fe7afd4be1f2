"""Many runs at once: each as it would be alone, and none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import daf_nb as daf
from daf_nb.scale.spawning import tail, trim
from daf_nb.session.kernel import FreshKernel
from tests.record.children import PROJECT, hear, start_child
from tests.worlds import Counting, Raising

TINY: dict[str, Any] = {
    "num_envs": 2,
    "batch_size": 16,
    "algorithm_kwargs": {"n_steps": 16, "n_epochs": 1},
}
LONG = {**TINY, "total_timesteps": 10**8}
SPEC = {
    "world": "mpe2.simple_spread_v3",
    "env_kwargs": {"N": 2},
    "total_timesteps": 300,
    "seed": 9,
    "experiment_name": "spread",
    **TINY,
}


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def processes() -> list[psutil.Process]:
    """Those that train for this one."""
    mine = psutil.Process().children()
    return [one for one in mine if "daf_nb.scale.child" in one.cmdline()]


@pytest.mark.slow
def test_every_run_is_the_one_that_its_seed_gives_alone(tmp_path: Path, monkeypatch):
    limit = 7
    monkeypatch.setattr("__main__.__file__", __file__, raising=False)
    many = daf.train_many(
        lambda: Counting(limit=limit), seeds=[5, 2], runs_dir=tmp_path, total_timesteps=200,
        tags=("sweep",), name="counted", **TINY,
    )  # fmt: skip
    assert not many.done
    table = many.wait()
    assert table is not None
    alone = daf.train(
        lambda: Counting(limit=limit), seed=2, runs_dir=tmp_path, total_timesteps=200, **TINY
    )
    results = alone.wait()
    assert results is not None
    assert many.fingerprints[2] == alone.fingerprint() != many.fingerprints[5]
    assert table.loc[2, "avg_reward"] == results["avg_reward"]
    assert list(table.index) == [5, 2] and set(table["status"]) == {"COMPLETED"}
    for seed, number in many.runs.items():
        record = daf.load_run(number, runs_dir=tmp_path)
        assert (record.config["seed"], record.tags) == (seed, ("sweep",))
        assert "seeds=[5, 2]" in record.cell, "the source is of the process that asked for it"
    compared = daf.compare(many.ids, runs_dir=tmp_path)
    assert compared.groups["n"].to_list() == [2], "runs of one spec are one group"
    assert processes() == []


@pytest.mark.slow
def test_a_spec_is_trained_on_other_seeds_and_belongs_to_the_experiment_around(tmp_path: Path):
    with daf.experiment("sweep", runs_dir=tmp_path) as outer:
        many = daf.train_many(SPEC, seeds=[1], total_timesteps=200, name="wide")
        many.wait()
    (number,) = many.ids
    record = daf.load_run(number, runs_dir=tmp_path)
    assert (record.config["seed"], record.name, record.parent) == (1, "wide", outer.id)
    assert daf.load_run(outer.id, runs_dir=tmp_path).children == (number,)
    alone = daf.train_spec({**SPEC, "seed": 1}, total_timesteps=200, runs_dir=tmp_path)
    alone.wait()
    assert many.fingerprints == {1: alone.fingerprint()}


@pytest.mark.slow
def test_a_killed_process_loses_its_run_and_no_other(tmp_path: Path):
    many = daf.train_many(Counting, seeds=[0, 1], workers=2, runs_dir=tmp_path, **LONG)
    wait_until(lambda: set(many.statuses.values()) == {"RUNNING"})
    first = next(one for one in processes() if one.pid == many._children[0].pid)
    first.send_signal(signal.SIGKILL)
    wait_until(lambda: many.statuses[0] == "LOST")
    step = many.results().loc[1, "step"]
    wait_until(lambda: many.results().loc[1, "step"] > step)
    many.stop()
    with pytest.raises(daf.DafError, match=rf"seed 0 \(run {many.runs[0]}\).*SIGKILL.*LOST"):
        many.wait()
    assert many.statuses == {0: "LOST", 1: "INTERRUPTED"}
    assert list(many.fingerprints) == [1] and list(many.errors) == [0]
    assert processes() == []


@pytest.mark.slow
def test_what_a_run_raises_names_its_seed_and_those_that_wait_never_begin(tmp_path: Path):
    many = daf.train_many(
        lambda: Raising(at=20, limit=50), seeds=[4, 5], workers=1, runs_dir=tmp_path, **LONG
    )
    wait_until(lambda: many.errors or many.runs)
    assert len(processes()) <= 1
    many._children[1].stop()
    with pytest.raises(daf.TrainingEnvironmentError, match=r"seed 4 .*broke at step 20") as raised:
        many.wait()
    assert "Traceback" in str(raised.value.__notes__)
    assert many.statuses == {4: "FAILED", 5: "INTERRUPTED"}
    assert 5 not in many.runs and many.results()["run"].isna().to_list()[1]


@pytest.mark.slow
def test_ctrl_c_in_wait_ends_all_in_order(tmp_path: Path):
    many = daf.train_many(Counting, seeds=[0], runs_dir=tmp_path, **LONG)
    wait_until(lambda: many.statuses[0] == "RUNNING")
    assert many.wait(0.1) is None
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        many.wait()
    assert many.done and many.statuses == {0: "INTERRUPTED"}
    assert daf.load_run(many.ids[0], runs_dir=tmp_path).checkpoints, "resume goes on from there"


SCRIPT = """
    import os, sys, time
    import daf_nb as daf
    from tests.worlds import Counting

    class Own(Counting):
        "Known to this script alone; prints."

        def step(self, actions):
            print("x" * 1000, flush=True)
            return super().step(actions)

    many = daf.train_many(Own, seeds=[0], runs_dir=sys.argv[1], total_timesteps=10**8, num_envs=2,
                          batch_size=16, algorithm_kwargs={"n_steps": 16, "n_epochs": 1})
    while not many.runs or many.results()["step"].iloc[0] == 0:
        time.sleep(0.05)
    fork = os.fork() if sys.argv[2] == "SIGKILL" else None
    if fork == 0:  # holds all pipes of its parent, but for those of this test
        os.close(1), os.close(2), time.sleep(60), os._exit(0)
    print(many.ids[0], many._children[0].pid, fork or 0, flush=True)
    if sys.argv[2] != "exit":
        time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "exit"])
def test_whatever_ends_this_process_ends_its_runs_in_order(tmp_path: Path, end: str):
    parent, fork = start_child(SCRIPT, tmp_path, end), 0
    try:
        run, pid, fork = map(int, hear(parent).split())
        child = psutil.Process(pid) if psutil.pid_exists(pid) else None
        if end != "exit":
            parent.send_signal(getattr(signal, end))
        parent.wait(30)
        wait_until(lambda: child is None or not child.is_running())
    finally:
        parent.kill()
        parent.communicate()
        if fork:
            os.kill(fork, signal.SIGKILL)
    assert daf.load_run(run, runs_dir=tmp_path).status == "INTERRUPTED"


CELL = """
import time
import daf_nb as daf
from daf_nb.testing import Scripted

class Mine(Scripted):
    def __init__(self):
        super().__init__(agents=2, limit=LIMIT)

LIMIT = 5
"""


@pytest.mark.slow
def test_a_world_of_a_cell_is_trained_and_a_kernel_that_ends_takes_its_runs_along(tmp_path: Path):
    def call(steps: int) -> str:
        told = {"seeds": [0], "runs_dir": str(tmp_path), "total_timesteps": steps, **TINY}
        return f"many = daf.train_many(Mine, **{told!r})"

    with FreshKernel(tmp_path, {"PYTHONPATH": str(PROJECT)}) as kernel:
        assert kernel.execute(CELL).error == ""
        assert kernel.execute(f"{call(100)}\nmany.wait()").error == ""
        first = daf.load_run(1, runs_dir=tmp_path)
        assert first.status == "COMPLETED" and "daf.train_many(Mine" in first.cell
        assert kernel.execute(f"{call(10**8)}\nassert not many.ids").error == "", "at once"
        assert kernel.execute("while not many.step: time.sleep(0.05)").error == ""
    wait_until(lambda: daf.load_run(2, runs_dir=tmp_path).status == "INTERRUPTED")


def test_what_cannot_be_is_refused_before_anything_starts(tmp_path: Path):
    def refused(match: str, **changes: Any) -> None:
        with pytest.raises(daf.ConfigError, match=match):
            daf.train_many(Counting, **{"seeds": [0], "runs_dir": tmp_path, **LONG, **changes})

    refused("range\\(3\\)", seeds=3)
    refused("at least one", seeds=[])
    refused("more than once", seeds=[1, 2, 1])
    refused("seed", seeds=[0, -1])
    refused("seeds=", seed=3)
    refused("workers", workers=0)
    refused("Did you mean 'num_envs'", num_env=3)
    refused("controls=.*cannot be sent", controls=daf.Controls())
    assert not list(tmp_path.iterdir()) and processes() == []


def test_of_what_a_process_prints_the_end_is_kept():
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            ["sh", "-c", "head -c 3000000 /dev/zero; read on; printf end"],
            stdin=subprocess.PIPE, stdout=said,
        )  # fmt: skip
        wait_until(lambda: os.fstat(said.fileno()).st_size == 3_000_000)
        trim(said)
        assert os.fstat(said.fileno()).st_size == 0
        child.communicate(b"on\n")
        assert tail(said) == "end"
