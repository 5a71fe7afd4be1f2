"""Any code as a recorded run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import re
import sys
import threading
import time

import matplotlib as mpl
import numpy as np
import pytest
import torch

from daf_nb.errors import ConfigError, RecordError
from daf_nb.record import load_run
from daf_nb.record.cells.experiment import experiment
from daf_nb.record.cells.scope import log
from tests.record.children import hear, run_child, start_child
from tests.worlds import Counting

HOSTILE = [
    "../../x",
    "<script>alert(1)</script>",
    "a/b\\c",
    "a\x00\x1b[31m\n",
    "\ud800",
    "n" * 9000,
]


def notes(one):
    return json.loads((one.folder / "run.json").read_text())


def output(one):
    return (one.folder / "cout.txt").read_bytes().decode()


def test_a_block_is_recorded_from_its_config_to_its_result(tmp_path):
    with experiment("warm-up", seed=3, tags=["a"], config={"n": 4}, runs_dir=tmp_path) as one:
        assert (one.status, load_run(one.id, runs_dir=tmp_path).status) == ("RUNNING", "RUNNING")
        print("hello")
        for value in (1.0, np.float32(0.5), torch.tensor(0.25)):
            log("loss", value)
        one.log("loss", 9, step=10)
        log("loss", 8)
        one.result = {"best": 0.25}
    record = one.record
    assert (record.status, one.status, one.seed) == ("COMPLETED", "COMPLETED", 3)
    assert (record.name, record.tags, record.config) == ("warm-up", ("a",), {"n": 4, "seed": 3})
    assert record.metrics["loss"].to_dict() == {0: 1.0, 1: 0.5, 2: 0.25, 10: 9.0, 11: 8.0}
    assert record.result == {"best": 0.25}
    assert output(one) == "hello\n"
    ours = notes(one)["daf_nb"]
    assert (ours["kind"], ours["parent"], ours["children"]) == ("experiment", None, [])
    assert json.loads((one.folder / "history.json").read_text()) == {"cells": []}


def test_a_failure_is_raised_unchanged_and_recorded_with_its_own_frames(tmp_path):
    error = ZeroDivisionError("in here")
    with pytest.raises(ZeroDivisionError) as caught, experiment("bad", runs_dir=tmp_path) as one:
        print("before")
        raise error
    assert caught.value is error
    assert [entry.name for entry in caught.traceback] == [sys._getframe().f_code.co_name]
    trace = notes(one)["fail_trace"]
    assert notes(one)["status"] == "FAILED"
    assert sum("File" in line for line in trace) == 1
    assert "raise error" in trace[1] and trace[-1] == "ZeroDivisionError: in here\n"
    assert output(one) == "before\n"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_an_interruption_is_raised_on_and_is_no_failure(tmp_path, stop):
    with pytest.raises(stop), experiment("stopped", runs_dir=tmp_path) as one:
        one.result = 12
        raise stop
    assert (one.status, one.record.result) == ("INTERRUPTED", 12)


def test_a_generator_that_is_dropped_interrupts_its_experiment(tmp_path):
    seen = []

    def steps():
        with experiment("generator", runs_dir=tmp_path) as one:
            seen.append(one)
            yield 1

    generator = steps()
    next(generator)
    generator.close()
    assert seen[0].status == "INTERRUPTED"


def test_the_seed_decides_every_generator_and_sacred_leaves_no_trace(tmp_path):
    def drawn(seed):
        with experiment("draws", seed=seed, runs_dir=tmp_path) as one:
            return (one.seed, random.random(), np.random.random(), torch.rand(1).item())  # noqa: NPY002

    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)
    plain = (5, random.random(), np.random.random(), torch.rand(1).item())  # noqa: NPY002
    assert drawn(5) == drawn(5) == plain
    unseeded = drawn(None)
    assert unseeded != drawn(None)
    assert drawn(unseeded[0]) == unseeded, "the seed that was drawn is recorded"


def test_two_at_once_in_threads_do_not_mix(tmp_path):
    together = threading.Barrier(2)
    ended = {}

    def work(name):
        with experiment(name, runs_dir=tmp_path) as one:
            ended[name] = one
            for count in range(200):
                together.wait(60)
                print(name, count)
                log("mine", count if name == "left" else -count)
            if name == "right":
                raise ValueError(name)

    def quiet(name):
        with contextlib.suppress(ValueError):
            work(name)

    threads = [threading.Thread(target=quiet, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, status, sign in (("left", "COMPLETED", 1), ("right", "FAILED", -1)):
        one = ended[name]
        assert one.status == status
        assert output(one) == "".join(f"{name} {count}\n" for count in range(200))
        assert one.record.metrics["mine"].tolist() == [sign * count for count in range(200)]
    assert type(sys.stdout).__name__ != "_Tee"


def test_prints_of_a_thread_inside_belong_to_the_experiment(tmp_path):
    with experiment("threads", runs_dir=tmp_path) as one:
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()
    assert output(one) == "from a thread\n"


def test_an_experiment_inside_another_is_its_child(tmp_path):
    with experiment("outer", seed=1, runs_dir=tmp_path) as outer:
        print("outer")
        with experiment("inner") as inner:
            print("inner")
            log("x", 1)
        log("y", 2)
    assert inner.folder.parent == tmp_path
    assert (notes(outer)["daf_nb"]["children"], notes(inner)["daf_nb"]["parent"]) == ([2], 1)
    assert (output(outer), output(inner)) == ("outer\n", "inner\n")
    assert list(inner.record.metrics) == ["x"] and list(outer.record.metrics) == ["y"]
    with experiment("outer", seed=1, runs_dir=tmp_path), experiment("inner") as again:
        pass
    assert again.seed == inner.seed != outer.seed


def test_a_training_inside_is_linked_and_may_outlive_it(tmp_path):
    from stable_baselines3.common.callbacks import BaseCallback

    from daf_nb.session import train

    class Talker(BaseCallback):
        def _on_rollout_end(self):
            print("rollout", self.num_timesteps)
            log("talker", self.num_timesteps)

        def _on_step(self):
            return True

    def start():
        with experiment("launch", seed=7, runs_dir=tmp_path) as one:
            before = random.random()
            options = {"num_envs": 2, "batch_size": 16, "algorithm_kwargs": {"n_steps": 16}}
            run = train(Counting, total_timesteps=200, callback=Talker(), **options)
            print("launched")
            return one, run, (before, random.random())

    one, run, drawn = start()
    run.wait()
    again, run_again, drawn_again = start()
    run_again.wait()
    assert notes(one)["daf_nb"]["children"] == [run.id]
    assert notes(run)["daf_nb"]["parent"] == one.id
    assert notes(run)["daf_nb"]["kind"] == "training"
    assert (one.status, run.status) == ("COMPLETED", "COMPLETED")
    assert output(one) == output(again) == "launched\n"
    lines = output(run).splitlines()
    assert len(lines) >= 3 and all(line.startswith("rollout ") for line in lines)
    assert run.fingerprint() == run_again.fingerprint(), "its seed comes from the experiment's"
    assert drawn == drawn_again, "the launch does not disturb the cell's random numbers"
    logged = load_run(run.id, runs_dir=tmp_path).metrics["talker"].dropna()
    assert logged.index.tolist() == logged.tolist()


def test_figures_that_are_open_at_the_end_and_were_not_before_are_kept(tmp_path):
    mpl.use("agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    plt.figure()
    try:
        with experiment("plots", runs_dir=tmp_path) as one:
            for size in (1, 2):
                plt.figure(figsize=(size, size))
            plt.figure(1)
            closed = plt.figure()
            plt.close(closed)
        assert plt.gcf().number == 1
    finally:
        plt.close("all")
    pictures = sorted((one.folder / "figures").iterdir())
    assert [picture.name for picture in pictures] == ["001.png", "002.png"]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert notes(one)["artifacts"] == ["figures/001.png", "figures/002.png"]


def test_a_result_that_is_no_json_is_its_repr_and_never_huge(tmp_path):
    def recorded(value):
        with experiment("result", runs_dir=tmp_path) as one:
            one.result = value
        return one.record.result

    class Hidden:
        def __repr__(self):
            raise RuntimeError

    assert recorded([1, {"a": (2.5, None, True)}]) == [1, {"a": [2.5, None, True]}]
    assert recorded(float("nan")) == "NaN"
    assert recorded(np.float64(2.5)) == 2.5
    assert recorded({1, 2}) == "{1, 2}"
    assert recorded(np.arange(3)) == "array([0, 1, 2])"
    assert "RuntimeError" in recorded(Hidden())
    assert len(recorded("x" * 10**6)) < 11_000
    assert len(recorded(list(range(10**5)))) < 11_000


def test_a_result_inside_itself_or_very_deep_or_that_cannot_be_asked_is_recorded(tmp_path):
    class Shapeless:
        @property
        def dtype(self):
            raise ValueError

        def __repr__(self):
            return "shown"

    inside: list = []
    inside.append(inside)
    deep: list = []
    for _ in range(3000):
        deep = [deep]
    for value, expected in ((inside, "[[...]]"), (deep, "RecursionError"), (Shapeless(), "shown")):
        with experiment("result", runs_dir=tmp_path) as one:
            one.result = value
        assert one.status == "COMPLETED"
        assert expected in one.record.result


class Interrupting:
    """A value that is interrupted while it is looked at."""

    @property
    def dtype(self):
        raise KeyboardInterrupt


def test_an_interrupt_of_the_result_ends_the_run_as_interrupted(tmp_path):
    with pytest.raises(KeyboardInterrupt), experiment("result", runs_dir=tmp_path) as one:
        one.result = Interrupting()
    assert (one.status, one.record.status) == ("INTERRUPTED", "INTERRUPTED")


def test_what_the_block_raises_goes_before_what_its_result_raises(tmp_path):
    with pytest.raises(ValueError, match="mine"), experiment("both", runs_dir=tmp_path) as one:
        one.result = Interrupting()
        raise ValueError("mine")
    assert one.status == one.record.status == "FAILED"
    assert "ValueError: mine" in one.record.fail_trace


def test_an_interrupt_while_figures_are_drawn_is_recorded_as_one(tmp_path, monkeypatch):
    mpl.use("agg")
    import matplotlib.pyplot as plt

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt), experiment("plots", runs_dir=tmp_path) as one:
            monkeypatch.setattr(plt.figure(), "savefig", interrupted)
        assert one.status == one.record.status == "INTERRUPTED"
    finally:
        plt.close("all")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_interrupt_while_the_runs_thread_is_started_is_recorded_as_one(
    tmp_path, monkeypatch, moment
):
    start = threading.Thread.start

    def interrupted(self):
        if self.name.startswith("daf_nb-cell"):
            if moment == "after":
                start(self)
            raise KeyboardInterrupt
        start(self)

    one = experiment("started", runs_dir=tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(threading.Thread, "start", interrupted)
        with one:
            pass
    assert one.status == one.record.status == "INTERRUPTED"
    assert not [t for t in threading.enumerate() if t.name == f"daf_nb-cell-{one.id}"]


def test_logging_after_the_end_is_refused_while_another_runs(tmp_path):
    with experiment("first", runs_dir=tmp_path) as first:
        first.log("x", 1)
    with experiment("second", runs_dir=tmp_path), pytest.raises(RecordError, match="has ended"):
        first.log("x", 2)
    assert first.record.metrics["x"].tolist() == [1.0]


def test_a_forked_child_leaves_the_block_and_the_process_at_once(tmp_path):
    code = """
        import os, sys, time
        from daf_nb.record.cells.experiment import experiment

        def await_child(number):
            deadline = time.monotonic() + 20
            while os.waitpid(number, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    os.kill(number, 9)
                    sys.exit("the child hangs")
                time.sleep(0.02)

        with experiment("forks", runs_dir=sys.argv[1]) as one:
            child = os.fork()
            if child == 0:
                sys.exit(0)
            await_child(child)
            child = os.fork()
            if child:
                await_child(child)
        if child:
            print(one.status)
    """
    output, complaints = run_child(code, tmp_path)
    assert (output, complaints) == ("COMPLETED\n", "")
    assert load_run(1, runs_dir=tmp_path).status == "COMPLETED"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "not blank"),
        ({"name": 3}, "not blank"),
        ({"seed": -1}, "0 to"),
        ({"seed": 2**32}, "0 to"),
        ({"seed": True}, "0 to"),
        ({"seed": 1.5}, "0 to"),
        ({"config": [1]}, "dict"),
        ({"config": {"seed": 3}}, "seed="),
        ({"tags": 3}, "list of texts"),
        ({"observers": ["mango"]}, "mongo"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_recorded(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        experiment(**{"name": "x", "runs_dir": tmp_path, **options})
    assert not list(tmp_path.iterdir())


def test_an_experiment_is_entered_once(tmp_path):
    one = experiment("once", runs_dir=tmp_path)
    with pytest.raises(RecordError, match="not begun"):
        one.log("x", 1)
    with one, pytest.raises(RecordError, match="no number"):
        one.log("x", "high")  # type: ignore[arg-type] - the point
    with pytest.raises(RecordError, match="COMPLETED"), one:
        pass
    with pytest.raises(RecordError, match="COMPLETED"):
        one.log("x", 1)


def test_hostile_texts_are_data_and_never_a_path(tmp_path):
    for text in HOSTILE:
        with experiment(text, tags=[text], config={"k" + text: text}, runs_dir=tmp_path) as one:
            print(text)
            log(text, 1.0)
            one.result = text
        assert one.status == "COMPLETED"
        assert (one.record.name, one.record.tags, one.record.result) == (text, (text,), text)
        assert one.record.metrics[text].tolist() == [1.0]
        assert output(one) == text.encode("utf-8", "backslashreplace").decode() + "\n"
    assert {path.name for path in tmp_path.iterdir()} <= {*map(str, range(10)), ".index"}


def test_secrets_of_the_environment_and_the_config_are_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k3y-0123456789abcdef")
    with experiment("secret", config={"password": "h0rse-battery"}, runs_dir=tmp_path) as one:
        print("k3y-0123456789", end="")
        print("abcdef h0rse-battery é")
        one.result = "k3y-0123456789abcdef"
    for path in one.folder.rglob("*"):
        if path.is_file():
            assert not re.search(rb"k3y-0123456789abcdef|h0rse-battery", path.read_bytes()), path
    assert output(one).endswith(" é\n")
    assert one.status == "COMPLETED"


def test_what_is_printed_is_on_disk_within_a_second_or_two(tmp_path):
    with experiment("live", runs_dir=tmp_path) as one:
        print("10 %", end="\r", flush=True)
        deadline = time.monotonic() + 10
        while output(one) != "10 %\r":
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_thirty_two_at_once_have_thirty_two_numbers(tmp_path):
    together = threading.Barrier(32)
    ids = []

    def work():
        with experiment("one of many", runs_dir=tmp_path) as one:
            ids.append(one.id)
            together.wait(60)
            print(one.id)
        assert output(one) == f"{one.id}\n"
        assert one.status == "COMPLETED"

    threads = [threading.Thread(target=work) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids) == list(range(1, 33))


def test_a_process_that_ends_or_dies_leaves_a_true_record(tmp_path):
    run_child(
        """
        import sys, threading
        from daf_nb.record.cells.experiment import experiment
        def steps():
            with experiment("open at exit", runs_dir=sys.argv[1]):
                print("inside")
                yield
        kept = steps()
        next(kept)
        """,
        tmp_path,
    )
    assert load_run(1, runs_dir=tmp_path).status == "INTERRUPTED"
    child = start_child(
        """
        import sys, time
        from daf_nb.record.cells.experiment import experiment
        with experiment("killed", runs_dir=sys.argv[1]):
            print("ready", flush=True)
            time.sleep(60)
        """,
        tmp_path,
    )
    assert hear(child) == "ready"
    child.kill()
    child.communicate()
    assert load_run(2, runs_dir=tmp_path).status == "LOST"


def test_a_script_is_the_source_of_its_experiment(tmp_path):
    script = tmp_path / "work.py"
    script.write_text(
        "import sys\nfrom daf_nb.record.cells.experiment import experiment\n"
        "with experiment('script', runs_dir=sys.argv[2]):\n    print(6 * 7)\n"
    )
    shown, _ = run_child(
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", script, tmp_path
    )
    assert shown == "42\n"
    assert (tmp_path / "1" / "source.py").read_text() == script.read_text()
    assert (tmp_path / "1" / "cout.txt").read_text() == "42\n"


def test_the_folder_reads_as_sacreds_own_without_daf_nb(tmp_path):
    """config.json, run.json, metrics.json and cout.txt: the same keys and types, plain JSON."""
    with experiment("ours", seed=3, config={"lr": 0.1}, runs_dir=tmp_path) as one:
        print("hello")
        for step in range(3):
            log("loss", step / 2, step)
        one.result = 1.5
    from sacred.observers import FileStorageObserver

    from daf_nb.record.sacred_api import Experiment

    stock = Experiment("ours", interactive=True, save_git_info=False)
    stock.observers.append(FileStorageObserver(tmp_path / "stock"))
    setattr(stock, "logger", logging.getLogger("stock"))  # noqa: B010 - Sacred is untyped
    stock.add_config(lr=0.1, seed=3)

    @stock.main
    def main(_run):
        print("hello")
        for step in range(3):
            _run.log_scalar("loss", step / 2, step)
        return 1.5

    stock.run(options={"--capture": "sys"})
    theirs = tmp_path / "stock" / "1"
    assert {path.name for path in theirs.iterdir()} <= {path.name for path in one.folder.iterdir()}
    assert output(one) == (theirs / "cout.txt").read_text()
    ours, stocks = (json.loads((f / "config.json").read_text()) for f in (one.folder, theirs))
    assert ours == stocks
    ours, stocks = (json.loads((f / "run.json").read_text()) for f in (one.folder, theirs))
    assert set(stocks) <= set(ours)
    for key, value in stocks.items():
        assert type(ours[key]) is type(value), key
        if key in ("experiment", "host"):
            assert set(value) - {"gpus"} <= set(ours[key])
    assert (ours["status"], ours["result"]) == ("COMPLETED", 1.5)
    ours, stocks = (json.loads((f / "metrics.json").read_text()) for f in (one.folder, theirs))
    assert ours["loss"]["steps"] == stocks["loss"]["steps"]
    assert ours["loss"]["values"] == stocks["loss"]["values"]
    assert set(ours["loss"]) == set(stocks["loss"])
