"""Two records of one training beside each other: where they first differ, and in what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from daf_nb.record import RunRecord

__all__ = ["Difference", "boundaries", "is_of_rules", "training_difference"]

_TRAINED = ("curriculum/", "rollout/", "train/")
"""Metrics of the training itself; others are of the clock, or of the user's own code."""
_RULES = "adaptive."
"""Knobs of a controller; what its rules did is in the journal too."""
_CURRICULUM = "curriculum."
_MOST = 8
"""Differences of one step that are told."""


@dataclass(frozen=True)
class Difference:
    """The first in which two runs are not the same.

    Attributes:
        what: "metric", "journal" or "parameter"; of a cell also "history", "status", "output",
            "result", "error", "spec" or "figure".
        step: the agent-step of the boundary; None where there is none, as of saved parameters.
        values: what differs, by its name -> (recorded, made again).
        run: the number of the training inside a cell that it is of; None for the run itself.
    """

    what: str
    step: int | None
    values: dict[str, tuple[Any, Any]]
    run: int | None = None

    def __str__(self) -> str:
        told = [f"{name} {was} -> {now}" for name, (was, now) in self.values.items()]
        more = len(told) - _MOST
        said = f"{'; '.join(told[:_MOST])}" + (f"; and {more} more" if more > 0 else "")
        where = f"in run {self.run}, " if self.run is not None else ""
        if self.what == "parameter":
            return f"{where}in the saved policies: {said}"
        at = "" if self.step is None else f"at step {self.step:,}, "
        return f"{where}{at}in its {self.what}: {said}"


def training_difference(was: RunRecord, now: RunRecord, until: int) -> Difference | None:
    """The first in which two records of a training differ, up to an agent-step; None for nothing.

    Metrics of rollouts, updates and curriculum, the journal before that step, and the parameters
    that were saved at the end, where that is the step. What a callback logged, what the clock
    decides, and what was done to the curriculum before the first step, is left out.
    """
    metrics = _metrics_differ(was, now, until)
    journal = _journals_differ(was, now, until)
    # What was changed at a boundary shows in the metrics of the next one.
    if journal is not None and (metrics is None or (journal.step or 0) < (metrics.step or 0)):
        return journal
    whole = all(boundaries(record)[-1:] == [until] for record in (was, now))
    return metrics or (_policies_differ(was, now) if whole else None)


def boundaries(record: RunRecord) -> list[int]:
    """The agent-steps of the run's updates; a rollout that was broken off has none."""
    return [int(step) for step in _trained(record.metrics, ("train/",)).index]


def is_of_rules(name: object) -> bool:
    """Whether a row of a journal of this name is about a controller itself."""
    return str(name).startswith(_RULES)


def _metrics_differ(original: RunRecord, again: RunRecord, until: int) -> Difference | None:
    was, now = (_trained(record.metrics, _TRAINED).loc[:until] for record in (original, again))
    names = sorted({*was.columns, *now.columns})
    steps = sorted({*was.index, *now.index})
    was, now = (table.reindex(index=steps, columns=names) for table in (was, now))
    old, new = was.to_numpy(dtype=float), now.to_numpy(dtype=float)
    differs = ~((old == new) | (np.isnan(old) & np.isnan(new)))
    rows = np.flatnonzero(differs.any(axis=1))
    if not len(rows):
        return None
    row = int(rows[0])
    values = {names[c]: (old[row, c], new[row, c]) for c in np.flatnonzero(differs[row])}
    return Difference("metric", step=int(steps[row]), values=values)


def _trained(metrics: pd.DataFrame, prefixes: tuple[str, ...]) -> pd.DataFrame:
    others = [name for name in metrics if not str(name).startswith(prefixes)]
    return metrics.drop(columns=others).dropna(how="all")


def _journals_differ(original: RunRecord, again: RunRecord, until: int) -> Difference | None:
    was, now = _changes(original, until), _changes(again, until)
    for place in range(max(len(was), len(now))):
        old = was[place] if place < len(was) else None
        new = now[place] if place < len(now) else None
        if _key(old) != _key(new):
            first = min((row for row in (old, new) if row is not None), key=lambda row: row["step"])
            values = {str(first["name"]): (_change(old), _change(new))}
            return Difference("journal", step=int(first["step"]), values=values)
    return None


def _changes(record: RunRecord, until: int) -> list[Mapping[str, Any]]:
    rows: list[dict[str, Any]] = record.journal.to_dict("records")  # pyright: ignore[reportAssignmentType] - names are texts
    return [
        row
        for row in rows
        if row["step"] < until and not is_of_rules(row["name"]) and not _began_with(row)
    ]


def _began_with(row: Mapping[str, Any]) -> bool:
    """Whether it is in the curriculum's state that is part of the spec, and so not made again."""
    own = row.get("own") is True
    return own and row["step"] == 0 and str(row["name"]).startswith(_CURRICULUM)


def _key(row: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    return None if row is None else tuple(repr(row[key]) for key in ("step", "name", "old", "new"))


def _change(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "(no change)"
    return f"({row['name']} from {row['old']!r} to {row['new']!r} at step {row['step']:,})"


def _policies_differ(original: RunRecord, again: RunRecord) -> Difference | None:
    """Parameters as they were saved last; a run that was killed has saved none."""
    saved = {path.stem for path in original.checkpoints} if _saved_at_the_end(original) else set()
    values: dict[str, tuple[Any, Any]] = {}
    for group in sorted(saved):
        was, now = original.policy_state(group), again.policy_state(group)
        for name in sorted({*was, *now}):
            if not _equal(was.get(name), now.get(name)):
                values[f"{group}/{name}"] = (_digest(was.get(name)), _digest(now.get(name)))
    return Difference("parameter", step=None, values=values) if values else None


def _equal(was: Any, now: Any) -> bool:
    if was is None or now is None or was.shape != now.shape:
        return False
    return bool((was == now).all())


def _saved_at_the_end(record: RunRecord) -> bool:
    saved = [event["step"] for event in record.events if event["kind"] == "saved"]
    steps = record.metrics.index
    return bool(saved) and len(steps) > 0 and saved[-1] == int(steps[-1])


def _digest(tensor: Any) -> str:
    if tensor is None:
        return "absent"
    return f"{tuple(tensor.shape)} of mean {float(tensor.double().mean()):.9g}"
