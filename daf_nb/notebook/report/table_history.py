"""The metrics of a record as columns, as the curves read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from daf_nb.notebook.curves import Curve, curve
from daf_nb.notebook.history import History

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableHistory", "series"]


class TableHistory:
    """What `History` tells, of a table that is read whole: no row is taken apart.

    Args:
        table: one column per metric, indexed by agent-step, ascending.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self.steps = table.index.to_numpy()

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> np.ndarray:
        """A metric; NaN everywhere where there is none of the name."""
        if name not in self.table:
            return np.full(len(self.table), np.nan)
        return self.table[name].to_numpy()

    def names(self, prefix: str = "", suffix: str = "") -> list[str]:
        """What is between prefix and suffix in the names of metrics."""
        return [
            name[len(prefix) : len(name) - len(suffix)]
            for name in map(str, self.table)
            if name.startswith(prefix) and name.endswith(suffix)
        ]

    def newest(self, name: str) -> float | None:
        """A metric's newest finite value; None where there is none."""
        column = self.column(name)
        there = np.flatnonzero(np.isfinite(column))
        return float(column[there[-1]]) if len(there) else None

    def where(self, name: str, *others: str) -> History:
        """The rows that have the metric, of it and some others; its own would be missed between.

        Args:
            name: the metric.
            others: further columns that are looked at; those that there are not are left out.
        """
        wanted = [one for one in (name, *others) if one in self.table]
        kept = self.table.loc[np.isfinite(self.column(name)), wanted]
        return cast("History", TableHistory(kept))  # the curves read nothing else of it


def series(
    history: TableHistory, metric: str, *, name: str = "", points: int = 300
) -> Curve | None:
    """A metric's curve; None where it has no value.

    Args:
        history: the record's metrics.
        metric: which.
        name: whose curve it is.
        points: at most so many.
    """
    return curve(history.where(metric), metric, name=name, points=points)
