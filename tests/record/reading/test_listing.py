import json
import math
import os
import shutil
import time

import numpy as np
import pandas as pd
import pytest
import sacred
from sacred.observers import FileStorageObserver

from daf_nb.errors import ConfigError, RecordError
from daf_nb.record import list_runs, load_run
from daf_nb.record.document import utc_now
from daf_nb.record.locks import FolderLock
from daf_nb.record.reading import glance
from tests.record.children import hear, run_child, start_child
from tests.record.written import change, write_run

COLUMNS = [
    "id", "name", "status", "started", "duration", "steps", "return_last", "return_best",
    "success", "tags", "parent", "cell", "host", "seed", "world", "kind", "next",
]  # fmt: skip


def ids(root, **options):
    return list_runs(runs_dir=root, **options)["id"].tolist()


def age(path, seconds):
    """Gives a file an old date, as if it had not been touched for a while."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_the_columns_are_those_promised_in_their_order_with_their_kinds(tmp_path):
    empty = list_runs(runs_dir=tmp_path)
    write_run(tmp_path, 1, ours={"success": 0.5, "parent": 7, "cell_line": "daf.train()"})
    table = list_runs(runs_dir=tmp_path)
    assert table.columns.tolist() == empty.columns.tolist() == COLUMNS
    assert table.dtypes.tolist() == empty.dtypes.tolist()
    assert table.loc[0, ["success", "parent", "cell", "kind"]].tolist() == [
        0.5,
        7,
        "daf.train()",
        "training",
    ]


def test_a_record_from_before_there_were_experiments_lacks_what_it_does_not_say(tmp_path):
    folder = write_run(tmp_path, 1)
    document = json.loads((folder / "run.json").read_text())
    for key in ("kind", "parent", "children", "cell_line", "success"):
        document["daf_nb"].pop(key, None)
    (folder / "run.json").write_text(json.dumps(document))
    row = list_runs(runs_dir=tmp_path).iloc[0]
    assert row["kind"] == "training"
    assert row[["success", "parent", "cell"]].isna().all()
    record = load_run(1, runs_dir=tmp_path)
    assert (record.parent, record.children, record.kind) == (None, (), "training")


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"return_best": lambda best: best > 2}, [3, 4]),
        ({"return_best": lambda best: best > 2, "seed": lambda seed: seed % 2 == 0}, [4]),
        ({"steps": lambda steps: steps >= 0}, [1, 2, 3, 4]),
        ({"steps": lambda steps: True}, [1, 2, 3, 4]),
        ({"steps": None}, [5]),
        ({"world": {"toy"}.__contains__}, [1, 2, 3, 4, 5]),
        ({"tags": lambda tags: len(tags) == 0}, [1, 2, 3, 4, 5]),
        ({"started": lambda moment: moment < pd.Timestamp("2027", tz="UTC")}, [1, 2, 3, 4, 5]),
        (lambda row: row["steps"] > 20, [3, 4]),
    ],
)
def test_where_compares_values_and_nothing_holds_for_a_missing_one(tmp_path, where, kept):
    for number in range(1, 5):
        write_run(tmp_path, number, ours={"steps": number * 10, "return_best": float(number)})
    write_run(tmp_path, 5)
    assert ids(tmp_path, where=where) == kept


def test_a_change_shows_at_the_next_look_where_files_are_dated_to_the_second(tmp_path, monkeypatch):
    exactly = glance._stamp

    def dated_to_the_second(path):
        changed, moved, size, number = exactly(path)
        return changed // 10**9 * 10**9, moved // 10**9 * 10**9, size, number

    folder = write_run(tmp_path, 1, status="FAILED...")
    monkeypatch.setattr(glance, "_stamp", dated_to_the_second)
    seen = []
    for status in ("COMPLETED", "FAILED...") * 20:
        change(folder / "run.json", status=status)
        seen.append(list_runs(runs_dir=tmp_path).loc[0, "status"] == status)
    assert all(seen)


def test_what_is_remembered_is_let_go_when_the_file_is_another(tmp_path):
    folder = write_run(tmp_path, 1, name="first")
    age(folder / "run.json", 3600)
    time.sleep(2.1)  # a file this fresh is not remembered
    assert list_runs(runs_dir=tmp_path).loc[0, "name"] == "first"
    document = json.loads((folder / "run.json").read_text())
    document["daf_nb"]["name"] = "other"
    (folder / "run.json").write_text(json.dumps(document))
    age(folder / "run.json", 3600)
    assert list_runs(runs_dir=tmp_path).loc[0, "name"] == "other"


def test_what_is_remembered_is_used(tmp_path, monkeypatch):
    write_run(tmp_path, 1, name="first")
    time.sleep(2.1)
    first = list_runs(runs_dir=tmp_path)
    read = []
    monkeypatch.setattr("daf_nb.record.reading.glance.read_json", read.append)
    pd.testing.assert_frame_equal(list_runs(runs_dir=tmp_path), first)
    assert read == []


def test_a_remembered_live_run_is_lost_when_its_lock_is_free(tmp_path):
    host = os.uname().nodename
    folder = write_run(tmp_path, 1, status="RUNNING", ours={"lock": "flock"})
    change(folder / "run.json", heartbeat=utc_now(), host={"hostname": host}, stop_time=None)
    lock = FolderLock(folder)
    time.sleep(2.1)
    before = list_runs(runs_dir=tmp_path).loc[0]
    lock.release()
    after = list_runs(runs_dir=tmp_path).loc[0]
    assert (before["status"], after["status"]) == ("RUNNING", "LOST")
    assert before["duration"] > 24 * 3600, "a live run lasts until now"


def test_a_remembered_live_run_without_a_lock_is_lost_when_its_heart_stopped(tmp_path, monkeypatch):
    folder = write_run(tmp_path, 1, status="RUNNING")
    change(folder / "run.json", heartbeat=utc_now())
    time.sleep(2.1)
    assert list_runs(runs_dir=tmp_path).loc[0, "status"] == "RUNNING"
    monkeypatch.setattr("daf_nb.record.status.LOST_AFTER", 1.0)
    assert list_runs(runs_dir=tmp_path).loc[0, "status"] == "LOST"


def test_a_killed_process_shows_lost_at_the_next_look(tmp_path):
    child = start_child(
        """
        import sys, time
        from daf_nb.record import Recorder, Source
        source = Source(kind="script", text="", name="")
        recorder = Recorder(spec={"seed": 1}, name="x", runs_dir=sys.argv[1], source=source)
        def main():
            recorder.flush()
            print("ready", flush=True)
            time.sleep(60)
        recorder.run(main)
        """,
        tmp_path,
    )
    assert hear(child) == "ready"
    assert list_runs(runs_dir=tmp_path).loc[0, "status"] == "RUNNING"
    child.kill()
    child.communicate()
    assert list_runs(runs_dir=tmp_path).loc[0, "status"] == "LOST"


def test_a_run_that_is_removed_between_two_looks_is_gone(tmp_path):
    for number in (1, 2, 3):
        write_run(tmp_path, number)
    assert ids(tmp_path) == [1, 2, 3]
    shutil.rmtree(tmp_path / "2")
    assert ids(tmp_path) == [1, 3]


def test_two_roots_are_not_mixed(tmp_path):
    write_run(tmp_path / "a", 1, name="a")
    write_run(tmp_path / "b", 1, name="b")
    for _ in range(2):
        assert list_runs(runs_dir=tmp_path / "a")["name"].tolist() == ["a"]
        assert list_runs(runs_dir=tmp_path / "b")["name"].tolist() == ["b"]


@pytest.mark.parametrize("document", ["{}", '{"status": null}', '{"status": 3}', '{"status": ""}'])
def test_a_document_without_a_status_is_unreadable(tmp_path, document):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "run.json").write_text(document)
    assert list_runs(runs_dir=tmp_path)["status"].tolist() == ["UNREADABLE"]
    assert load_run(1, runs_dir=tmp_path).status == "UNREADABLE"


def test_a_pipe_in_the_place_of_a_lock_blocks_nobody(tmp_path):
    folder = write_run(tmp_path, 1, status="RUNNING", ours={"lock": "flock"})
    os.mkfifo(folder / "lock")
    output, _ = run_child(
        "import sys; from daf_nb.record import list_runs;"
        "print(list_runs(runs_dir=sys.argv[1])['status'].tolist())",
        tmp_path,
    )
    assert output.strip() == "['LOST']"


@pytest.fixture
def plain_sacred(tmp_path, monkeypatch):
    """A completed and a failed run that Sacred wrote by itself."""
    monkeypatch.setitem(sacred.SETTINGS, "CAPTURE_MODE", "no")
    for fails in (False, True):
        experiment = sacred.Experiment("plain", save_git_info=False)
        experiment.add_config({"rate": 0.1, "seed": 4})
        experiment.observers.append(FileStorageObserver(tmp_path))

        @experiment.main
        def main(_run, fails=fails):
            for step in range(5):
                _run.log_scalar("loss", [1.0, np.nan, 3.0, 4.0, 5.0][step], step * 10)
            if fails:
                raise ValueError("no")
            return 7

        try:
            experiment.run()
        except ValueError:
            assert fails
    return tmp_path


def test_runs_of_plain_sacred_are_listed_and_read(plain_sacred):
    table = list_runs(runs_dir=plain_sacred)
    assert table["status"].tolist() == ["COMPLETED", "FAILED"]
    assert table["name"].tolist() == ["plain", "plain"]
    assert table["kind"].tolist() == [None, None]
    assert all(0 <= seconds < 60 for seconds in table["duration"])
    record = load_run(1, runs_dir=plain_sacred)
    assert (record.result, record.config["rate"], record.parent) == (7, 0.1, None)
    assert record.metrics.index.tolist() == [0, 10, 20, 30, 40]
    np.testing.assert_array_equal(record.metrics["loss"], [1, np.nan, 3, 4, 5])
    assert "ValueError: no" in load_run(2, runs_dir=plain_sacred).fail_trace


def test_a_root_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="cannot be listed"):
        list_runs(runs_dir=tmp_path / "file")


def test_tags_are_looked_for_as_texts_and_none_is_no_tag(tmp_path):
    write_run(tmp_path, 1, ours={"tags": ["a", "b"]})
    write_run(tmp_path, 2, ours={"tags": ["b"]})
    write_run(tmp_path, 3)
    assert ids(tmp_path, where={"tags": None}) == [3]
    assert ids(tmp_path, where={"tags": (tag for tag in "ba")}) == [1]
    assert ids(tmp_path, where={"tags": []}) == [1, 2, 3]
    for wanted in (1, math.nan, [1], [["a"]], pd.NA):
        with pytest.raises(ConfigError, match="give a text, several texts"):
            list_runs(runs_dir=tmp_path, where={"tags": wanted})
