"""A file of lines: rotated, shared, and never the cause of an exception."""

from __future__ import annotations

import json
import os
import re
import threading

import pytest

from daf_nb.logs import get_logger, setup_logging
from tests.logs.reading import lines_of, names_in
from tests.record.children import run_child, start_child


def every_line(folder):
    """The lines of a file and its backups, oldest first."""
    names = sorted(folder.glob("log*"), key=lambda path: -int(path.suffix[1:] or 0))
    return [line for path in names for line in lines_of(path)]


def test_a_full_file_becomes_the_first_backup_and_the_oldest_goes(tmp_path):
    setup_logging("INFO", tmp_path / "log", console_output=False, max_bytes=1024, backups=2)
    for number in range(40):
        get_logger("x").info("m", n=number)
    assert names_in(tmp_path) == ["log", "log.1", "log.2"]
    assert all((tmp_path / name).stat().st_size <= 1024 for name in names_in(tmp_path))
    kept = [line["fields"]["n"] for line in every_line(tmp_path)]
    assert kept == list(range(kept[0], 40))
    assert 10 <= len(kept) < 40


def test_a_line_longer_than_the_file_stays_whole(tmp_path):
    setup_logging("INFO", tmp_path / "log", console_output=False, max_bytes=1024, backups=2)
    for mark in "abc":
        get_logger("x").info(mark * 5000)
    assert [line["message"] for line in every_line(tmp_path)] == [mark * 5000 for mark in "abc"]


def test_lines_go_on_after_those_of_an_earlier_process_and_after_a_torn_one(tmp_path):
    (tmp_path / "log").write_bytes(b'{"whole": 1}\n{"to')
    setup_logging("INFO", tmp_path / "log", console_output=False)
    get_logger("x").info("m")
    first, torn, mine = (tmp_path / "log").read_text().splitlines()
    assert (first, torn, json.loads(mine)["message"]) == ('{"whole": 1}', '{"to', "m")


def test_a_file_that_is_taken_away_is_made_anew(tmp_path):
    setup_logging("INFO", tmp_path / "log", console_output=False)
    get_logger("x").info("one")
    (tmp_path / "log").rename(tmp_path / "gone")
    get_logger("x").info("two")
    assert [line["message"] for line in lines_of(tmp_path / "log")] == ["two"]


def test_threads_and_processes_write_and_rotate_one_file_without_losing_a_line(tmp_path):
    code = """
        import sys, threading
        from daf_nb.logs import get_logger, setup_logging
        setup_logging("INFO", sys.argv[1], console_output=False, max_bytes=20_000, backups=200)
        def speak(thread):
            for number in range(300):
                get_logger("x").info("m", who=[int(sys.argv[2]), thread, number])
        threads = [threading.Thread(target=speak, args=(thread,)) for thread in range(2)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    """
    children = [start_child(code, tmp_path / "log", child) for child in range(3)]
    assert [child.communicate(timeout=120)[1] for child in children] == ["", "", ""]
    said = [tuple(line["fields"]["who"]) for line in every_line(tmp_path)]
    assert sorted(said) == [(c, t, n) for c in range(3) for t in range(2) for n in range(300)]
    assert len(names_in(tmp_path)) > 5


def test_a_forked_child_rotates_with_its_parent_and_not_against_it(tmp_path):
    code = """
        import os, pathlib, sys
        from daf_nb.logs import get_logger, setup_logging
        for round in range(60):
            path = pathlib.Path(sys.argv[1], str(round), "log")
            path.parent.mkdir()
            setup_logging("INFO", path, console_output=False, max_bytes=1024, backups=1)
            get_logger("x").info("before" * 130)
            child = os.fork()
            get_logger("x").info("after")  # two processes find the file full at once
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
    """
    run_child(code, tmp_path)
    for number in range(60):
        said = [line["message"] for line in every_line(tmp_path / str(number))]
        assert said == ["before" * 130, "after", "after"]


def test_a_file_that_cannot_be_rotated_grows_and_says_so_once(tmp_path, capsys):
    (tmp_path / "log.1" / "in the way").mkdir(parents=True)
    setup_logging("INFO", tmp_path / "log", console_output=False, max_bytes=1024, backups=1)
    for number in range(40):
        get_logger("x").info("m", n=number)
    assert [line["fields"]["n"] for line in lines_of(tmp_path / "log")] == list(range(40))
    assert capsys.readouterr().err.count("cannot be rotated") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")  # noqa: PTH110
def test_a_full_disk_drops_lines_and_says_so_once(capsys):
    setup_logging("INFO", "/dev/full", console_output=False)
    for _ in range(5):
        get_logger("x").info("m")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "No space left" in said


def test_what_a_full_disk_took_is_told_as_soon_as_there_is_room(tmp_path):
    code = """
        import resource, signal, sys
        from daf_nb.logs import get_logger, setup_logging
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        setup_logging("INFO", sys.argv[1], console_output=False)
        say = get_logger("x").info
        say("first")
        resource.setrlimit(resource.RLIMIT_FSIZE, (250, resource.RLIM_INFINITY))
        for number in range(4):
            say("lost", n=number)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        say("last")
    """
    _, complaints = run_child(code, tmp_path / "log")
    assert len(re.findall("dropped until", complaints)) == 1
    first, torn, gap, last = (tmp_path / "log").read_text().splitlines()
    with pytest.raises(json.JSONDecodeError):
        json.loads(torn)
    assert [json.loads(line)["message"] for line in (first, gap, last)] == [
        "first",
        "4 lines could not be written here",
        "last",
    ]


def test_many_threads_of_one_process_mix_no_lines(tmp_path):
    setup_logging("INFO", tmp_path / "log", console_output=False, max_bytes=10_000, backups=100)

    def speak() -> None:
        for _ in range(100):
            get_logger("x").info("m" * 100)

    threads = [threading.Thread(target=speak) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line["message"] for line in every_line(tmp_path)] == ["m" * 100] * 800
