"""What the actions of the run browser do. Each loads what it needs, and says what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from daf_nb.notebook.browser.cells import name_of
from daf_nb.notebook.browser.jobs import Outcome, sentence_of
from daf_nb.notebook.browser.rows import RunRow
from daf_nb.notebook.browser.showing import comparison_view, file_link, record_view, run_view
from daf_nb.notebook.state import one_line
from daf_nb.record.trash import Moved, TrashedRun, delete_runs, restore_runs

__all__ = [
    "compare_runs",
    "named",
    "open_run",
    "report_runs",
    "reproduce_run",
    "restore_trashed",
    "resume_run",
    "resume_warm",
    "trash_runs",
]

_NAMED = 5
"""Runs that are named in a sentence."""


def open_run(root: Path, rows: Sequence[RunRow]) -> Iterator[Outcome]:
    """The run's panel; of an experiment what its cell was, put out and returned."""
    (row,) = rows
    view = record_view if row.kind == "experiment" else run_view
    yield Outcome(f"Shown below: {name_of(row)}.", shown=view(row.id, root))


def compare_runs(root: Path, rows: Sequence[RunRow]) -> Iterator[Outcome]:
    """Curves with intervals, and what differs between the specs."""
    from daf_nb.record.comparing import compare

    comparison = compare([row.id for row in rows], runs_dir=root)
    yield Outcome(f"Compared below: {named(rows)}.", shown=comparison_view(comparison))


def report_runs(root: Path, rows: Sequence[RunRow]) -> Iterator[Outcome]:
    """One file, with a link to it."""
    from daf_nb.notebook.report import report

    path = report([row.id for row in rows] if len(rows) > 1 else rows[0].id, runs_dir=root)
    yield Outcome(f"The report of {named(rows)} is written.", shown=file_link(path))


def reproduce_run(root: Path, rows: Sequence[RunRow]) -> Iterator[Outcome]:
    """A new run, shown while it trains; at its end, whether it came out the same."""
    from daf_nb.session.again import reproduce

    (row,) = rows
    again = reproduce(row.id, runs_dir=root)
    said = f"Reproducing {name_of(row)} as run {again.run.id}"
    yield Outcome(said, shown=run_view(again.run.id, root), running=True)
    again.wait()
    yield Outcome(one_line(" ".join(repr(again).split()), limit=600) + ".")


def resume_run(root: Path, rows: Sequence[RunRow]) -> Iterator[Outcome]:
    """The run goes on in this kernel, its panel shown; where not exactly, that is said."""
    from daf_nb.errors import CheckpointError

    try:
        yield from _resume(root, rows, mode="exact")
    except CheckpointError as error:
        said = f"Resume: {sentence_of(error)} Press again to go on warm."
        yield Outcome(said, failed=True, refused=True)


def resume_warm(root: Path, rows: Sequence[RunRow]) -> Iterator[Outcome]:
    """The run goes on from its policies, with other episodes; its journal says so."""
    yield from _resume(root, rows, mode="warm")


def _resume(
    root: Path, rows: Sequence[RunRow], *, mode: Literal["exact", "warm"]
) -> Iterator[Outcome]:
    from daf_nb.session.resume import resume

    (row,) = rows
    run = resume(row.id, runs_dir=root, mode=mode)
    how = "" if mode == "exact" else " warm"
    said = f"Shown below: {name_of(row)}, which goes on{how} from step {run.step:,}."
    yield Outcome(said, shown=run_view(run.id, root))


def trash_runs(root: Path, rows: Sequence[RunRow]) -> Iterator[Outcome]:
    """Moves runs to the trash, from which an undo brings them back."""
    moved = delete_runs([row.id for row in rows], runs_dir=root)
    went = [row for row in rows if row.id in moved.ids]
    said = f"{_runs(len(went))} moved to the trash: {named(went)}."
    yield Outcome(f"{said}{_stayed(moved)}", failed=bool(moved.refused), trashed=moved.runs)


def restore_trashed(root: Path, runs: Sequence[TrashedRun]) -> Iterator[Outcome]:
    """Moves runs back from the trash."""
    moved = restore_runs(runs, runs_dir=root)
    left = tuple(run for run in runs if run.id in moved.refused)
    said = f"{_runs(len(moved.runs))} brought back from the trash."
    yield Outcome(f"{said}{_stayed(moved)}", failed=bool(left), trashed=left)


def named(rows: Sequence[RunRow]) -> str:
    """The runs of a sentence."""
    names = ", ".join(name_of(row) for row in rows[:_NAMED])
    more = len(rows) - _NAMED
    return f"{names} and {more:,} more" if more > 0 else names


def _runs(count: int) -> str:
    return f"{count:,} run{'s' if count != 1 else ''}"


def _stayed(moved: Moved) -> str:
    reasons = [*moved.refused.items()][:_NAMED]
    return "".join(f" Run {number} stays: {one_line(why, limit=300)}" for number, why in reasons)
