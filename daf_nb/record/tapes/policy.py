"""Which episodes are kept as tapes: a function of the episodes alone, never of the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from daf_nb.record.tapes.rows import TapeRow, Thinning
from daf_nb.record.tapes.shelf import Shelf

__all__ = ["BLOCK", "EVALUATIONS", "EVERY", "LARGEST", "ROOM", "Extremes", "make_room", "room_of"]

EVERY = 100
"""Of every n-th episode at most so many are kept; then every second of them goes."""
EVALUATIONS = 10
"""So many evaluations, likewise."""
ROOM = 16 * 2**20
"""Bytes before compression of the tapes of either; of more, every second goes, too."""
LARGEST = ROOM // 2
"""Bytes of the largest tape that is kept, and of all of one evaluation."""
BLOCK = 4096
"""A small file takes this much of a disk."""


class _Rank(NamedTuple):
    """What episodes are compared by: a success that is known, before any that is not."""

    known: bool
    success: float
    mean_return: float


@dataclass(frozen=True)
class Extremes:
    """The best and the worst episode so far: by success, then by return; the first of equals.

    As soon as some episode's success is known, those of unknown success do not count.
    """

    best: _Rank | None = None
    worst: _Rank | None = None

    @classmethod
    def of(cls, shelf: Shelf) -> Extremes:
        """Those of the tapes that are kept."""
        rows = [None if at is None else shelf.rows[at] for at in (shelf.best, shelf.worst)]
        best, worst = (None if row is None else _rank(row.success, row.mean_return) for row in rows)
        return cls(best, worst)

    def reasons(self, success: float | None, mean_return: float) -> tuple[str, ...]:
        """What an episode would be kept as: "best", "worst", both or neither."""
        rank, best, worst = _rank(success, mean_return), self.best, self.worst
        is_best = best is None or rank > best
        is_worst = worst is None or (
            rank < worst if rank.known == worst.known else rank.known > worst.known
        )
        if not (is_best or is_worst) or mean_return != mean_return:
            return ()
        return ("best",) * is_best + ("worst",) * is_worst

    def with_one(
        self, reasons: tuple[str, ...], success: float | None, mean_return: float
    ) -> Extremes:
        """Those after an episode that is kept for these reasons."""
        rank = _rank(success, mean_return)
        return Extremes(
            rank if "best" in reasons else self.best,
            rank if "worst" in reasons else self.worst,
        )


def room_of(nbytes: int) -> int:
    """What a tape of so many bytes counts for."""
    return max(nbytes, BLOCK)


def make_room(shelf: Shelf, reason: str, rows: Sequence[TapeRow]) -> list[Thinning]:
    """What is to be thinned so that more tapes may be kept for a reason: nothing, or one thinning.

    Args:
        shelf: what is kept.
        reason: "every" or "evaluation".
        rows: one row of an episode, or all rows of an evaluation.
    """
    most = EVERY if reason == "every" else EVALUATIONS
    before = stride = shelf.strides[reason]
    new = {_count(row, reason): sum(one.room for one in rows) for row in rows}
    rooms: dict[int, int] = {}
    for row in shelf.kept_as(reason):
        count = _count(row, reason)
        rooms[count] = rooms.get(count, 0) + row.room
    while True:
        left = {count: room for count, room in rooms.items() if count % stride == 0}
        newest = new if reason == "evaluation" or next(iter(new)) % stride == 0 else {}
        if len(left | newest) <= most and sum((left | newest).values()) <= ROOM:
            break
        stride *= 2
    return [Thinning(reason, stride)] if stride != before else []


def _count(row: TapeRow, reason: str) -> int:
    count = row.count if reason == "every" else row.evaluation
    assert count is not None, "kept for this reason"
    return count


def _rank(success: float | None, mean_return: float) -> _Rank:
    return _Rank(success is not None, success or 0.0, mean_return)
