"""Who writes a run's folder: named while it lives, out of the way when it is gone."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import threading
import time

import pytest

from daf_nb.errors import RecordError
from daf_nb.record.locks import LOCK_FILE, FolderLock, holder, is_held, nobody_writes
from daf_nb.record.reopening import take_up
from daf_nb.record.trash import delete_runs, restore_runs


def test_who_holds_a_lock_is_named_and_who_is_dead_is_not(tmp_path):
    child = os.fork()
    if child == 0:
        FolderLock(tmp_path)
        os._exit(0)
    os.waitpid(child, 0)
    assert is_held(tmp_path) is False
    assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == child
    assert holder(tmp_path) == "another process"
    lock = FolderLock(tmp_path)
    assert holder(tmp_path) == f"process {os.getpid()} on {platform.node()}"
    lock.release()


def test_a_name_that_comes_late_is_waited_for(tmp_path):
    (tmp_path / LOCK_FILE).write_text("")
    told = json.dumps({"pid": os.getpid(), "host": platform.node()})
    timer = threading.Timer(0.1, (tmp_path / LOCK_FILE).write_text, [told])
    timer.start()
    assert holder(tmp_path) == f"process {os.getpid()} on {platform.node()}"
    timer.join()


def test_a_lock_through_a_link_overwrites_nothing(tmp_path):
    victim, folder = tmp_path / "victim", tmp_path / "run"
    folder.mkdir()
    victim.write_text("precious")
    (folder / LOCK_FILE).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        FolderLock(folder)
    with victim.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_held(folder) is None, "what a link leads to tells nothing of this run"
    with pytest.raises(RecordError, match="cannot go on"):
        take_up(folder.rename(tmp_path / "1"))
    assert victim.read_text() == "precious"


def test_while_nobody_writes_nobody_begins_to(tmp_path):
    FolderLock(tmp_path).release()
    with nobody_writes(tmp_path) as still:
        assert still
        assert FolderLock(tmp_path, patience=0.0).works is False
    lock = FolderLock(tmp_path)
    with nobody_writes(tmp_path) as still:
        assert not still
    lock.release()
    with nobody_writes(tmp_path / "absent") as still:
        assert still


def test_a_lock_knows_when_its_folder_has_been_moved(tmp_path):
    folder = tmp_path / "1"
    folder.mkdir()
    lock = FolderLock(folder)
    assert lock.here
    folder.rename(tmp_path / "2")
    assert not lock.here
    folder.mkdir()
    other = FolderLock(folder)
    assert not lock.here
    assert other.here
    lock.release()
    other.release()


def test_a_run_that_another_holds_is_not_taken_up_and_its_holder_is_named(tmp_path):
    folder = tmp_path / "1"
    folder.mkdir()
    lock = FolderLock(folder)
    began = time.monotonic()
    with pytest.raises(RecordError, match=f"recorded by process {os.getpid()} on "):
        take_up(folder)
    assert time.monotonic() - began < 2
    lock.release()
    take_up(folder).release()


def test_a_run_in_the_trash_is_not_taken_up_and_one_that_is_taken_up_stays(new_recorder, tmp_path):
    recorder = new_recorder()
    recorder.run(lambda: None)
    lock = take_up(recorder.folder)
    with pytest.raises(RecordError, match=r"Run 1: it is alive: its writer holds it"):
        delete_runs(1, runs_dir=tmp_path)
    lock.release()
    delete_runs(1, runs_dir=tmp_path)
    with pytest.raises(RecordError, match=r"lies in the trash; restore_runs\(1\) brings it back"):
        take_up(recorder.folder)
    restore_runs(1, runs_dir=tmp_path)
    take_up(recorder.folder).release()
