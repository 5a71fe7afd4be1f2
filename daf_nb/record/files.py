"""Bytes on disk that survive a kill: files replaced whole, logs appended, both read warily."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar

from daf_nb.record.plain import loads, loads_lines

__all__ = [
    "TEARS",
    "Tear",
    "append",
    "open_regular",
    "own_files",
    "read_batches",
    "read_json",
    "read_lines",
    "read_regular",
    "sync",
    "sync_folder",
    "write_atomic",
]

Row = TypeVar("Row")
TEARS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)  # no system has all of them
LARGEST, LARGEST_JSON = 2**31, 2**27
"""Bytes of a file, and of one JSON document, that are read: a stranger's may have any size."""
BATCH = 2**15  # bytes; so few values at once that they seldom set off Python's garbage collector


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces a file whole: its readers see the old or the new bytes, after any kill too.

    Raises:
        OSError: nothing was replaced; the old file is intact.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb", opener=_own) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def append(path: Path, data: bytearray) -> None:
    """Appends `data` to a file and removes from `data` what the disk took.

    Raises:
        OSError: the disk took no more; what it did not take is still in `data`, to be tried again.
    """
    with open(path, "ab", buffering=0, opener=_own) as file:
        while data:
            taken = file.write(data)
            del data[:taken]


def _own(path: str, flags: int) -> int:
    """Opens a file to be written; never through a link, which could lead to any other."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def sync(path: Path) -> None:
    """Waits until a file is on the disk itself; a missing one is nothing to wait for."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        os.fsync(file.fileno())


def open_regular(path: Path) -> FileIO:
    """An ordinary file, open to be read.

    A pipe or a device, which could block for ever, is refused; so is a link, which could show any
    file of the reader's machine. The folders above may be links.

    Raises:
        OSError: it is missing, unreadable, a link, or no ordinary file.
    """
    refused = f"{path.name} is a link; it is not followed"
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():
        raise OSError(refused)
    try:
        handle = os.open(path, _FLAGS)
    except OSError as error:
        if path.is_symlink():
            raise OSError(refused) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path.name} is not an ordinary file")
    return FileIO(handle)


def read_regular(path: Path, *, most: int = LARGEST) -> bytes:
    """The bytes of an ordinary file.

    Raises:
        OSError: as `open_regular`; or it has more than `most` bytes.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(f"{path.name} has {size:,} bytes, more than the {most:,} that are read")
        return file.readall()


def own_files(folder: Path) -> list[Path]:
    """The ordinary files in a folder of a record, by name.

    Links are left out; a folder that is one itself, is missing or cannot be listed has none.
    """
    if folder.is_symlink():
        return []
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def read_json(path: Path) -> Any:
    """Parses a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not JSON.
    """
    return loads(read_regular(path, most=LARGEST_JSON))


class Tear(ValueError):
    """A log that stops making sense.

    Attributes:
        line: number of the first line that could not be read, from 1.
        unread: bytes from there to the end.
        unfinished: it is only the last line, and it has no end yet (its writer may be writing it).
    """

    def __init__(self, *, name: str, line: int, unread: int, unfinished: bool) -> None:
        self.line, self.unread, self.unfinished = line, unread, unfinished
        super().__init__(
            f"{name} is torn at line {line}: {unread} byte(s) from there on were not read"
        )


def read_lines(path: Path, parse: Callable[[Any], Row]) -> Iterator[Row]:
    """Parses a file of one JSON value a line, up to its first tear. A missing one has no lines.

    Args:
        path: the log.
        parse: turns one JSON value into a row. One of `TEARS` from it is a tear.

    Raises:
        Tear: after the last good row, if there is more that cannot be read.
    """
    try:
        data = read_regular(path)
    except FileNotFoundError:
        return
    yield from _parsed(path.name, data, parse, start=0, stop=len(data), line=0)


def read_batches(
    path: Path, take: Callable[[Any], object], *, take_all: Callable[[list[Any]], bool]
) -> None:
    """Reads what `read_lines` reads, faster: many lines are parsed in one go.

    Args:
        path: the log.
        take: gets one JSON value; what it raises is a tear, as with `parse` of `read_lines`.
        take_all: gets the JSON values of many lines; False where they have to be given to `take`
            one by one. Integers beyond 64 bits are rounded.

    Raises:
        Tear: as `read_lines`.
    """
    try:
        data = read_regular(path)
    except FileNotFoundError:
        return
    start = line = 0
    while start < len(data):
        stop = data.rfind(b"\n", start, start + BATCH) + 1 or data.find(b"\n", start) + 1
        values = loads_lines(data[start:stop]) if stop else None
        stop = stop or len(data)
        if values is not None and take_all(values):
            line += len(values)
        else:
            for _ in _parsed(path.name, data, take, start=start, stop=stop, line=line):
                line += 1
        start = stop


def _parsed(
    name: str, data: bytes, parse: Callable[[Any], Row], *, start: int, stop: int, line: int
) -> Iterator[Row]:
    """The rows of the lines in `data[start:stop]`, after `line` others."""
    while start < stop:
        line += 1
        end = data.find(b"\n", start)
        try:
            if end < 0:
                raise ValueError("no end of line")
            row = parse(loads(data[start:end]))
        except TEARS:
            unread = len(data) - start
            raise Tear(name=name, line=line, unread=unread, unfinished=end < 0) from None
        yield row
        start = end + 1


def sync_folder(folder: Path) -> None:
    """Waits until what a folder lists is on the disk itself, where the system can do that."""
    # Some systems cannot open or sync a folder; the file itself is complete by then.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
