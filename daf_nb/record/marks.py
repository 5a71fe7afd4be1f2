"""What checkpoints and the end of a run know of its record: how much there is, and is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from daf_nb.record.door import MetricDoor
from daf_nb.record.series import EVENTS, JOURNAL, METRICS, TAPES
from daf_nb.record.store import RunStore

__all__ = ["Companion", "Marks"]

WAITING = 0.02  # seconds between two looks whether metrics have come
ARRIVING = 1.5  # seconds that they get where a run is given up; they come every second


class Companion(Protocol):
    """Files beside a log, which its rows tell of, written by somebody else's thread."""

    def mark(self, position: int) -> object:
        """A checkpoint may be written that knows so many rows of the log."""

    def checkpointed(self, position: int) -> object:
        """One was written."""

    def wait(self, position: int) -> object:
        """Until the files of so many rows are there, or refused by the disk."""

    def close(self) -> str | None:
        """Waits for all; what is missing then, or None."""


class Marks:
    """Counts what was logged, and waits until it is on the disk.

    Args:
        store: of the logs.
        door: of the metrics.
        before: metric values of earlier parts of the run.
    """

    def __init__(self, store: RunStore, door: MetricDoor, *, before: int = 0) -> None:
        self._store, self._door, self._before = store, door, before
        self._companions: dict[str, Companion] = {}
        self._before_end: list[Callable[[], str | None]] = []

    def accompany(self, companion: Companion, *, log: str) -> None:
        """Has checkpoints and the end of the run wait for the files of a log, too."""
        self._companions[log] = companion

    def before_end(self, wait: Callable[[], str | None]) -> None:
        """Has the end of the run wait for something.

        Args:
            wait: called when all metrics have come; what is missing then, or None.
        """
        self._before_end.append(wait)

    def mark(self) -> dict[str, int]:
        """How much was logged so far: log -> rows, of metrics values; what comes now is apart."""
        given = self._door.mark()
        counts = {name: self._store.queued(name) for name in (EVENTS, JOURNAL, TAPES)}
        for log, companion in self._companions.items():
            companion.mark(counts[log])
        return {METRICS: self._before + given, **counts}

    def wait_written(self, positions: Mapping[str, int]) -> None:
        """Waits until what was logged before a mark is on the disk. Not in the training thread.

        Raises:
            OSError: the disk refuses it, or the run has ended without.
        """
        for log, companion in self._companions.items():
            companion.wait(positions[log])
        wanted = positions[METRICS] - self._before
        while self._door.received < wanted and not self._store.closed:
            time.sleep(WAITING)
        self._store.flush()
        if self._store.trouble is not None or self._door.received < wanted:
            raise OSError(self._store.trouble or "the run has ended")
        self._store.sync()

    def checkpointed(self, positions: Mapping[str, int]) -> None:
        """Says that a checkpoint is on the disk which knows of what `mark` gave."""
        for log, companion in self._companions.items():
            companion.checkpointed(positions[log])

    def logged(self, log: str) -> int:
        """How many rows a log has, or will have."""
        return self._store.queued(log)

    def give_up(self) -> str | None:
        """Waits a moment for metrics; what is missing then, or None."""
        deadline = time.monotonic() + ARRIVING
        while self._door.received < self._door.given and time.monotonic() < deadline:
            time.sleep(WAITING)
        lost = self._door.given - self._door.received
        return f"metrics: {lost} value(s) never arrived" if lost > 0 else None

    def end(self) -> str | None:
        """Waits for whatever the end of the run is to wait for; what is missing then, or None."""
        missing = [wait() for wait in self._before_end]
        missing += [companion.close() for companion in self._companions.values()]
        return "; ".join(what for what in missing if what) or None
