"""The rows of `tapes.jsonl`: a tape that is kept and why, or that fewer are kept from now on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daf_nb.envs import Episode

__all__ = ["REASONS", "TapeRow", "Thinning", "file_name", "parse_tape", "taped"]

REASONS = ("best", "worst", "every", "evaluation")
_MOST = 10**9


@dataclass(frozen=True)
class TapeRow:
    """A tape that was kept.

    Attributes:
        episode: its number among the run's tapes, from 0 in order of keeping.
        kept: why, when it came.
        step: agent-steps trained when the episode ended, or that evaluated policies had.
        copy, number, seed, task, length, mean_return: the episode's.
        success: the episode's; None where that is not defined.
        count: the episode's place in the training, from 0; None in an evaluation.
        evaluation: which evaluation it belongs to, from 0; None in training.
        room: bytes that it counts for.
    """

    episode: int
    kept: tuple[str, ...]
    step: int
    copy: int
    number: int
    seed: int
    task: str
    length: int
    mean_return: float
    success: float | None
    count: int | None
    evaluation: int | None
    room: int

    def to_plain(self) -> dict[str, Any]:
        """As a line of the log."""
        return asdict(self)


@dataclass(frozen=True)
class Thinning:
    """From now on only every n-th of a kind is kept, of those that there are too.

    Attributes:
        thinned: "every" or "evaluation".
        stride: episodes from one to the next, or evaluations.
    """

    thinned: str
    stride: int

    def to_plain(self) -> dict[str, Any]:
        """As a line of the log."""
        return asdict(self)


def taped(played: Episode, **told: Any) -> TapeRow:
    """The row of an episode.

    Args:
        played: what has ended.
        **told: the other attributes of the row.
    """
    return TapeRow(
        copy=played.copy,
        number=played.number,
        seed=played.seed,
        task=played.task,
        length=played.length,
        mean_return=played.mean_return,
        **told,
    )


def parse_tape(row: Any) -> TapeRow | Thinning:
    """One line of the log.

    Raises:
        LookupError, TypeError, ValueError: it is no such line.
    """
    if "thinned" in row:
        if row["thinned"] not in REASONS[2:]:
            raise ValueError("what is thinned is unknown")
        return Thinning(row["thinned"], max(1, _count(row["stride"])))
    kept = tuple(reason for reason in REASONS if reason in row["kept"])
    if not kept:
        raise ValueError("it is not told why it is kept")
    return TapeRow(
        episode=_count(row["episode"], most=_MOST),
        kept=kept,
        step=_count(row["step"]),
        copy=_count(row["copy"]),
        number=_count(row["number"]),
        seed=_count(row["seed"]),
        task=str(row["task"]),
        length=_count(row["length"]),
        mean_return=float(row["mean_return"]),
        success=None if row["success"] is None else float(row["success"]),
        count=None if row["count"] is None else _count(row["count"]),
        evaluation=None if row["evaluation"] is None else _count(row["evaluation"]),
        room=_count(row["room"]),
    )


def file_name(episode: int) -> str:
    """Under which a tape lies in `tapes/`."""
    return f"{episode:06d}.tape"


def _count(value: Any, *, most: int = 2**63 - 1) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{value!r} is no count")
    return value
