"""Tapes on disk: whole or not at all, removed late, never in the way."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from daf_nb.envs import Copies, World
from daf_nb.envs.tape import Tape
from daf_nb.record.tapes.rows import file_name
from daf_nb.record.tapes.writing import TapeFiles
from tests.worlds import Counting


@pytest.fixture(scope="module")
def tapes() -> list[Tape]:
    copies, kept = Copies(Counting, num_envs=2, seed=0, world=World(Counting)), list[Tape]()
    copies.on_tape = lambda episode, cut: kept.append(cut())
    copies.reset()
    for _ in range(40):
        copies.step({"all": np.zeros((2, 2), int)})
    return kept


def files_in(root: Path, **changes: object) -> tuple[TapeFiles, list[Exception]]:
    failures: list[Exception] = []
    given = {"kept": (), "position": 0, "failed": failures.append, **changes}
    return TapeFiles(root, **given), failures  # type: ignore[arg-type]


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def test_what_was_put_is_there_when_it_was_waited_for(tmp_path, tapes):
    files, failures = files_in(tmp_path / "tapes")
    files.put({0: tapes[0], 1: tapes[1]}, gone=(), position=2)
    files.wait(2)
    for number in (0, 1):
        content = (tmp_path / "tapes" / file_name(number)).read_bytes()
        assert content == tapes[number].to_bytes()
    assert files.close() is None
    assert failures == []


def test_what_no_checkpoint_knows_is_removed_at_once(tmp_path, tapes):
    files, _ = files_in(tmp_path)
    files.put({0: tapes[0]}, gone=(), position=1)
    files.put({1: tapes[1]}, gone=[0], position=2)
    files.put({}, gone=[1], position=3)
    files.close()
    assert names(tmp_path) == []


def test_what_a_checkpoint_knows_stays_until_two_newer_are_written(tmp_path, tapes):
    files, _ = files_in(tmp_path)
    files.put({0: tapes[0]}, gone=(), position=1)
    files.mark(1)
    files.put({1: tapes[1]}, gone=[0], position=2)
    files.wait(2)
    assert names(tmp_path) == [file_name(0), file_name(1)]
    files.checkpointed(1)
    for position in (3, 4):
        files.put({position: tapes[position]}, gone=[1] if position == 3 else (), position=position)
        files.wait(position)
        assert file_name(0) in names(tmp_path)
        files.mark(position)
        files.checkpointed(position)
    # Tape 1 came after the first checkpoint and went before the second.
    assert names(tmp_path) == [file_name(number) for number in (0, 3, 4)]
    files.put({5: tapes[5]}, gone=(), position=5)
    files.close()
    assert names(tmp_path) == [file_name(number) for number in (3, 4, 5)]


def test_what_nobody_needs_any_more_is_not_written(tmp_path, tapes):
    """However slow the disk is: what waits is never more than what is kept."""
    root = tmp_path / "tapes"
    root.write_text("a file where the folder goes")
    files, failures = files_in(root)
    for number in range(200):
        gone = [number - 1] if number else ()
        files.put({number: tapes[number % 8]}, gone=gone, position=number + 1)
    files.wait(200)
    root.unlink()
    assert files.close() is None
    assert names(root) == [file_name(199)]
    assert len(failures) == 1


def test_a_disk_that_refuses_is_told_once_and_tried_again(tmp_path, tapes):
    root = tmp_path / "tapes"
    root.write_text("a file where the folder goes")
    files, failures = files_in(root)
    for number in range(3):
        files.put({number: tapes[number]}, gone=(), position=number + 1)
    files.wait(3)
    assert len(failures) == 1
    root.unlink()
    files.put({3: tapes[3]}, gone=[1], position=4)
    assert files.close() is None
    assert names(root) == [file_name(number) for number in (0, 2, 3)]


def test_what_the_disk_refuses_to_the_end_is_told_then(tmp_path, tapes):
    root = tmp_path / "tapes"
    root.write_text("a file where the folder goes")
    files, _ = files_in(root)
    files.put({0: tapes[0]}, gone=(), position=1)
    told = files.close()
    assert told is not None
    assert told.startswith("tapes: ")


def test_the_best_before_one_that_cannot_be_written_stays(tmp_path, tapes):
    files, _ = files_in(tmp_path)
    files.put({0: tapes[0]}, gone=(), position=1)
    files.wait(1)
    (tmp_path / f".{file_name(1)}.tmp").mkdir()
    files.put({1: tapes[1]}, gone=[0], position=2)
    assert files.close() is not None
    assert file_name(0) in names(tmp_path)


def test_no_link_is_followed(tmp_path, tapes):
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "tapes"
    elsewhere.mkdir()
    root.symlink_to(elsewhere)
    files, failures = files_in(root)
    files.put({0: tapes[0]}, gone=(), position=1)
    assert "link" in str(files.close())
    assert names(elsewhere) == []
    assert len(failures) == 1


def test_a_run_that_goes_on_removes_what_it_will_write_again(tmp_path):
    for name in (file_name(0), file_name(7), f".{file_name(9)}.tmp", "notes.txt", "1.tape"):
        (tmp_path / name).touch()
    files_in(tmp_path, kept=[0], position=1)
    assert names(tmp_path) == [file_name(0), "1.tape", "notes.txt"]


def exit_at_call(number: int) -> None:
    """Ends this process, without a farewell, at the n-th call into C of a thread that it starts.

    What the main thread does meanwhile is to wait, as often as it happens to.
    """
    import threading

    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "c_call"
        if calls == number:
            os._exit(1)

    threading.setprofile(count)


@pytest.mark.slow
def test_wherever_its_writer_dies_every_tape_is_whole(tmp_path, tapes):
    contents = {file_name(number): tape.to_bytes() for number, tape in enumerate(tapes[:3])}
    number, code, torn, there = 0, 1, 0, list[str]()
    for number in range(1, 4000, 2):
        root = tmp_path / "tapes"
        shutil.rmtree(root, ignore_errors=True)
        child = os.fork()
        if child == 0:
            files, _ = files_in(root)
            exit_at_call(number)
            files.put({0: tapes[0]}, gone=(), position=1)
            files.put({1: tapes[1], 2: tapes[2]}, gone=[0], position=2)
            files.close()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        there = [name for name in names(root) if not name.startswith(".")]
        torn += len(there) < len(names(root))
        assert all((root / name).read_bytes() == contents[name] for name in there)
        files_in(root, kept=[1, 2], position=2)
        assert all(name in contents for name in names(root))
        if code == 0:
            break
    assert code == 0, "the sweep ended before the writer did"
    assert there == [file_name(1), file_name(2)]
    assert number > 150
    assert torn > 2
