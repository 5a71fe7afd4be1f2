"""What a `run.json` says, whoever wrote it: what is missing or of another kind is left out."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daf_nb.record.reading.showing import is_missing, short
from daf_nb.record.status import LIVE, when

__all__ = ["RESUMABLE", "Summary", "summarise", "text_of"]

LARGEST_INTEGER = 2**63
RESUMABLE = ("FAILED", "INTERRUPTED", "LOST")


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in short; None, NaN or nothing where its `run.json` does not say.

    Attributes:
        name: as given: any text.
        started: when its main function began.
        ended: when it ended, or last gave a sign of life.
        steps: agent-steps so far.
        return_last: newest value of the metric that the run is judged by.
        return_best: largest value of it.
        success: newest success rate.
        tags: as given.
        parent: number of the experiment that it belongs to.
        children: numbers of the runs that belong to it.
        cell: first telling line of the cell that launched it.
        host: name of the machine.
        seed: of the run.
        world: name of the world.
        kind: "training" or "experiment"; None for a run that daf_nb did not record.
    """

    name: str | None
    started: datetime.datetime | None
    ended: datetime.datetime | None
    steps: int | None
    return_last: float
    return_best: float
    success: float
    tags: tuple[str, ...]
    parent: int | None
    children: tuple[int, ...]
    cell: str | None
    host: str | None
    seed: int | None
    world: str | None
    kind: str | None

    def duration(self, status: str) -> float:
        """Seconds from start to end, for a live run to now; NaN where that is not known."""
        ended = datetime.datetime.now(datetime.UTC) if status in LIVE else self.ended
        if self.started is None or ended is None or ended < self.started:
            return math.nan
        return (ended - self.started).total_seconds()

    def next(self, id: int, status: str) -> str | None:
        """What goes on with a training that stopped early; None where nothing does."""
        return f"daf.resume({id})" if self.kind == "training" and status in RESUMABLE else None

    def highlights(self, status: str) -> dict[str, Any]:
        """What there is to say of the run in a few words."""
        known = {
            "name": self.name,
            "status": status,
            "world": self.world,
            "agent-steps": self.steps,
            "last return": self.return_last,
            "best return": self.return_best,
            "success": self.success,
            "tags": ", ".join(map(short, self.tags)) or None,
            "parent": self.parent,
        }
        return {what: value for what, value in known.items() if not is_missing(value)}


def summarise(document: Mapping[str, Any]) -> Summary:
    """What a `run.json` of daf_nb or of plain Sacred says."""
    ours, host, experiment = (
        _mapping(document.get(key)) for key in ("daf_nb", "host", "experiment")
    )
    return Summary(
        name=text_of(ours.get("name", experiment.get("name"))),
        started=when(document.get("start_time")),
        ended=when(document.get("stop_time")) or when(document.get("heartbeat")),
        steps=_integer(ours.get("steps")),
        return_last=_number(ours.get("return_last")),
        return_best=_number(ours.get("return_best")),
        success=_number(ours.get("success")),
        tags=tuple(text for tag in _list(ours.get("tags")) if (text := text_of(tag)) is not None),
        parent=_run(ours.get("parent")),
        children=tuple(
            number for child in _list(ours.get("children")) if (number := _run(child)) is not None
        ),
        cell=text_of(ours.get("cell_line")),
        host=text_of(host.get("hostname")),
        seed=_integer(ours.get("seed")),
        world=text_of(ours.get("world")),
        # Records from before there were experiments are of trainings, and do not say so.
        kind=text_of(ours.get("kind", "training")) if ours else None,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str | None:
    """A scalar as text; None for what is none."""
    return str(value) if isinstance(value, str | int | float) else None


def _integer(value: Any) -> int | None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer and abs(value) < LARGEST_INTEGER else None


def _run(value: Any) -> int | None:
    number = _integer(value)
    return number if number is not None and number > 0 else None


def _number(value: Any) -> float:
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return math.nan
