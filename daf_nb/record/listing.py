"""All runs as a table."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from daf_nb.errors import RecordError, unknown_name
from daf_nb.record.files import read_json
from daf_nb.record.folders import run_ids, runs_root
from daf_nb.record.status import LIVE, UNREADABLE, true_status, when

__all__ = ["COLUMNS", "list_runs"]

COLUMNS = {
    "id": "int64",
    "name": "object",
    "status": "object",
    "started": "datetime64[us, UTC]",
    "duration": "float64",
    "steps": "Int64",
    "return_last": "float64",
    "return_best": "float64",
    "tags": "object",
    "host": "object",
    "seed": "Int64",
    "world": "object",
}
LARGEST_INTEGER = 2**63


def list_runs(
    *,
    runs_dir: Path | str | None = None,
    where: Mapping[str, Any] | Callable[[pd.Series], bool] | None = None,
    sort: str | None = None,
) -> pd.DataFrame:
    """All runs, one row each, by id.

    Columns: id, name, status, started, duration (seconds, so far or in all), steps, return_last,
    return_best, tags (a tuple), host, seed, world. What a run does not say is missing. A folder
    that cannot be read has the status UNREADABLE.

    Args:
        runs_dir: see `runs_root`.
        where: the rows to keep: values by column (for `tags`, one or several that must be among
            them), or a function of a row.
        sort: a column, with "-" in front for descending order.

    Raises:
        RecordError: a column that does not exist, or a root that cannot be listed.
    """
    _check_columns([*where] if isinstance(where, Mapping) else [])
    _check_columns([sort.removeprefix("-")] if sort else [])
    root = runs_root(runs_dir)
    rows = [_row(root / str(number), number) for number in run_ids(root)]
    table = pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in COLUMNS.items()}
    )
    if where is not None:
        keep = _matches(where) if isinstance(where, Mapping) else where
        table = table.loc[[bool(keep(row)) for _, row in table.iterrows()]]
    if sort:
        column = sort.removeprefix("-")
        table = table.sort_values(by=column, ascending=column == sort, kind="stable")
    return table.reset_index(drop=True)


def _check_columns(names: Iterable[str]) -> None:
    for name in names:
        if name not in COLUMNS:
            raise RecordError(unknown_name("column of list_runs", name, COLUMNS))


def _matches(where: Mapping[str, Any]) -> Callable[[pd.Series], bool]:
    def matches(row: pd.Series) -> bool:
        return all(_fits(name, row[name], wanted) for name, wanted in where.items())

    return matches


def _fits(name: str, value: Any, wanted: Any) -> bool:
    if name == "tags":
        return {wanted} <= set(value) if isinstance(wanted, str) else set(wanted) <= set(value)
    if wanted is None or value is None or value is pd.NA:
        return wanted is None and bool(pd.isna(value))
    return bool(value == wanted)


def _row(folder: Path, number: int) -> dict[str, Any]:
    try:
        document = read_json(folder / "run.json")
    except (OSError, ValueError):
        document = None
    if not isinstance(document, dict):
        return {**dict.fromkeys(COLUMNS), "id": number, "status": UNREADABLE, "tags": ()}
    ours, host, experiment = (
        _mapping(document.get(key)) for key in ("daf_nb", "host", "experiment")
    )
    status = true_status(folder, document)
    started = when(document.get("start_time"))
    tags = ours.get("tags")
    return {
        "id": number,
        "name": _text(ours.get("name", experiment.get("name"))),
        "status": status,
        "started": started,
        "duration": _duration(document, started, status),
        "steps": _integer(ours.get("steps")),
        "return_last": _number(ours.get("return_last")),
        "return_best": _number(ours.get("return_best")),
        "tags": tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        "host": _text(host.get("hostname")),
        "seed": _integer(ours.get("seed")),
        "world": _text(ours.get("world")),
    }


def _duration(document: Mapping[str, Any], started: datetime.datetime | None, status: str) -> float:
    if started is None:
        return math.nan
    ended = when(document.get("stop_time")) or when(document.get("heartbeat"))
    if status in LIVE:
        ended = datetime.datetime.now(datetime.UTC)
    return (ended - started).total_seconds() if ended else math.nan


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _integer(value: Any) -> int | None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer and abs(value) < LARGEST_INTEGER else None


def _number(value: Any) -> float:
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return math.nan
