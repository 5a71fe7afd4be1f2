"""`daf-nb train --seeds`: several runs at once, until all have ended."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import typer

from daf_nb.cli.words import columns, document, figure, line

if TYPE_CHECKING:
    from daf_nb.scale import ManyRuns

__all__ = ["read_seeds", "see_all_through"]

_LOOK = 0.5
"""Seconds between two looks at the runs."""
_MOST = 10_000
"""Seeds that one command may ask for."""


def read_seeds(text: str) -> list[int]:
    """The seeds that "0-7" or "0,3,5-9" stands for, in that order.

    Raises:
        typer.BadParameter: it stands for none, or for too many.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else not last)):
            raise typer.BadParameter(f"{part!r:.60}: 0-7, or 0,3,5-9.", param_hint="--seeds")
        several = range(int(first), int(last or first) + 1)
        if not 0 < len(several) <= _MOST - len(seeds):
            raise typer.BadParameter(
                f"{part!r:.60}: from low to high, and at most {_MOST:,} in all.",
                param_hint="--seeds",
            )
        seeds.extend(several)
    return seeds


def see_all_through(many: ManyRuns, *, as_json: bool) -> None:
    """Waits for the end of all, and says how each ended.

    Raises:
        DafError: one of them failed.
        KeyboardInterrupt: they were interrupted, once they have ended.
    """
    shown = sys.stderr.isatty()
    try:
        while not many.done:
            many.wait(_LOOK)
            if shown:
                typer.echo(f"\r\x1b[2K{_progress(many)}", nl=False, err=True)
        many.wait()
    finally:
        if shown:
            typer.echo("", err=True)
        _say(many, as_json=as_json)


def _progress(many: ManyRuns) -> str:
    counts = Counter(many.statuses.values())
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"{told}; {many.step:,} agent-steps"


def _say(many: ManyRuns, *, as_json: bool) -> None:
    table = many.results()
    known = table.astype(object).where(table.notna(), None).reset_index()
    rows: list[dict[str, Any]] = known.to_dict("records")  # pyright: ignore[reportAssignmentType] - names are texts
    if as_json:
        document(rows)
    else:
        shown = ("seed", "run", "status", "step", "avg_reward", "completion_rate", "error")
        cells = [[_cell(name, row[name]) for name in shown] for row in rows]
        numbers = {"seed", "run", "step", "return", "success"}
        heads = ("seed", "run", "status", "step", "return", "success", "error")
        typer.echo(columns(heads, cells, right=numbers))
    stopped = [row["run"] for row in rows if row["status"] == "INTERRUPTED" and row["run"]]
    if stopped:
        where = shlex.quote(str(many.runs_dir))
        told = f"daf-nb resume {stopped[0]} --runs-dir {where} goes on from here"
        typer.echo(f"{told}, and so on for each.", err=True)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in ("avg_reward", "completion_rate"):
        return figure(value)
    return f"{value:,}" if name == "step" else line(str(value), limit=100)
