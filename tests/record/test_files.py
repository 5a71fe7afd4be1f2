import os
import sys
from pathlib import Path

import pytest

from daf_nb.record.files import (
    Tear,
    append,
    read_batches,
    read_json,
    read_lines,
    read_regular,
    write_atomic,
)
from daf_nb.record.plain import json_bytes

LINES = b'{"n": 0}\n{"n": 1}\n{"n": 2}\n'


def exit_at_call(number: int) -> None:
    """Ends this process, without a farewell, at its n-th call into C."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "c_call"
        if calls == number:
            os._exit(1)

    sys.setprofile(count)


def test_a_file_is_whole_old_or_new_wherever_its_writer_dies(tmp_path):
    path = tmp_path / "run.json"
    old, new = {"status": "RUNNING"}, {"status": "COMPLETED", "more": "x" * 100}
    seen, code = [], 1
    for number in range(1, 200):
        path.write_bytes(json_bytes(old))
        child = os.fork()
        if child == 0:
            exit_at_call(number)
            write_atomic(path, json_bytes(new))
            os._exit(0)
        _, code = os.waitpid(child, 0)
        seen.append(read_json(path))
        if code == 0:
            break
    assert code == 0, "the sweep ended before the writer did"
    assert len(seen) > 10
    assert seen[0] == old
    assert seen[-1] == new
    assert all(content in (old, new) for content in seen)


def test_a_refused_write_leaves_the_old_file_and_no_litter(tmp_path):
    folder = tmp_path / "run.json"
    folder.mkdir()
    (folder / "kept").touch()
    with pytest.raises(OSError, match="directory"):
        write_atomic(folder, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]
    assert (folder / "kept").exists()


@pytest.mark.parametrize("name", [".run.json.tmp", "run.json", "metrics.jsonl"])
def test_nothing_is_written_through_a_link(tmp_path, name):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / name).symlink_to(victim)
    if name.endswith("jsonl"):
        with pytest.raises(OSError, match="symbolic"):
            append(tmp_path / name, bytearray(b"row"))
    elif name.startswith("."):
        with pytest.raises(OSError, match="symbolic"):
            write_atomic(tmp_path / "run.json", b"{}")
    else:  # the link itself is replaced
        write_atomic(tmp_path / name, b"{}")
        assert (tmp_path / name).read_bytes() == b"{}"
        assert not (tmp_path / name).is_symlink()
    assert victim.read_bytes() == b"precious"


def test_appending_takes_from_the_buffer_what_the_disk_took(tmp_path):
    buffer = bytearray(b"one\n")
    append(tmp_path / "log", buffer)
    buffer += b"two\n"
    append(tmp_path / "log", buffer)
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"
    assert buffer == b""
    buffer += b"three\n"
    with pytest.raises(OSError, match="absent"):
        append(tmp_path / "absent" / "log", buffer)
    assert buffer == b"three\n"


@pytest.mark.parametrize("cut", range(len(LINES) + 1))
def test_a_log_cut_anywhere_is_read_up_to_the_cut(tmp_path, cut):
    path = tmp_path / "log"
    path.write_bytes(LINES[:cut])
    whole = LINES[:cut].count(b"\n")
    rows, tear = [], None
    try:
        for row in read_lines(path, lambda value: value["n"]):
            rows.append(row)
    except Tear as error:
        tear = error
    assert rows == [0, 1, 2][:whole]
    left = cut - len(b"".join(LINES.splitlines(keepends=True)[:whole]))
    assert (tear.unread if tear else 0) == left
    assert tear is None or (tear.unfinished and tear.line == whole + 1)


@pytest.mark.parametrize("bad", [b"{", b"\xff", b"[]", b'{"m": 1}', b"null", b""])
def test_a_log_broken_in_the_middle_is_read_up_to_the_break(tmp_path, bad):
    path = tmp_path / "log"
    path.write_bytes(b'{"n": 0}\n' + bad + b'\n{"n": 2}\n')
    rows = read_lines(path, lambda value: value["n"])
    assert next(rows) == 0
    with pytest.raises(Tear, match="line 2") as caught:
        next(rows)
    assert not caught.value.unfinished


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(OSError, match="ordinary"):
        read_regular(tmp_path / "run.json")


@pytest.mark.parametrize("behind", ["file", "folder", "nothing"])
def test_a_link_is_refused_whatever_is_behind_it(tmp_path, behind):
    (tmp_path / "file").write_bytes(b'{"secret": 1}\n')
    (tmp_path / "folder").mkdir()
    path = tmp_path / "log"
    path.symlink_to(tmp_path / behind)
    for read in (
        lambda: read_regular(path),
        lambda: read_json(path),
        lambda: [*read_lines(path, dict)],
        lambda: read_batches(path, dict, take_all=lambda rows: True),
    ):
        with pytest.raises(OSError, match="log is a link; it is not followed"):
            read()


def test_a_folder_is_no_ordinary_file_and_no_handle_is_left_open(tmp_path):
    before = len([*Path("/dev/fd").iterdir()])
    for _ in range(5):
        with pytest.raises(OSError, match="ordinary"):
            read_regular(tmp_path)
    assert len([*Path("/dev/fd").iterdir()]) == before
