"""The runs that are compared: the metric, the spec, and what else may explain a difference."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from daf_nb.errors import RecordError, unknown_name
from daf_nb.record.comparing.specs import Flat, fingerprint, flat
from daf_nb.record.reading import RunRecord, load_run
from daf_nb.record.reading.contents import Contents
from daf_nb.record.reading.summary import text_of

__all__ = ["Entry", "read_entries"]


@dataclass(frozen=True)
class Entry:
    """One run in a comparison.

    Attributes:
        record: the run.
        status: as it was when the comparison was made.
        series: the metric by agent-step, ascending, finite values only.
        dropped: how many values were infinite.
    """

    record: RunRecord
    status: str
    series: pd.Series
    dropped: int

    @property
    def id(self) -> int:
        """The run's number."""
        return self.record.id

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The config; with the code of its cell where the code is all that there is."""
        cell = {"cell": _code(self.record.cell)} if self.record.kind == "experiment" else {}
        return {**cell, **self.record.config}

    @cached_property
    def flat_spec(self) -> Flat:
        """The spec by dotted names."""
        return self._flat(self.spec, "config.json")

    @cached_property
    def flat_facts(self) -> Flat:
        """Versions and machine by dotted names."""
        return self._flat(self.record.facts, "facts.json")

    @cached_property
    def changes(self) -> dict[str, int]:
        """How many changes its journal holds: by rules, and by hand or script."""
        by_rule = [str(by).startswith("rule") for by in map(text_of, self.record.journal["by"])]
        return {"by rules": sum(by_rule), "by hand": len(by_rule) - sum(by_rule)}

    @cached_property
    def task(self) -> Hashable:
        """What it was trained on: the stratum of its scores."""
        told = {
            name: value
            for name, value in self.flat_spec.items()
            if name[0] in ("world", "env", "env_kwargs")
        }
        return fingerprint(told)

    def until(self, at: int | None) -> pd.Series:
        """The metric up to an agent-step."""
        return self.series if at is None else self.series.loc[:at]

    def _flat(self, mapping: Mapping[str, Any], name: str) -> Flat:
        try:
            found = flat(mapping)
            fingerprint(found)
        except RecursionError as error:
            raise RecordError(f"Run {self.id}: {name} is nested too deeply to compare.") from error
        return found


def read_entries(
    ids: list[int | str], *, metric: str, runs_dir: Path | str | None
) -> dict[int, Entry]:
    """The runs, by number.

    Raises:
        RecordError: no such run, or some without the metric; all of those are named.
    """
    entries, lacking, known = {}, [], set()
    for id in ids:
        record = load_run(id, runs_dir=runs_dir)
        frame_names, series = _metric(record, metric)
        known.update(frame_names)
        values = series.to_numpy(dtype=np.float64)
        kept = pd.Series(series[np.isfinite(values)])
        if kept.empty:
            lacking.append(_lack(record, frame_names, metric))
            continue
        entries[record.id] = Entry(
            record=record,
            status=record.status,
            series=kept,
            dropped=int(np.isinf(values).sum()),
        )
    if lacking and metric in known:
        raise RecordError(
            f"These runs have no {metric!r} to compare: {'; '.join(lacking)}. Leave them out."
        )
    if lacking:
        said = unknown_name("metric", metric, known)
        raise RecordError(f"No run can be compared by it: {said} {'; '.join(lacking)}.")
    return entries


def _metric(record: RunRecord, name: str) -> tuple[list[str], pd.Series]:
    metrics = Contents(id=record.id, folder=record.folder).metrics()
    empty = pd.Series(dtype=np.float64)
    return metrics.names, metrics.series(name) if name in metrics.names else empty


def _lack(record: RunRecord, names: list[str], metric: str) -> str:
    if not names:
        return f"run {record.id} ({record.status}) has no metrics yet"
    if metric in names:
        return f"run {record.id} ({record.status}) has it without any finite value"
    return f"run {record.id} ({record.status}) lacks it"


def _code(cell: str) -> str:
    """A cell without the line that names, seeds and tags it."""
    first, _, rest = cell.partition("\n")
    return rest if first.startswith("%%") else cell
