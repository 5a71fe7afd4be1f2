"""What the run browser knows of a run: its summary, with the text that it is found by."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daf_nb.record.folders import run_ids
from daf_nb.record.reading.glance import glance_all
from daf_nb.record.reading.summary import Summary
from daf_nb.record.status import LIVE

__all__ = ["RunRow", "read_rows"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run. What it does not say is None, or empty.

    Attributes:
        id: its number.
        name: as given: any text.
        status: Sacred's words, PAUSED, LOST, UNREADABLE.
        started: UTC.
        duration: seconds, so far or in all.
        steps: live agent-steps.
        last, best: returns.
        success: in [0, 1].
        tags: as given.
        cell: the first line of the cell that launched it.
        world: what was trained on.
        kind: "training" or "experiment"; empty for a run that daf_nb did not record.
        text: all that a search looks through, in one case.
    """

    id: int
    name: str
    status: str
    started: datetime.datetime | None
    duration: float | None
    steps: int | None
    last: float | None
    best: float | None
    success: float | None
    tags: tuple[str, ...]
    cell: str
    world: str
    kind: str
    text: str = field(compare=False, repr=False)
    summary: Summary = field(compare=False, repr=False)

    @property
    def alive(self) -> bool:
        """It may change by itself."""
        return self.status in LIVE


def read_rows(root: Path, known: Mapping[int, RunRow]) -> dict[int, RunRow]:
    """The runs of a folder as they are now, by number.

    Args:
        root: the folder of all runs.
        known: what was read before; rows that are as they were are the same objects.

    Raises:
        RecordError: the folder cannot be listed.
    """
    rows: dict[int, RunRow] = {}
    for number, (status, summary) in glance_all(root, run_ids(root)).items():
        before = known.get(number)
        same = before is not None and before.summary is summary and before.status == status
        # The time of what is alive goes on.
        rows[number] = (
            before if before and same and not before.alive else _row(number, status, summary)
        )
    return rows


def _row(number: int, status: str, told: Summary) -> RunRow:
    name, cell, world, kind = told.name or "", told.cell or "", told.world or "", told.kind or ""
    return RunRow(
        id=number,
        name=name,
        status=status,
        started=told.started,
        duration=_number(told.duration(status)),
        steps=told.steps,
        last=_number(told.return_last),
        best=_number(told.return_best),
        success=_number(told.success),
        tags=told.tags,
        cell=cell,
        world=world,
        kind=kind,
        text="\n".join([str(number), name, status, world, cell, *told.tags]).casefold(),
        summary=told,
    )


def _number(value: float) -> float | None:
    """Infinite values stay, and are sorted and shown as such."""
    return None if math.isnan(value) else value
