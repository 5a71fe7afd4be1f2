"""The files of one run, read so that every error and warning names the run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from daf_nb.errors import DafWarning, RecordError
from daf_nb.record.files import Tear, read_json, read_lines, read_regular
from daf_nb.record.reading.metrics import Metrics, read_metrics, sacred_blocks
from daf_nb.record.series import METRICS
from daf_nb.record.status import LIVE, true_status

__all__ = ["Contents"]

Read = TypeVar("Read")
TO_USER = 4  # frames from a warning to who asked the record


@dataclass(frozen=True)
class Contents:
    """What is in a run's folder. Every method raises `RecordError` where a file is broken.

    Attributes:
        id: the run's number.
        folder: where its files are.
    """

    id: int
    folder: Path

    def status(self) -> str:
        """The run's status, and whether its writer lives."""
        return true_status(self.folder, self.mapping("run.json"))

    def mapping(self, name: str, *, optional: bool = False) -> dict[str, Any]:
        """A JSON file that holds one mapping; an optional one may be missing, and is empty then."""
        value = self._read(name, read_json, {} if optional else None)
        if not isinstance(value, dict):
            raise RecordError(f"Run {self.id} is broken: {name} holds no mapping.")
        return value

    def text(self, name: str, *, optional: bool = False) -> str:
        """A file of text; what is no UTF-8 is replaced."""
        data = self._read(name, read_regular, b"" if optional else None)
        return data.decode("utf-8", "replace")

    def lines(self, name: str, parse: Callable[[Any], Read]) -> list[Read]:
        """The rows of a log up to its tear, of which a `DafWarning` tells."""
        rows: list[Read] = []

        def read(path: Path) -> Tear | None:
            try:
                for row in read_lines(path, parse):
                    rows.append(row)
            except Tear as tear:
                return tear
            return None

        self._tell(self._read(name, read))
        return rows

    def metrics(self) -> Metrics:
        """All metrics, of a run of plain Sacred too; a tear is told of as in `lines`."""
        document = self.folder / "metrics.json"
        if os.path.lexists(self.folder / METRICS) or not os.path.lexists(document):
            metrics, tear = self._read(METRICS, read_metrics)
            self._tell(tear)
            return metrics
        blocks, left_out = sacred_blocks(self.mapping("metrics.json"))
        if left_out:
            said = f"Run {self.id}: metrics.json holds no series of numbers as {left_out[:5]}."
            warnings.warn(said, DafWarning, stacklevel=TO_USER - 1)
        return Metrics(blocks)

    def _read(self, name: str, read: Callable[[Path], Read], missing: Read | None = None) -> Read:
        path = self.folder / name
        try:
            return read(path)
        except FileNotFoundError as error:
            if missing is None:
                raise self._broken(name, error) from error
            return missing
        except (OSError, ValueError) as error:
            raise self._broken(name, error) from error

    def _broken(self, name: str, error: Exception) -> RecordError:
        return RecordError(f"Run {self.id} is broken: {name} cannot be read: {error}.")

    def _tell(self, tear: Tear | None) -> None:
        # The writer of a live run may be in the middle of its last line.
        if tear is not None and not (tear.unfinished and self._lives()):
            warnings.warn(f"Run {self.id}: {tear}.", DafWarning, stacklevel=TO_USER)

    def _lives(self) -> bool:
        try:
            return self.status() in LIVE
        except RecordError:
            return False
