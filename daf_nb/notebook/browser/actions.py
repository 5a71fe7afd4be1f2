"""What can be done with the runs that are picked. A button is an entry of `ACTIONS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daf_nb.notebook.browser import deeds
from daf_nb.notebook.browser.jobs import Outcome
from daf_nb.notebook.browser.rows import RunRow
from daf_nb.record.status import UNREADABLE

__all__ = ["ACTIONS", "OPEN", "Action"]


def _any(row: RunRow) -> str:
    return ""


@dataclass(frozen=True)
class Action:
    """A button.

    Attributes:
        name: what it is called.
        icon: of Font Awesome 4.
        about: said when it is pointed at.
        doing: said while it goes on; the runs follow.
        do: does it, in a thread of its own, to the runs of a folder.
        least, most: runs that it takes; None: any number.
        unfit: why it cannot be done with a run; empty where it can.
        asks: it waits for a second press.
        instead: what the button offers to the same runs once it was refused.
    """

    name: str
    icon: str
    about: str
    doing: str
    do: Callable[[Path, Sequence[RunRow]], Iterable[Outcome]]
    least: int = 1
    most: int | None = None
    unfit: Callable[[RunRow], str] = _any
    asks: bool = False
    instead: Action | None = None

    def why_not(self, rows: Sequence[RunRow]) -> str:
        """Why it cannot be done with these runs; empty where it can."""
        if len(rows) < self.least or (self.most is not None and len(rows) > self.most):
            return f"select {_numbers(self.least, self.most)}"
        reasons = [self.unfit(row) for row in rows]
        # Where some fit, the deed says of the others why not.
        return reasons[0] if all(reasons) else ""


def _numbers(least: int, most: int | None) -> str:
    if most is None:
        return f"at least {least} run{'s' if least > 1 else ''}"
    return f"{least} run{'s' if least > 1 else ''}" if least == most else f"{least} to {most} runs"


def _alive(row: RunRow) -> str:
    return f"run {row.id} is {row.status}: stop it first" if row.alive else ""


def _not_replayable(row: RunRow) -> str:
    if row.alive:
        return f"run {row.id} is {row.status}: it has to end first"
    if row.kind == "experiment" and row.status != UNREADABLE:
        return f"run {row.id} is a cell: daf.reproduce({row.id}, trust=True) executes its code"
    if row.status == UNREADABLE or not row.world:
        return f"run {row.id} is no training that could be played again"
    return ""


def _not_resumable(row: RunRow) -> str:
    if row.status == UNREADABLE or row.kind == "experiment" or not row.world:
        return f"run {row.id} is no training that could go on"
    if row.status == "COMPLETED":
        return f"run {row.id} is COMPLETED: daf.fork({row.id}, total_timesteps=...) trains it on"
    further = row.summary.next(row.id, row.status)
    return "" if further else f"run {row.id} is {row.status}: it has to stop first"


OPEN = Action("Open", "folder-open", "show the run below", "Opening", deeds.open_run, most=1)
ACTIONS = (
    OPEN,
    Action(
        "Compare",
        "line-chart",
        "curves, intervals, differences",
        "Comparing",
        deeds.compare_runs,
        least=2,
    ),
    Action(
        "Report", "file-text-o", "write one HTML file", "Writing a report of", deeds.report_runs
    ),
    Action(
        "Resume",
        "play",
        "go on exactly where it stopped or was killed",
        "Resuming",
        deeds.resume_run,
        most=1,
        unfit=_not_resumable,
        instead=Action(
            "Resume warm",
            "play",
            "go on from its policies, with other episodes and noise",
            "Resuming warm",
            deeds.resume_warm,
            most=1,
            unfit=_not_resumable,
        ),
    ),
    Action(
        "Reproduce",
        "repeat",
        "train it again from its record, and compare",
        "Reproducing",
        deeds.reproduce_run,
        most=1,
        unfit=_not_replayable,
    ),
    Action(
        "Delete",
        "trash",
        "move to the trash; asks once more",
        "Deleting",
        deeds.trash_runs,
        unfit=_alive,
        asks=True,
    ),
)
