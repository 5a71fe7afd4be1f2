import fcntl
import gc
import json
import os
import resource
import shutil
import signal
import threading
import time
import warnings

import pytest

from daf_nb.errors import DafWarning, RecordError
from daf_nb.record import list_runs, load_run
from daf_nb.record.document import queued_document
from daf_nb.record.files import append, read_json
from daf_nb.record.locks import is_held
from daf_nb.record.source import Source
from daf_nb.record.store import RunStore
from tests.record.children import hear, run_child, start_child
from tests.record.test_files import exit_at_call

START = """
    import os, resource, sys, time, warnings
    from daf_nb.record import Recorder, Source, load_run
    source = Source(kind="script", text="", name="")
    recorder = Recorder(spec={"seed": 1}, name="x", runs_dir=sys.argv[1], source=source)
    said = []
    warnings.showwarning = lambda message, *rest: said.append((time.monotonic(), str(message)))
"""


def statuses(root):
    return list_runs(runs_dir=root)["status"].tolist()


@pytest.mark.parametrize("pause", [False, True])
def test_a_killed_run_is_lost_at_once_and_keeps_what_it_logged(tmp_path, pause):
    child = start_child(
        START
        + f"""
    def main():
        for step in range(50):
            recorder.log_metrics(step, {{"loss": 0.5}})
        if {pause}:
            recorder.set_status("PAUSED")
        time.sleep(2.5)
        print("ready", flush=True)
        time.sleep(60)
    recorder.run(main)
    """,
        tmp_path,
    )
    assert hear(child) == "ready"
    assert statuses(tmp_path) == ["PAUSED" if pause else "RUNNING"]
    child.send_signal(signal.SIGKILL)
    child.communicate()
    record = load_run(1, runs_dir=tmp_path)
    assert (record.status, statuses(tmp_path)) == ("LOST", ["LOST"])
    assert read_json(record.folder / "run.json")["status"] in ("RUNNING", "PAUSED")
    assert record.metrics["loss"].tolist() == [0.5] * 50


def test_a_killed_run_is_lost_although_a_forked_worker_lives_on(tmp_path):
    child = start_child(
        START
        + """
    worker = os.fork()
    if worker == 0:
        os.close(1), os.close(2)
        time.sleep(60)
        os._exit(0)
    print(worker, flush=True)
    time.sleep(60)
    """,
        tmp_path,
    )
    worker = int(hear(child))
    try:
        assert statuses(tmp_path) == ["QUEUED"]
        child.send_signal(signal.SIGKILL)
        child.communicate()
        os.kill(worker, 0)
        assert statuses(tmp_path) == ["LOST"]
    finally:
        os.kill(worker, signal.SIGKILL)


def test_looking_does_not_disturb_the_writer_or_another_reader(new_recorder, tmp_path):
    recorder = new_recorder()
    seen = set()

    def main():
        for _ in range(200):
            seen.update(statuses(tmp_path))

    recorder.run(main)
    assert seen == {"RUNNING"}
    assert statuses(tmp_path) == ["COMPLETED"]


def test_a_reader_does_not_keep_a_dead_run_alive(new_recorder, tmp_path):
    folder = new_recorder().folder
    gc.collect()  # the recorder is gone, as if its process were
    with (folder / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert is_held(folder) is False
        assert statuses(tmp_path) == ["LOST"]


def test_a_run_that_has_ended_frees_its_folder(new_recorder):
    recorder = new_recorder()
    assert is_held(recorder.folder) is True
    recorder.run(lambda: None)
    assert is_held(recorder.folder) is False


@pytest.mark.parametrize("age", [5, 60])
def test_without_locks_the_age_of_the_heartbeat_decides(new_recorder, tmp_path, age):
    recorder = new_recorder()
    document = read_json(recorder.folder / "run.json")
    document["daf_nb"]["lock"] = "heartbeat"
    beat = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - age))
    document.update(status="RUNNING", heartbeat=beat)
    (recorder.folder / "run.json").write_text(json.dumps(document))
    assert statuses(tmp_path) == ["LOST" if age > 30 else "RUNNING"]


def test_completed_is_on_disk_only_when_everything_is_wherever_the_writer_dies(tmp_path):
    """Kills the writer at calls spread over opening, logging and finishing a run."""
    source = Source(kind="script", text="", name="")
    document = queued_document(name="x", tags=(), spec={}, source=source)
    ends, code = [], 1
    for number in range(1, 60_000, 61):
        folder = tmp_path / str(number)
        folder.mkdir()
        child = os.fork()
        if child == 0:
            exit_at_call(number)
            store = RunStore(folder, document=document)
            store.open(config={"seed": 1}, source="")
            store.update(status="RUNNING")
            for step in range(20):
                store.queue("metrics.jsonl", {"step": step, "time": 0.0, "values": {"a": 1.0}})
                if step % 5 == 0:
                    store.flush()
            store.finish("COMPLETED")
            os._exit(0)
        _, code = os.waitpid(child, 0)
        record = load_run(number, runs_dir=tmp_path)
        ends.append(record.status)
        if record.status == "COMPLETED":
            assert record.metrics["a"].tolist() == [1.0] * 20
            assert len(read_json(folder / "metrics.json")["a"]["values"]) == 20
        else:
            assert record.status in ("LOST", "UNREADABLE")
            assert record.status == "LOST" or not (folder / "run.json").exists()
        if code == 0:
            break
    assert code == 0, "the sweep ended before the writer did"
    assert ends[-1] == "COMPLETED"
    assert ends.count("LOST") > 20


def test_a_full_disk_stops_no_training_and_is_never_completed(tmp_path):
    output, _ = run_child(
        START
        + """
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    def main():
        begun = time.monotonic()
        for step in range(2_000):
            recorder.log_metrics(step, {"loss": 0.5})
        recorder.log_event("late", 1)
        while time.monotonic() - begun < 3:
            time.sleep(0.01)
        print(said[0][0] - begun)
        return {"trained": True}
    print(recorder.run(main), recorder.status, len(said))
    """,
        tmp_path,
    )
    delay, end = output.splitlines()
    assert float(delay) < 2
    assert end == "{'trained': True} FAILED 2"
    record = load_run(1, runs_dir=tmp_path)
    assert record.status == "FAILED"
    assert "record incomplete: metrics.jsonl" in record.fail_trace
    assert record.events[0]["kind"] == "late"
    with pytest.warns(DafWarning, match="torn"):
        kept = record.metrics["loss"]
    assert 0 < len(kept) < 2_000


def test_a_disk_that_comes_back_has_everything_once(tmp_path):
    output, _ = run_child(
        START
        + """
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    def main():
        for step in range(2_000):
            recorder.log_metrics(step, {"loss": float(step)})
        while not said:
            time.sleep(0.01)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    recorder.run(main)
    print(recorder.status, len(said))
    """,
        tmp_path,
    )
    assert output.split() == ["COMPLETED", "1"]
    record = load_run(1, runs_dir=tmp_path)
    assert len((record.folder / "metrics.jsonl").read_text().splitlines()) == 2_000
    assert record.metrics["loss"].tolist() == [float(step) for step in range(2_000)]
    (outage,) = read_json(record.folder / "run.json")["daf_nb"]["outages"]
    assert "File too large" in outage["error"]


@pytest.mark.parametrize("victim", ["metrics.jsonl", "config.json", "events.jsonl"])
@pytest.mark.parametrize("harm", ["remove", "cut"])
def test_a_run_whose_files_were_harmed_is_not_completed(new_recorder, victim, harm):
    recorder = new_recorder()

    def main():
        for step in range(20):
            recorder.log_metrics(step, {"loss": 0.5})
            recorder.log_event("tick", step)
        while not (recorder.folder / "metrics.jsonl").exists():
            time.sleep(0.01)
        recorder.flush()
        path = recorder.folder / victim
        if harm == "remove":
            path.unlink()
        else:
            os.truncate(path, path.stat().st_size - 5)
        return {"trained": True}

    with pytest.warns(DafWarning, match=victim):
        assert recorder.run(main) == {"trained": True}
    document = read_json(recorder.folder / "run.json")
    assert document["status"] == recorder.status == "FAILED"
    assert f"record incomplete: {victim}" in document["fail_trace"][0]


@pytest.mark.parametrize("patience", [60.0, 0.1])
def test_a_disk_slower_than_sacreds_patience_loses_nothing_unsaid(
    new_recorder, tmp_path, monkeypatch, patience
):
    recorder = new_recorder()
    stuck = threading.Event()

    def slow_append(path, data):
        if not stuck.is_set():
            stuck.set()
            time.sleep(3)  # Sacred waits 2 s for its heartbeat, then ends the run without it
        append(path, data)

    def main():
        monkeypatch.setattr("daf_nb.record.log_file.append", slow_append)
        recorder.log_metrics(0, {"loss": 0.0})
        stuck.wait(timeout=30)
        recorder.log_metrics(1, {"loss": 1.0})

    monkeypatch.setattr("daf_nb.record.observer.ARRIVAL_PATIENCE", patience)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", DafWarning)
        recorder.run(main)
    record = load_run(1, runs_dir=tmp_path)
    if patience > 3:
        assert (record.status, said) == ("COMPLETED", [])
        assert record.metrics["loss"].tolist() == [0.0, 1.0]
    else:
        assert (record.status, len(said)) == ("FAILED", 1)
        assert "1 value(s) never arrived" in record.fail_trace


def test_facts_that_could_not_be_written_are_missed(new_recorder):
    recorder = new_recorder()
    (recorder.folder / ".facts.json.tmp").mkdir()
    with pytest.warns(DafWarning) as said:
        recorder.run(lambda: None)
    assert recorder.status == "FAILED"
    assert "record incomplete: facts.json" in str(said[-1].message)


def test_a_status_that_could_not_be_written_is_written_later(new_recorder, tmp_path):
    recorder = new_recorder()
    obstacle = recorder.folder / ".run.json.tmp"
    seen = []

    def main():
        obstacle.mkdir()
        recorder.set_status("PAUSED")
        recorder.flush()
        seen.append(load_run(1, runs_dir=tmp_path).status)
        obstacle.rmdir()
        recorder.flush()
        seen.append(load_run(1, runs_dir=tmp_path).status)

    with pytest.warns(DafWarning, match=r"run\.json"):
        recorder.run(main)
    assert seen == ["RUNNING", "PAUSED"]
    assert recorder.status == "COMPLETED"


def test_a_folder_that_vanishes_stops_no_training(new_recorder):
    recorder = new_recorder()

    def main():
        shutil.rmtree(recorder.folder)
        recorder.log_metrics(0, {"loss": 0.5})
        return {"trained": True}

    with pytest.warns(DafWarning) as said:
        assert recorder.run(main) == {"trained": True}
    assert recorder.status == "FAILED"
    assert "cannot be recorded" in str(said[0].message)
    assert "record incomplete" in str(said[-1].message)
    assert not recorder.folder.exists()


def test_trouble_is_no_exception_even_where_warnings_are(new_recorder, caplog):
    recorder = new_recorder()

    def main():
        shutil.rmtree(recorder.folder)
        recorder.flush()
        return {"trained": True}

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert recorder.run(main) == {"trained": True}
    assert any("cannot be recorded" in line for line in caplog.messages)


def test_a_folder_that_takes_no_files_refuses_the_run(new_recorder):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    new_recorder()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(RecordError, match="cannot"):
            new_recorder()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
