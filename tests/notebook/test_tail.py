"""A log that is followed while it is written."""

from __future__ import annotations

from pathlib import Path

from daf_nb.notebook.tail import Tail


def number(row: dict[str, int]) -> int:
    return row["n"]


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_rows_come_once_and_only_when_their_line_is_whole(tmp_path):
    path = tmp_path / "log.jsonl"
    tail = Tail(path, number)
    assert tail.read() == []
    add(path, '{"n": 1}\n{"n": 2}\n{"n"')
    assert tail.read() == [1, 2]
    assert tail.read() == []
    add(path, ": 3}\n")
    assert tail.read() == [3]
    assert not tail.torn


def test_nothing_is_read_behind_a_line_that_makes_no_sense(tmp_path):
    path = tmp_path / "log.jsonl"
    tail = Tail(path, number)
    add(path, '{"n": 1}\n{"m": 2}\n{"n": 3}\n')
    assert tail.read() == [1]
    add(path, '{"n": 4}\n')
    assert (tail.read(), tail.torn) == ([], True)


def test_a_folder_is_no_log(tmp_path):
    assert Tail(tmp_path, number).read() == []
