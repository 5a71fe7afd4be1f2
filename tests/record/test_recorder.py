import json
import logging
import math
import random
import threading
import time
from functools import partial

import numpy as np
import pytest
import torch
from sacred.stdout_capturing import CapturedStdout

from daf_nb.errors import RecordError
from daf_nb.record import Interrupted, load_run
from daf_nb.record.observer import RunFolder
from daf_nb.record.output import OutputLog
from tests.record.children import run_child

LEGACY = np.random.mtrand._rand  # the generator behind numpy's global functions
HOSTILE = [
    "../../x",
    "<script>alert(1)</script>",
    "a/b\\c",
    "a\x00\x1b[31m\n",
    "n" * 10_000,
    "\ud800",
]


def read(recorder, name):
    def refuse(constant):
        raise AssertionError(f"{constant} is not strict JSON")

    return json.loads((recorder.folder / name).read_text(), parse_constant=refuse)


def test_a_run_is_queued_on_disk_before_it_runs(new_recorder, tmp_path):
    recorder = new_recorder(tags=["spread"])
    assert recorder.folder == tmp_path / "1"
    assert read(recorder, "run.json")["status"] == recorder.status == "QUEUED"
    assert read(recorder, "config.json") == {"world": "toy", "seed": 3}
    assert (recorder.folder / "source.py").read_text() == "train()\n"
    assert load_run(1, runs_dir=tmp_path).status == "QUEUED"


def test_a_completed_run_holds_all_that_was_logged(new_recorder, tmp_path):
    recorder = new_recorder()

    def main():
        assert recorder.status == load_run(1, runs_dir=tmp_path).status == "RUNNING"
        for step in range(100):
            recorder.log_metrics(step, {"rollout/return_mean": step / 2, "loss": np.float32(0.5)})
        recorder.log_metrics(100, {"loss": math.nan, "high": math.inf, "low": -math.inf})
        recorder.log_event("note", 7, {"what": "ever"})
        entry = {"step": 8, "name": "lr", "old": 1e-3, "new": 1e-4, "by": "me"}
        recorder.log_journal(entry)
        return {"return": np.float64(49.5)}

    assert recorder.run(main) == {"return": 49.5}
    record = load_run(1, runs_dir=tmp_path)
    assert record.status == recorder.status == "COMPLETED"
    assert record.result == {"return": 49.5}
    assert record.metrics.index.tolist() == list(range(101))
    assert record.metrics["rollout/return_mean"].tolist()[:100] == [step / 2 for step in range(100)]
    last = record.metrics.loc[100]
    assert (math.isnan(last["loss"]), last["high"], last["low"]) == (True, math.inf, -math.inf)
    assert [(event["kind"], event["step"], event["data"]) for event in record.events] == [
        ("note", 7, {"what": "ever"})
    ]
    assert record.journal.to_dict("records") == [
        {"step": 8, "name": "lr", "old": 1e-3, "new": 1e-4, "by": "me"}
    ]


def test_the_folder_is_laid_out_as_sacreds_own(new_recorder, tmp_path):
    recorder = new_recorder()

    def main():
        for step in range(3):
            recorder.log_metrics(step, {"loss": 1.5})
        return {"best": 1.0}

    recorder.run(main)
    from sacred.observers import FileStorageObserver

    from daf_nb.record.sacred_api import Experiment

    stock = Experiment("stock", interactive=True, save_git_info=False)
    stock.observers.append(FileStorageObserver(tmp_path / "stock"))
    setattr(stock, "logger", logging.getLogger("stock"))  # noqa: B010 - Sacred is untyped
    stock.add_config(world="toy", seed=3)

    @stock.main
    def stock_main(_run):
        for step in range(3):
            _run.log_scalar("loss", 1.5, step)
        return {"best": 1.0}

    stock.run(options={"--capture": "no"})
    ours, theirs = recorder.folder, tmp_path / "stock" / "1"
    assert {path.name for path in theirs.iterdir()} <= {path.name for path in ours.iterdir()}
    our_run, their_run = (json.loads((f / "run.json").read_text()) for f in (ours, theirs))
    assert set(their_run) <= set(our_run)
    assert set(their_run["experiment"]) == set(our_run["experiment"])
    assert our_run["result"] == their_run["result"]
    our_loss, their_loss = (
        json.loads((folder / "metrics.json").read_text())["loss"] for folder in (ours, theirs)
    )
    assert (our_loss["steps"], our_loss["values"]) == (their_loss["steps"], their_loss["values"])
    assert len(our_loss["timestamps"][0]) == len(their_loss["timestamps"][0])
    assert read(recorder, "config.json") == json.loads((theirs / "config.json").read_text())


def test_a_failure_is_recorded_and_raised_on(new_recorder, tmp_path):
    recorder = new_recorder()

    def main():
        recorder.log_metrics(1, {"loss": 1.0})
        raise ZeroDivisionError("in the world's step")

    with pytest.raises(ZeroDivisionError, match="world's step"):
        recorder.run(main)
    record = load_run(1, runs_dir=tmp_path)
    assert record.status == recorder.status == "FAILED"
    assert "ZeroDivisionError: in the world's step" in record.fail_trace
    assert record.metrics["loss"].tolist() == [1.0]


def test_an_interruption_ends_the_run_with_its_result(new_recorder, tmp_path):
    recorder = new_recorder()

    def main():
        raise Interrupted({"steps": 12})

    assert recorder.run(main) == {"steps": 12}
    record = load_run(1, runs_dir=tmp_path)
    assert (record.status, record.result) == ("INTERRUPTED", {"steps": 12})


def test_ctrl_c_interrupts_too(new_recorder):
    recorder = new_recorder()

    def main():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recorder.run(main)
    assert recorder.status == "INTERRUPTED"


def test_a_pause_is_on_disk_and_nothing_else_can_be_set(new_recorder, tmp_path):
    recorder = new_recorder()
    with pytest.raises(RecordError, match="QUEUED"):
        recorder.set_status("PAUSED")
    seen = []

    def main():
        for status in ("PAUSED", "RUNNING"):
            recorder.set_status(status)
            recorder.flush()
            seen.append(load_run(1, runs_dir=tmp_path).status)
        with pytest.raises(RecordError, match="COMPLETED"):
            recorder.set_status("COMPLETED")

    recorder.run(main)
    assert seen == ["PAUSED", "RUNNING"]
    with pytest.raises(RecordError, match="COMPLETED"):
        recorder.set_status("RUNNING")


def test_a_recorder_records_once_and_only_while_it_runs(new_recorder):
    recorder = new_recorder()
    with pytest.raises(RecordError, match="QUEUED"):
        recorder.log_metrics(0, {"loss": 1.0})
    recorder.run(lambda: None)
    for late in (
        lambda: recorder.run(lambda: None),
        lambda: recorder.log_metrics(1, {"loss": 1.0}),
        lambda: recorder.log_event("late", 1),
    ):
        with pytest.raises(RecordError, match="COMPLETED"):
            late()


def test_an_abandoned_run_says_why(new_recorder, tmp_path):
    recorder = new_recorder()
    recorder.abandon("the world has no agents")
    record = load_run(1, runs_dir=tmp_path)
    assert (record.status, record.fail_trace) == ("FAILED", "the world has no agents")


def test_bad_entries_are_refused_by_name(new_recorder):
    recorder = new_recorder()

    def main():
        with pytest.raises(RecordError, match="no number"):
            recorder.log_metrics(0, {"loss": "high"})
        with pytest.raises(RecordError, match="lacks old, by"):
            recorder.log_journal({"step": 1, "name": "lr", "new": 2})

    recorder.run(main)
    assert recorder.status == "COMPLETED"
    assert not (recorder.folder / "metrics.jsonl").exists()


@pytest.mark.parametrize("seed", [None, 3, -1, 2**40, "x"])
def test_the_users_generators_do_not_notice_a_run(new_recorder, seed):
    def state():
        return random.getstate(), LEGACY.get_state(), torch.get_rng_state()

    def same(one, other):
        return (
            one[0] == other[0]
            and all(np.array_equal(a, b) for a, b in zip(one[1], other[1], strict=True))
            and torch.equal(one[2], other[2])
        )

    random.seed(11)
    LEGACY.seed(12)
    torch.manual_seed(13)
    # A second Gaussian waits in each of the first two.
    drawn = random.gauss(0, 1), LEGACY.standard_normal(), torch.rand(3)
    assert len(drawn) == 3
    before, inside = state(), []
    new_recorder(spec={"seed": seed}).run(lambda: inside.append(state()))
    assert same(before, inside[0])
    assert same(before, state())
    torch.rand(1)
    assert not same(before, state()), "the comparison itself must see a change"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_users_cuda_generators_do_not_notice_a_run_either(new_recorder):
    torch.cuda.init()
    torch.cuda.manual_seed_all(21)
    torch.rand(3, device="cuda")
    before = torch.cuda.get_rng_state_all()
    new_recorder(spec={"seed": 5}).run(lambda: None)
    after = torch.cuda.get_rng_state_all()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_what_the_run_draws_from_the_global_generators_stays_drawn(new_recorder):
    random.seed(5)
    expected = [random.random() for _ in range(3)]
    random.seed(5)
    drawn = [random.random()]
    new_recorder().run(lambda: drawn.append(random.random()))
    assert [*drawn, random.random()] == expected


def test_runs_in_threads_at_the_same_time_keep_apart(new_recorder, tmp_path):
    recorders = [new_recorder(spec={"seed": number}) for number in range(4)]
    together = threading.Barrier(4)
    random.seed(1)
    before = random.getstate()

    def record(number, recorder):
        def main():
            together.wait(timeout=30)
            for step in range(200):
                recorder.log_metrics(step, {"mine": float(number)})
            together.wait(timeout=30)
            if number == 3:
                raise Interrupted

        recorder.run(main)

    threads = [threading.Thread(target=record, args=pair) for pair in enumerate(recorders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [recorder.status for recorder in recorders] == ["COMPLETED"] * 3 + ["INTERRUPTED"]
    for number in range(4):
        mine = load_run(number + 1, runs_dir=tmp_path).metrics["mine"]
        assert mine.tolist() == [float(number)] * 200
    assert random.getstate() == before


def test_metrics_from_many_threads_all_arrive(new_recorder, tmp_path):
    recorder = new_recorder()

    def log(worker):
        for step in range(500):
            recorder.log_metrics(step, {f"worker_{worker}": step})

    def main():
        threads = [threading.Thread(target=log, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    recorder.run(main)
    metrics = load_run(1, runs_dir=tmp_path).metrics
    assert recorder.status == "COMPLETED"
    assert all(metrics[f"worker_{worker}"].tolist() == list(range(500)) for worker in range(4))


def test_a_long_series_is_thin_in_the_summary_and_whole_in_the_log(new_recorder, tmp_path):
    recorder = new_recorder()

    def main():
        for step in range(12_000):
            recorder.log_metrics(step, {"loss": -5.0 if step == 6_001 else 0.0})

    recorder.run(main)
    summary = read(recorder, "metrics.json")["loss"]
    assert len(summary["values"]) <= 10_000
    assert (summary["steps"][0], summary["steps"][-1]) == (0, 11_999)
    assert summary["values"][summary["steps"].index(6_001)] == -5.0
    assert len(load_run(1, runs_dir=tmp_path).metrics) == 12_000


def test_hostile_texts_are_data_and_never_a_path(new_recorder, tmp_path):
    for number, text in enumerate(HOSTILE, start=1):
        recorder = new_recorder(text, tags=[text], spec={text: text, "world": text})
        recorder.run(partial(recorder.log_metrics, 0, {text: 1.0}))
        recorded = load_run(number, runs_dir=tmp_path)
        assert recorded.status == "COMPLETED"
        assert (recorded.name, recorded.tags) == (text, (text,))
        assert recorded.config[text] == text
        assert recorded.metrics[text].tolist() == [1.0]
    everything = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert everything == {str(number) for number in range(1, len(HOSTILE) + 1)}


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/x", "a//b", "a/../../x", "a\\b", "a\x00", "run.json", "lock",
     "lock/x", "metrics.jsonl", ".run.json.tmp", "x" * 300, "<b>"],
)  # fmt: skip
def test_an_artifacts_name_stays_inside_the_folder_and_off_the_record(new_recorder, name):
    with pytest.raises(RecordError, match="name"):
        new_recorder().file(name)


def test_artifacts_are_listed_and_links_do_not_lead_out(new_recorder, tmp_path):
    recorder = new_recorder()
    path = recorder.file("checkpoints/agents.zip")
    path.write_bytes(b"x")
    assert path == recorder.folder / "checkpoints" / "agents.zip"
    (tmp_path / "outside").mkdir()
    (recorder.folder / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(RecordError, match="link"):
        recorder.file("link/sub/x.zip")
    assert not list((tmp_path / "outside").iterdir())
    recorder.run(lambda: None)
    assert read(recorder, "run.json")["artifacts"] == ["checkpoints/agents.zip"]


def test_a_spec_that_sacred_would_refuse_is_recorded_as_it_is(new_recorder):
    spec = {"tasks": {"spread.easy": {"$ref": 1, "a=b": 2, "py/object": "os.system", "": 3}}}
    recorder = new_recorder(spec=spec)
    recorder.run(lambda: None)
    assert recorder.status == "COMPLETED"
    assert read(recorder, "config.json") == spec


def test_sacred_says_nothing_and_changes_nothing():
    output, complaints = run_child("""
        import logging, os, sys, tempfile
        from daf_nb.record import Interrupted, Recorder
        import daf_nb.record.sacred_run, sacred, copy
        settings, handlers = copy.deepcopy(sacred.SETTINGS), list(logging.getLogger().handlers)
        def fail():
            raise ValueError
        def stop():
            raise Interrupted
        streams = sys.stdout, os.fstat(1).st_ino, sys.stderr, os.fstat(2).st_ino
        def look():
            assert streams == (sys.stdout, os.fstat(1).st_ino, sys.stderr, os.fstat(2).st_ino)
        for main in (look, fail, stop):
            recorder = Recorder(spec={}, name="x", runs_dir=tempfile.mkdtemp())
            try:
                recorder.run(main)
            except ValueError:
                pass
        assert settings == sacred.SETTINGS
        assert handlers == logging.getLogger().handlers == []
    """)
    assert output == ""
    assert complaints == ""


def test_a_thread_that_logs_over_the_end_is_refused_and_nothing_is_lost(new_recorder, tmp_path):
    recorder = new_recorder()
    logged = []

    def log():
        with pytest.raises(RecordError, match="metrics are logged while"):
            while True:
                recorder.log_metrics(len(logged), {"loss": 1.0})
                logged.append(1)

    thread = threading.Thread(target=log, daemon=True)

    def main():
        thread.start()
        time.sleep(0.2)

    began = time.monotonic()
    recorder.run(main)
    assert time.monotonic() - began < 20
    thread.join(10)
    assert not thread.is_alive()
    assert recorder.status == "COMPLETED"
    assert load_run(1, runs_dir=tmp_path).metrics.index.tolist() == list(range(len(logged)))


def test_the_end_of_sacreds_own_output_does_not_stop_a_heartbeat(
    new_recorder, tmp_path, monkeypatch
):
    recorder, runner = new_recorder(), threading.current_thread()
    get = CapturedStdout.get

    def slow_get(self):
        if threading.current_thread() is not runner:  # the heartbeat's, reading at a bad moment
            deadline = time.monotonic() + 5
            while not self.buffer.closed and time.monotonic() < deadline:
                time.sleep(0.001)
            return self.buffer.read()
        return get(self)

    monkeypatch.setattr(CapturedStdout, "get", slow_get)

    def main():
        time.sleep(1.2)
        recorder.log_metrics(0, {"loss": 1.0})

    began = time.monotonic()
    recorder.run(main)
    assert time.monotonic() - began < 20
    assert load_run(1, runs_dir=tmp_path).metrics["loss"].tolist() == [1.0]
    assert recorder.status == "COMPLETED"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_end_brings_what_a_dead_heartbeat_left_behind(new_recorder, tmp_path, monkeypatch):
    recorder, runner = new_recorder(), threading.current_thread()
    beat, died = RunFolder.heartbeat_event, threading.Event()

    def die(self, *arguments, **options):
        if threading.current_thread() is runner:
            return beat(self, *arguments, **options)
        died.set()
        raise SystemExit

    monkeypatch.setattr(RunFolder, "heartbeat_event", die)

    def main():
        assert died.wait(10)
        time.sleep(0.1)
        recorder.log_metrics(0, {"loss": 1.0})

    began = time.monotonic()
    recorder.run(main)
    assert time.monotonic() - began < 20
    assert load_run(1, runs_dir=tmp_path).metrics["loss"].tolist() == [1.0]
    assert recorder.status == "COMPLETED"


def test_what_is_printed_after_the_last_writing_leaves_the_record_whole(new_recorder, monkeypatch):
    recorder = new_recorder()
    flush = OutputLog.flush

    def flush_and_print(self, *, last=False):
        flush(self, last=last)
        if last:  # as another thread may, at this very moment
            recorder.write("late\n")

    monkeypatch.setattr(OutputLog, "flush", flush_and_print)
    recorder.run(lambda: recorder.write("in time\n"))
    assert read(recorder, "run.json")["daf_nb"]["incomplete"] == []
    assert recorder.status == "COMPLETED"
    assert (recorder.folder / "cout.txt").read_text() == "in time\n"


def test_an_interrupt_while_a_record_is_begun_leaves_nothing(new_recorder, tmp_path, monkeypatch):
    def interrupted(path, data):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("daf_nb.record.store.write_atomic", interrupted)
        new_recorder()
    assert not (tmp_path / "1").exists()
    recorder = new_recorder()
    recorder.run(lambda: None)
    assert (recorder.id, recorder.status) == (1, "COMPLETED")
