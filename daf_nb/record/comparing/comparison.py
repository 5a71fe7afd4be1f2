"""What a comparison found, as tables, text, HTML and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from daf_nb.record.reading.showing import html_table, short, text_table

__all__ = ["Comparison"]

MOST_ROWS = 40  # of a table on a page; the data frames have all


@dataclass(frozen=True, repr=False)
class Comparison:
    """Groups of runs beside each other. All intervals are 95 % percentile bootstrap intervals.

    Attributes:
        metric: what is compared.
        score: how a run's curve became its score.
        at: the agent-step up to which the runs were looked at; None for each to its own end.
        runs: by id: group, name, status, seed, steps (the last one scored), score.
        groups: by label: n (runs), iqm (interquartile mean of the scores), low, high.
        improvement: for each two groups: x, y, probability that a run of x scores higher than one
            of y, low, high; NaN where they share no task.
        curves: the groups' curves: group, step, n (runs that have the step), iqm, low, high.
        aligned: the runs' curves: agent-steps as index, a column per run, NaN outside its range.
        differences: by part ("spec", "facts", "journal") and field: a column per group; a tuple
            holds the several values within a group.
        notes: what weakens the comparison, a sentence each.
    """

    metric: str
    score: str
    at: int | None
    runs: pd.DataFrame
    groups: pd.DataFrame
    improvement: pd.DataFrame
    curves: pd.DataFrame
    aligned: pd.DataFrame
    differences: pd.DataFrame
    notes: tuple[str, ...]

    def plot(self) -> Any:
        """The curves with their intervals, the scores, and the probabilities of improvement.

        Returns:
            A figure of matplotlib, which shows itself as a notebook cell's value.
        """
        from daf_nb.notebook.plots.comparison import plot_comparison

        return plot_comparison(self)

    def __repr__(self) -> str:
        parts = [self._title()]
        parts += [text_table(header, rows[:MOST_ROWS]) for _, header, rows in self._tables()]
        parts += [f"Note: {short(note, limit=400)}" for note in self.notes]
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self._title())}</b></p>"]
        for caption, header, rows in self._tables():
            parts.append(html_table(header, rows[:MOST_ROWS], caption=caption))
            if len(rows) > MOST_ROWS:
                parts.append(f"<p>{len(rows) - MOST_ROWS} more rows are in the data frame.</p>")
        if self.notes:
            told = "".join(f"<li>{escape(short(note, limit=400))}</li>" for note in self.notes)
            parts.append(f"<ul>{told}</ul>")
        return f"<div>{''.join(parts)}</div>"

    def _title(self) -> str:
        where = "" if self.at is None else f" at {self.at} agent-steps"
        return f"{short(self.metric)}, {self.score}{where}, of {len(self.runs)} runs"

    def _tables(self) -> list[tuple[str, list[str], list[list[object]]]]:
        """Caption, header and rows of each table that is not empty."""
        groups = [list(row) for row in self.groups.itertuples(name=None)]
        pairs = [list(row) for row in self.improvement.itertuples(index=False, name=None)]
        fields = [
            [f"{part}: {name}", *(_told(cell) for cell in cells)]
            for (part, name), *cells in self.differences.itertuples(name=None)
        ]
        limits = ["low", "high"]
        tables = [
            ("Interquartile mean of the scores", ["group", "n", "IQM", *limits], groups),
            ("Probability of improvement", ["x", "y", "P(x > y)", *limits], pairs),
            ("What differs", ["field", *map(_label, self.differences.columns)], fields),
        ]
        return [table for table in tables if table[2]]


def _label(label: object) -> str:
    return short(label, limit=60)


def _told(cell: object) -> str:
    values = cell if isinstance(cell, tuple) else (cell,)
    told = ", ".join(short(value, limit=30) for value in values[:5])
    return f"{told}, … ({len(values)} values)" if len(values) > 5 else told
