"""The way of a run's metrics to Sacred and on to its folder: counted, and marked at checkpoints."""

from __future__ import annotations

import datetime
import threading
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daf_nb.record.sacred_api import SacredRun

__all__ = ["MetricDoor"]


class MetricDoor:
    """Hands metrics to a Sacred run, from any thread, between `open` and `close`.

    What is let in is with Sacred before its heartbeat is told to stop, so that it arrives.

    Attributes:
        given: values that Sacred was given; after `close` it does not change any more.
        received: values that Sacred has handed on to the run's folder.
    """

    def __init__(self) -> None:
        self.given = self.received = 0
        self._run: SacredRun | None = None
        self._passing = threading.Lock()
        self._marks: list[datetime.datetime] = []

    def open(self, run: SacredRun) -> None:
        """From now on metrics go to this run."""
        self._run = run

    def close(self) -> None:
        """No metric goes in any more; returns when none is on its way."""
        with self._passing:
            self._run = None

    def pass_on(self, numbers: Iterable[tuple[str, float]], step: int) -> bool:
        """Gives Sacred the metrics of one step; False where it takes none, not yet or not now."""
        with self._passing:
            if self._run is None:
                return False
            for name, number in numbers:
                self._run.log_scalar(name, number, step)
                self.given += 1
            return True

    def mark(self) -> int:
        """What is given from now on goes to rows of its own; how much was given before."""
        with self._passing:
            self._marks.append(_utc())
            return self.given

    def stretch(self, moment: datetime.datetime) -> int:
        """Between which marks a value was given at this moment."""
        return bisect_left(self._marks, moment)


def _utc() -> datetime.datetime:
    """As Sacred tells the time of a metric."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
