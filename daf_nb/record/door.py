"""The way of a run's metrics to Sacred: open while its main function runs, and counted."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daf_nb.record.sacred_api import SacredRun

__all__ = ["MetricDoor"]


class MetricDoor:
    """Hands metrics to a Sacred run, from any thread, between `open` and `close`.

    What is let in is with Sacred before its heartbeat is told to stop, so that it arrives.

    Attributes:
        count: how many values Sacred was given; after `close` it does not change any more.
    """

    def __init__(self) -> None:
        self.count = 0
        self._run: SacredRun | None = None
        self._passing = threading.Lock()

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
                self.count += 1
            return True
