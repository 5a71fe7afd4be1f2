"""The messages that wait for an observer: merged where that tells the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from daf_nb.record.observers.messages import Message, Series

__all__ = ["ENDS", "Backlog"]

ENDS = ("completed_event", "interrupted_event", "failed_event")
MOST_AT_ONCE = 20_000  # metric values in one call


class Backlog:
    """A queue in which neighbouring metric values are one message, and only the last beat counts.

    Not safe for several threads: its owner holds a lock.
    """

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._beat: Message | None = None

    def __bool__(self) -> bool:
        return bool(self._waiting) or self._beat is not None

    @property
    def pieces(self) -> int:
        """Events and metric values."""
        return sum(message.pieces for message in self._waiting)

    @property
    def urgent(self) -> bool:
        """Whether an event waits: there is nothing that it could be merged with."""
        return bool(self._waiting) and not (
            len(self._waiting) == 1 and isinstance(self._waiting[0], Series)
        )

    def put(self, message: Message) -> None:
        """Adds a message; a heartbeat takes the place of one that waits."""
        if message.method == "heartbeat_event":
            self._beat = message
        else:
            self._waiting.append(message)

    def put_series(
        self, name: str, *, steps: Sequence[int], values: Sequence[float], times: Sequence[Any]
    ) -> None:
        """Adds values of a metric.

        Raises:
            TypeError, OverflowError: a step or a value is no such number.
        """
        series = self._waiting[-1] if self._waiting else None
        if not isinstance(series, Series):
            series = Series()
            series.add(name, steps=steps, values=values, times=times)
            self._waiting.append(series)
        else:
            series.add(name, steps=steps, values=values, times=times)

    def take(self) -> Message | None:
        """What comes first. A heartbeat comes last, but before the end of the run."""
        first = self._waiting[0] if self._waiting else None
        if first is None or (first.method in ENDS and self._beat is not None):
            first, self._beat = self._beat, None
            return first
        if isinstance(first, Series):
            part = first.cut(MOST_AT_ONCE)
            if not first.pieces:
                self._waiting.popleft()
            return part
        return self._waiting.popleft()
