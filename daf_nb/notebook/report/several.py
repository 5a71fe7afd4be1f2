"""The report of several runs: compared first, then each in short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from daf_nb.notebook.curves import Curve
from daf_nb.notebook.report.blocks import Block, Chart, Prose, Report, Section, Table
from daf_nb.notebook.report.material import Material, attempt
from daf_nb.notebook.report.one import short_section
from daf_nb.notebook.report.progress import RETURN
from daf_nb.notebook.report.texts import clip, compact, ends, number, plural
from daf_nb.record import RunRecord
from daf_nb.record.comparing import Comparison, compare

__all__ = ["runs_report"]

MOST_RUNS = 60
"""Runs that have a section of their own."""
MOST_ROWS = 100
MOST_GROUPS = 5
"""Columns of the table of differences."""
_NEEDED = ("config.json", "facts.json", "journal.jsonl", "metrics")


def runs_report(
    records: Sequence[RunRecord],
    labelled: Mapping[str, Sequence[int | str]] | None,
    *,
    made: str,
) -> Report:
    """The whole report of several runs.

    Args:
        records: at least one.
        labelled: label -> the numbers of its group; None to group runs with equal specs.
        made: when the report was made, in words.
    """
    sections, metrics = [], {}
    for record in records:
        material = Material(record)  # one at a time: they may be large
        metrics[record.id] = _comparable(material)
        if len(sections) < MOST_RUNS:
            sections.append(short_section(material))
    first = [_comparison(records, labelled, metrics)]
    left = len(records) - len(sections)
    if left:
        said = f"{plural(left, 'more run')} have no section of their own here."
        sections.append(Section("And others", [Prose(said, "quiet")]))
    numbers = ", ".join(str(record.id) for record in records)
    return Report(
        title=clip(f"Runs {numbers}") if len(records) > 1 else f"Run {numbers}",
        running=f"daf nb, {plural(len(records), 'run')}",
        made=made,
        sections=[*first, *sections],
    )


def _comparable(material: Material) -> list[str]:
    """The metrics by which the run can be compared; none where its record is broken."""
    _ = material.config, material.facts, material.journal
    history = material.history
    if any(name in material.troubles for name in _NEEDED):
        return []
    return [name for name in history.names() if np.isfinite(history.column(name)).any()]


def _comparison(
    records: Sequence[RunRecord],
    labelled: Mapping[str, Sequence[int | str]] | None,
    metrics: Mapping[int, Sequence[str]],
) -> Section:
    every = [name for names in metrics.values() for name in names]
    # Of experiments, what most of them measured.
    metric = RETURN if RETURN in every else max(dict.fromkeys(every), key=every.count, default="")
    able = [record.id for record in records if metric in metrics[record.id]]
    blocks: list[Block] = []
    if len(able) < len(records):
        out = ", ".join(str(record.id) for record in records if record.id not in able)
        what = f"no {metric} that can be compared" if metric else "nothing that can be compared"
        blocks.append(Prose(f"Not compared, since they have {what}: {out}.", "warn"))
    if not able:
        return Section("Comparison", blocks)
    ids: Any = able
    if labelled is not None:
        ids = {name: [one for one in some if int(one) in able] for name, some in labelled.items()}
        ids = {name: some for name, some in ids.items() if some}
    root = records[0].folder.parent
    found, trouble = attempt(lambda: compare(ids, metric=metric, runs_dir=root))
    if trouble:
        blocks.append(Prose(trouble, "warn"))
    return Section("Comparison", [*blocks, *(_blocks(found) if found is not None else ())])


def _blocks(found: Comparison) -> list[Block]:
    blocks: list[Block] = [*_charts(found), _runs(found), _groups(found)]
    if len(found.improvement):
        blocks.append(_improvement(found.improvement))
    if len(found.differences):
        blocks += _differences(found.differences)
    return [*blocks, *(Prose(f"Note: {note}", "quiet") for note in found.notes)]


def _charts(found: Comparison) -> list[Chart]:
    """The groups, and where they are more than one run each, the runs."""
    groups = [
        Curve(
            str(label),
            rows["step"].tolist(),
            rows["iqm"].tolist(),
            rows["low"].tolist(),
            rows["high"].tolist(),
        )
        for label, rows in found.curves.groupby("group", sort=False)
    ]
    told = "interquartile mean of each group, 95 % interval, against agent-steps"
    charts = [Chart(f"{found.metric}: {told}", groups)] if groups else []
    runs = []
    for run, column in found.aligned.items():
        there = column.dropna()
        if len(there):
            runs.append(Curve(f"run {run}", there.index.tolist(), there.tolist()))
    if len(runs) > len(groups):
        charts.append(Chart(f"{found.metric}: each run", runs, size="middle"))
    return charts


def _runs(found: Comparison) -> Table:
    columns = ("Run", "Name", "Group", "Status", "Seed", "Steps", "Score")
    every = [
        [
            str(row.Index),
            str(row.name),
            str(row.group),
            str(row.status),
            "" if pd.isna(row.seed) else compact(row.seed),
            number(row.steps),
            number(row.score),
        ]
        for row in _rows(found.runs)
    ]
    kept, left = ends(every, MOST_ROWS)
    return Table(f"Runs; the score is the {found.score} {found.metric}{left}", columns, kept,
                 frozenset({4, 5, 6}))  # fmt: skip


def _groups(found: Comparison) -> Table:
    rows = [
        [str(row.Index), number(row.n), number(row.iqm), _interval(row)]
        for row in _rows(found.groups)
    ]
    kept, left = ends(rows, MOST_ROWS)
    caption = f"Interquartile mean of the scores, with stratified bootstrap intervals{left}"
    return Table(caption, ("Group", "Runs", "IQM", "95 % interval"), kept, frozenset({1, 2, 3}))


def _improvement(table: pd.DataFrame) -> Table:
    rows = [
        [str(row.x), str(row.y), number(row.probability), _interval(row)] for row in _rows(table)
    ]
    kept, left = ends(rows, MOST_ROWS)
    caption = f"How likely a run of the first group scores higher than one of the second{left}"
    columns = ("First", "Second", "Probability", "95 % interval")
    return Table(caption, columns, kept, frozenset({2, 3}))


def _differences(table: pd.DataFrame) -> list[Block]:
    labels = [str(label) for label in table.columns]
    rows = [
        [f"{part}: {field}", *map(_values, cells[:MOST_GROUPS])]
        for (part, field), *cells in table.itertuples(name=None)
    ]
    kept, left = ends(rows, MOST_ROWS)
    blocks: list[Block] = [
        Table(f"What differs{left}", ("Field", *labels[:MOST_GROUPS]), kept)
    ]  # fmt: skip
    if len(labels) > MOST_GROUPS:
        said = f"{len(labels) - MOST_GROUPS:,} more groups are left out of the table of differences"
        blocks.append(Prose(f"{said}; compare(...).differences has them.", "quiet"))
    return blocks


def _values(cell: Any) -> str:
    """A tuple holds the several values within a group."""
    return clip(", ".join(map(compact, cell)) if isinstance(cell, tuple) else compact(cell))


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    """Rows with attributes of the columns' names, which no type checker knows."""
    return iter(table.itertuples())


def _interval(row: Any) -> str:
    return "" if pd.isna(row.low) else f"{number(float(row.low))} to {number(float(row.high))}"
