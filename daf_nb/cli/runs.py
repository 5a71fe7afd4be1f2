"""`daf-nb runs`: all runs as a table."""

from __future__ import annotations

import datetime
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daf_nb.cli.words import columns, document, figure, line, seconds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RunsDir", "given", "runs"]

RunsDir = Annotated[
    Path | None,
    typer.Option(help="Where runs are recorded; by default what the configuration says."),
]
_SHOWN = (
    "id",
    "name",
    "status",
    "started",
    "duration",
    "steps",
    "return_last",
    "return_best",
    "success",
    "tags",
    "world",
)
_TEXTS = {"name", "status", "tags", "cell", "host", "world", "kind"}
"""Columns in which 2026 and null are words like any other."""
_NUMBERS = {"id", "duration", "steps", "return_last", "return_best", "success"}


def runs(
    where: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=VALUE that a run must have, such as status=FAILED or tags=big."),
    ] = None,
    sort: Annotated[str, typer.Option(help="A column; with - in front from great to small.")] = (
        "-id"
    ),
    limit: Annotated[int | None, typer.Option(min=0, help="At most so many.")] = None,
    runs_dir: RunsDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON list.")] = False,
) -> None:
    """List all runs, the newest first."""
    from daf_nb.record import list_runs

    wanted = _wanted(where or [])
    table = list_runs(runs_dir=runs_dir, where=wanted or None, sort=sort)
    table = table if limit is None else table.head(limit)
    if as_json:
        document(_plain(table))
    elif len(table):
        typer.echo(_text(table))
    else:
        typer.echo("There are no such runs." if wanted else "There are no runs.", err=True)


def _wanted(where: list[str]) -> dict[str, Any]:
    """By column what it must be; of tags, all that it must have."""
    wanted: dict[str, Any] = {}
    for one in where:
        name, value = given(one, "--where")
        if name in _TEXTS:
            value = one.partition("=")[2]
        if name == "tags":
            value = [*wanted.get(name, ()), value]
        elif name in wanted:
            raise typer.BadParameter(f"--where {name}=... came twice; a run has one {name}.")
        wanted[name] = value
    return wanted


def given(text: str, option: str) -> tuple[str, Any]:
    """NAME=VALUE, the value as JSON where it is that, else as text.

    Raises:
        typer.BadParameter: there is no "=" in it.
    """
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise typer.BadParameter(f"{option} takes NAME=VALUE; {text[:100]!r} came.")
    try:
        return name, json.loads(value)
    except (RecursionError, ValueError):
        return name, value


def _text(table: pd.DataFrame) -> str:
    shown = [name for name in _SHOWN if name in table]
    rows = [[_cell(name, value) for name, value in row.items()]
            for row in _plain(table.loc[:, shown])]  # fmt: skip
    text = columns([name.replace("_", " ") for name in shown], rows,
                   right={name.replace("_", " ") for name in _NUMBERS})  # fmt: skip
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(row if len(row) <= width else f"{row[: width - 1]}…"
                     for row in text.split("\n"))  # fmt: skip


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "duration":
        return seconds(value)
    if name == "started":
        return str(value)[:16].replace("T", " ")
    if isinstance(value, float):
        return figure(value)
    if isinstance(value, int):
        return f"{value:,}" if name == "steps" else str(value)
    if isinstance(value, list):
        return line(", ".join(value), limit=40)
    return line(str(value), limit=40)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of what JSON holds; what a run does not say is None."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): _value(value) for name, value in row.items()} for row in rows]


def _value(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return value.item() if hasattr(value, "item") else value
