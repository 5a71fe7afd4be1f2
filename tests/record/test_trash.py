"""Runs that are deleted lie in the trash, and come back under their own numbers."""

from __future__ import annotations

import datetime
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daf_nb.errors import ConfigError, RecordError
from daf_nb.record import Recorder, list_runs, load_run
from daf_nb.record.folders import claim_folder, run_ids
from daf_nb.record.trash import delete_runs, empty_trash, list_trash, restore_runs
from daf_nb.record.trashed import TRASH, entry_name, trashed_runs
from tests.record.children import hear, start_child
from tests.record.written import write_run


@pytest.fixture
def ended(new_recorder):
    """Makes runs that have ended."""

    def make(name="warm-up", **options) -> Recorder:
        recorder = new_recorder(name, **options)
        recorder.run(lambda: {"kept": name})
        return recorder

    return make


def all_files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_deleted_run_is_in_no_list_and_comes_back_whole(ended, tmp_path):
    first, second = ended("first"), ended("second")
    before = all_files(second.folder)
    moved = delete_runs(second.id, runs_dir=tmp_path)
    assert (moved.ids, moved.refused) == ([2], {})
    assert run_ids(tmp_path) == [1] and list(list_runs(runs_dir=tmp_path)["id"]) == [first.id]
    with pytest.raises(RecordError, match="No run '2'"):
        load_run(2, runs_dir=tmp_path)
    (lying,) = list_trash(runs_dir=tmp_path)
    assert lying.id == 2 and lying.folder.parent == tmp_path / TRASH
    assert all_files(lying.folder) == before
    assert abs(lying.deleted.timestamp() - time.time()) < 60

    assert restore_runs(moved.runs, runs_dir=tmp_path).ids == [2]
    assert all_files(second.folder) == before
    assert load_run(2, runs_dir=tmp_path).result == {"kept": "second"}
    assert list_trash(runs_dir=tmp_path) == []


def test_a_run_that_is_alive_stays_and_the_others_go(ended, new_recorder, tmp_path):
    done, live = ended(), new_recorder()
    moved = delete_runs([done.id, live.id, 7], runs_dir=tmp_path)
    assert moved.ids == [done.id]
    assert "stop it first" in moved.refused[live.id]
    assert "there is no run 7" in moved.refused[7]
    assert run_ids(tmp_path) == [live.id]
    live.run(lambda: None)
    assert delete_runs(live.id, runs_dir=tmp_path).ids == [live.id]


def test_where_nothing_can_be_deleted_it_is_said_why(new_recorder, tmp_path):
    live = new_recorder()
    with pytest.raises(RecordError, match=r"(?s)Nothing was moved.*Run 1: it is alive.*Run 9: "):
        delete_runs([live.id, 9], runs_dir=tmp_path)
    assert not (tmp_path / TRASH).exists()
    live.abandon("enough")


def test_a_run_of_another_process_is_alive_until_that_dies(tmp_path):
    code = """
        import sys, time
        from daf_nb.record import Recorder, Source
        source = Source(kind="script", text="", name="")
        Recorder(spec={}, name="x", runs_dir=sys.argv[1], source=source).run(
            lambda: print("up", flush=True) or time.sleep(100))
    """
    child = start_child(code, tmp_path)
    assert hear(child) == "up"
    with pytest.raises(RecordError, match="alive"):
        delete_runs(1, runs_dir=tmp_path)
    child.kill()
    child.communicate()
    assert delete_runs(1, runs_dir=tmp_path).ids == [1]


def test_a_folder_that_may_be_about_to_start_is_left_for_half_a_minute(tmp_path):
    _, folder = claim_folder(tmp_path)
    with pytest.raises(RecordError, match="about to start"):
        delete_runs(1, runs_dir=tmp_path)
    os.utime(folder, (time.time() - 31, time.time() - 31))
    assert delete_runs(1, runs_dir=tmp_path).ids == [1]


def test_a_live_run_without_a_lock_goes_by_its_heartbeat(ended, tmp_path):
    """Of plain Sacred, or on another machine."""
    run = ended()
    document = json.loads((run.folder / "run.json").read_text())
    document["daf_nb"].pop("lock", None)
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    for seconds, alive in [(5, True), (31, False)]:
        beat = (now - datetime.timedelta(seconds=seconds)).isoformat()
        document |= {"status": "RUNNING", "heartbeat": beat}
        (run.folder / "run.json").write_text(json.dumps(document))
        if alive:
            with pytest.raises(RecordError, match="it is RUNNING"):
                delete_runs(1, runs_dir=tmp_path)
    assert delete_runs(1, runs_dir=tmp_path).ids == [1]


def test_a_number_in_the_trash_is_not_given_again(ended, tmp_path):
    for _ in "ab":
        ended()
    delete_runs([1, 2], runs_dir=tmp_path)
    assert ended().id == 3
    assert restore_runs([1, 2], runs_dir=tmp_path).ids == [1, 2]
    assert run_ids(tmp_path) == [1, 2, 3]


def test_a_number_that_was_taken_from_outside_is_not_written_over(ended, tmp_path):
    run = ended("old")
    moved = delete_runs(run.id, runs_dir=tmp_path)
    (tmp_path / "1").mkdir()
    with pytest.raises(RecordError, match="another run has the number 1 by now") as error:
        restore_runs(moved.runs, runs_dir=tmp_path)
    assert str(moved.runs[0].folder) in str(error.value)
    assert list((tmp_path / "1").iterdir()) == [] and list_trash(runs_dir=tmp_path) == [*moved.runs]
    (tmp_path / "1").rmdir()
    assert restore_runs(1, runs_dir=tmp_path).ids == [1]


def test_what_is_not_in_the_trash_cannot_be_restored(ended, tmp_path):
    moved = delete_runs(ended().id, runs_dir=tmp_path)
    restore_runs(1, runs_dir=tmp_path)
    for again in (1, moved.runs):
        with pytest.raises(RecordError, match="no run 1 in the trash"):
            restore_runs(again, runs_dir=tmp_path)


@pytest.mark.parametrize("id", ["../1", "/etc", "", "1/..", ".trash", "-1", True, "9" * 5000, "²"])
def test_what_is_no_number_names_no_folder(id, ended, tmp_path):
    ended()
    with pytest.raises(RecordError, match="is no run"):
        delete_runs([id], runs_dir=tmp_path)
    with pytest.raises(RecordError, match="is no run"):
        restore_runs([id], runs_dir=tmp_path)
    assert run_ids(tmp_path) == [1]


def test_what_others_put_into_the_trash_is_not_touched(ended, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    trash = tmp_path / "runs" / TRASH
    trash.mkdir(parents=True)
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    (trash / entry_name(5, moment)).symlink_to(elsewhere)
    (trash / entry_name(6, moment)).touch()
    (trash / "doomed-x").mkdir()
    for name in ["20269999T000000.000000Z-7", "notes", "..x", "20260102T030405.000000Z-08"]:
        (trash / name).mkdir()
    before = sorted(trash.iterdir())
    assert list_trash(runs_dir=tmp_path / "runs") == []
    assert empty_trash(older_than=0, runs_dir=tmp_path / "runs") == []
    with pytest.raises(RecordError):
        restore_runs([5, 6], runs_dir=tmp_path / "runs")
    assert sorted(trash.iterdir()) == before and (elsewhere / "precious").exists()


def test_links_lead_nothing_out_of_the_runs_folder(ended, tmp_path):
    run, elsewhere = ended(), tmp_path.with_name(f"{tmp_path.name}-elsewhere")
    elsewhere.mkdir()
    (tmp_path / "2").symlink_to(elsewhere)
    with pytest.raises(RecordError, match="is a link to another folder"):
        delete_runs(2, runs_dir=tmp_path)
    (tmp_path / TRASH).symlink_to(elsewhere)
    with pytest.raises(RecordError, match="is a link"):
        delete_runs(run.id, runs_dir=tmp_path)
    assert run.folder.is_dir() and not any(elsewhere.iterdir())
    assert trashed_runs(tmp_path) == [] and empty_trash(older_than=0, runs_dir=tmp_path) == []


def test_the_trash_is_emptied_by_age_and_only_when_asked(ended, tmp_path):
    for _ in "ab":
        ended()
    moved = delete_runs([1, 2], runs_dir=tmp_path)
    week = datetime.timedelta(days=7, seconds=1)
    old = moved.runs[0].folder
    old.rename(old.with_name(entry_name(1, moved.runs[0].deleted - week)))
    assert [run.id for run in empty_trash(older_than=7, runs_dir=tmp_path)] == [1]
    assert [run.id for run in list_trash(runs_dir=tmp_path)] == [2]
    assert [run.id for run in empty_trash(older_than=0, runs_dir=tmp_path)] == [2]
    assert list((tmp_path / TRASH).iterdir()) == []


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf"), "7"])
def test_an_age_that_is_none_is_refused(days, tmp_path):
    with pytest.raises(ConfigError, match="number of days"):
        empty_trash(older_than=days, runs_dir=tmp_path)


def test_what_was_half_removed_is_no_run_and_goes_the_next_time(ended, tmp_path):
    moved = delete_runs(ended().id, runs_dir=tmp_path)
    folder = moved.runs[0].folder
    half = folder.rename(folder.with_name(f"doomed-{folder.name}"))
    assert list_trash(runs_dir=tmp_path) == []
    assert empty_trash(older_than=0, runs_dir=tmp_path) == []
    assert not half.exists()


def test_several_may_empty_the_trash_at_once(tmp_path):
    now = datetime.datetime.now(datetime.UTC)
    for number in range(1, 61):
        folder = tmp_path / TRASH / entry_name(number, now)
        folder.mkdir(parents=True)
        for name in "abcdefgh":
            (folder / name).touch()
    barrier = threading.Barrier(4)

    def empty(_: int) -> list[int]:
        barrier.wait()
        return [run.id for run in empty_trash(older_than=0, runs_dir=tmp_path)]

    with ThreadPoolExecutor(4) as pool:
        removed = [number for ids in pool.map(empty, range(4)) for number in ids]
    assert sorted(removed) == list(range(1, 61)), "each run is told of by one of them"
    assert list((tmp_path / TRASH).iterdir()) == []


@pytest.mark.parametrize("verb", [delete_runs, restore_runs])
def test_what_is_neither_a_number_nor_several_is_refused_in_words(ended, tmp_path, verb):
    ended()
    for ids in (1.0, None):
        with pytest.raises(ConfigError, match="give a run's number or several"):
            verb(ids, runs_dir=tmp_path)
    for ids in ("001", ["001"], [None], "x"):
        with pytest.raises(RecordError, match="is no run"):
            verb(ids, runs_dir=tmp_path)
    assert run_ids(tmp_path) == [1]


def test_a_text_and_an_entry_of_the_trash_are_one_run_each(tmp_path):
    for number in (1, 2, 12):
        write_run(tmp_path, number)
    assert delete_runs("12", runs_dir=tmp_path).ids == [12]
    assert restore_runs("12", runs_dir=tmp_path).ids == [12]
    (moved,) = delete_runs(12, runs_dir=tmp_path).runs
    assert restore_runs(moved, runs_dir=tmp_path).ids == [12]
