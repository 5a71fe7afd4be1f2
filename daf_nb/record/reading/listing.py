"""All runs as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from daf_nb.errors import ConfigError, RecordError, unknown_name
from daf_nb.record.folders import run_ids, runs_root
from daf_nb.record.reading.glance import glance_all
from daf_nb.record.reading.summary import Summary

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
    "success": "float64",
    "tags": "object",
    "parent": "Int64",
    "cell": "object",
    "host": "object",
    "seed": "Int64",
    "world": "object",
    "kind": "object",
    "next": "object",
}

Where = Mapping[str, Any] | Callable[[pd.Series], Any]


def list_runs(
    *, runs_dir: Path | str | None = None, where: Where | None = None, sort: str | None = None
) -> pd.DataFrame:
    """All runs, one row each, by id: those of daf_nb, and those that plain Sacred left there.

    Columns: id, name, status, started, duration (seconds, so far or in all), steps, return_last,
    return_best, success, tags (a tuple), parent, cell (the first line of what launched it), host,
    seed, world, kind, next (what goes on with a training that stopped early). What a run does not
    say is missing. A folder that cannot be read has the status UNREADABLE; a run whose writer is
    gone is LOST.

    Args:
        runs_dir: see `runs_root`.
        where: the rows to keep: by column the value, or a function of the value, such as
            `{"world": "tag", "return_best": lambda best: best > 3}`; or a function of a row. For
            `tags`, one text or several that must be among them. None for what is missing: for
            `tags`, no tag. No comparison holds for a missing value.
        sort: a column, with "-" in front for descending order; what is missing comes last.

    Raises:
        ConfigError: `tags` are to be something else than texts.
        RecordError: a column that does not exist, or a root that cannot be listed.
    """
    _check_columns([*where] if isinstance(where, Mapping) else [])
    if isinstance(where, Mapping) and "tags" in where:
        where = {**where, "tags": _wanted_tags(where["tags"])}
    _check_columns([sort.removeprefix("-")] if sort else [])
    root = runs_root(runs_dir)
    found = glance_all(root, run_ids(root))
    rows = [_row(number, *seen) for number, seen in found.items()]
    if isinstance(where, Mapping):
        rows = [row for row in rows if all(_fits(*item, row) for item in where.items())]
    table = pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in COLUMNS.items()}
    )
    if callable(where):
        table = table.loc[[_holds(where(row)) for _, row in table.iterrows()]]
    if sort:
        column = sort.removeprefix("-")
        table = table.sort_values(by=column, ascending=column == sort, kind="stable")
    return table.reset_index(drop=True)


def _check_columns(names: Iterable[str]) -> None:
    for name in names:
        if name not in COLUMNS:
            raise RecordError(unknown_name("column of list_runs", name, COLUMNS))


def _row(number: int, status: str, summary: Summary) -> dict[str, Any]:
    return {
        "id": number,
        "name": summary.name,
        "status": status,
        "started": summary.started,
        "duration": summary.duration(status),
        "steps": summary.steps,
        "return_last": summary.return_last,
        "return_best": summary.return_best,
        "success": summary.success,
        "tags": summary.tags,
        "parent": summary.parent,
        "cell": summary.cell,
        "host": summary.host,
        "seed": summary.seed,
        "world": summary.world,
        "kind": summary.kind,
        "next": summary.next(number, status),
    }


def _wanted_tags(wanted: Any) -> Any:
    """Texts as a set; None and a function as they are."""
    if wanted is None or callable(wanted):
        return wanted
    tags = [wanted] if isinstance(wanted, str) else wanted
    tags = list(tags) if isinstance(tags, Iterable) else [tags]
    if not all(isinstance(tag, str) for tag in tags):
        raise ConfigError(
            f"where tags={wanted!r:.100}: give a text, several texts, a function of the tags, or "
            "None for runs without a tag."
        )
    return frozenset(tags)


def _fits(name: str, wanted: Any, row: Mapping[str, Any]) -> bool:
    value = row[name]
    if callable(wanted):
        return not _is_missing(value) and _holds(wanted(value))
    if name == "tags":
        return not value if wanted is None else wanted <= set(value)
    if wanted is None or _is_missing(value):
        return wanted is None and _is_missing(value)
    return bool(value == wanted)


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _holds(answer: Any) -> bool:
    return answer is not pd.NA and bool(answer)
