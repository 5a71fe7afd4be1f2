"""The tapes that a run has kept so far, and why each of them is still kept."""

from __future__ import annotations

from collections.abc import Iterable

from daf_nb.record.tapes.rows import REASONS, TapeRow, Thinning

__all__ = ["Shelf"]


class Shelf:
    """What comes of the rows of `tapes.jsonl`, in their order.

    A newer best takes the place of the one before, and so does a newer worst. Of every n-th
    episode, and of evaluations, only every n-th is left after a thinning, and the newest
    evaluation.

    Attributes:
        rows: episode -> its row, of the tapes that are still kept.
        strides: "every" and "evaluation" -> what their counts are multiples of.
        best: the best episode's number; None before there is one.
        worst: the worst's.
        newest: the newest evaluation; -1 before there is one.
    """

    def __init__(self, rows: Iterable[TapeRow | Thinning] = ()) -> None:
        self.rows: dict[int, TapeRow] = {}
        self.strides = {"every": 1, "evaluation": 1}
        self.best: int | None = None
        self.worst: int | None = None
        self.newest = -1
        self.add(rows)

    def add(self, rows: Iterable[TapeRow | Thinning]) -> list[int]:
        """Takes rows in; the tapes that nothing speaks for any more."""
        doubtful: set[int | None] = set()
        for row in rows:
            if isinstance(row, Thinning):
                self.strides[row.thinned] = row.stride
                doubtful.update(self.rows)
                continue
            self.rows[row.episode] = row
            doubtful.add(row.episode)
            if "best" in row.kept:
                doubtful.add(self.best)
                self.best = row.episode
            if "worst" in row.kept:
                doubtful.add(self.worst)
                self.worst = row.episode
            if row.evaluation is not None and row.evaluation > self.newest:
                doubtful.update(at for at, r in self.rows.items() if r.evaluation == self.newest)
                self.newest = row.evaluation
        gone = [at for at in doubtful if at in self.rows and not self.reasons(at)]
        for episode in gone:
            del self.rows[episode]
        return sorted(gone)

    def reasons(self, episode: int) -> list[str]:
        """Why a tape of `rows` is kept; nothing where it is not."""
        row = self.rows[episode]
        speaks = {
            "best": episode == self.best,
            "worst": episode == self.worst,
            "every": row.count is not None and row.count % self.strides["every"] == 0,
            "evaluation": row.evaluation is not None
            and (row.evaluation % self.strides["evaluation"] == 0 or row.evaluation == self.newest),
        }
        return [reason for reason in REASONS if speaks[reason] and reason in row.kept]

    def kept_as(self, reason: str) -> list[TapeRow]:
        """The rows of the tapes that are kept for a reason, among others."""
        return [
            row
            for episode, row in self.rows.items()
            if reason in row.kept and reason in self.reasons(episode)
        ]
