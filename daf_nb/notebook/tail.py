"""A log of a run's record, followed while another process writes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from daf_nb.record.files import TEARS, open_regular
from daf_nb.record.plain import loads

__all__ = ["Tail"]

Row = TypeVar("Row")
_MOST = 2**26
"""Bytes that are read at once; a line that is longer is none."""


class Tail(Generic[Row]):
    """The rows of a file of one JSON value a line, as they come.

    Args:
        path: the log; it may not be there yet.
        parse: turns one JSON value into a row; one of `TEARS` from it ends the log there.

    Attributes:
        torn: a line cannot be read, and nothing behind it is.
    """

    def __init__(self, path: Path, parse: Callable[[Any], Row]) -> None:
        self._path, self._parse = path, parse
        self._offset = 0
        self.torn = False

    def read(self) -> list[Row]:
        """The rows that came since; none where the file cannot be read."""
        rows: list[Row] = []
        while lines := self._lines():
            for line in lines:
                try:
                    rows.append(self._parse(loads(line)))
                except TEARS:
                    self.torn = True
                    return rows
        return rows

    def _lines(self) -> list[bytes]:
        """Some whole lines behind what was read; the writer may be in the middle of its last."""
        if self.torn:
            return []
        try:
            if self._path.lstat().st_size <= self._offset:
                return []
            with open_regular(self._path) as file:
                file.seek(self._offset, os.SEEK_SET)
                data = file.read(_MOST) or b""
        except OSError:
            return []
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        self.torn = not whole and len(data) == _MOST
        return data[:whole].split(b"\n")[:-1]
