"""A run beside the one that it plays again: identical, or from where on it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from daf_nb.record import RunRecord, load_run

if TYPE_CHECKING:
    import pandas as pd

    from daf_nb.session.run import Run

__all__ = ["Difference", "Reproduction", "boundaries"]

_TRAINED = ("curriculum/", "rollout/", "train/")
"""Metrics of the training itself; others are of the clock, or of the user's own code."""
_MOST = 8
"""Differences of one step that are told."""


@dataclass(frozen=True)
class Difference:
    """The first boundary at which two runs are not the same.

    Attributes:
        step: its agent-step; None where only the saved parameters differ.
        values: metric or parameter -> (recorded, played again).
    """

    step: int | None
    values: dict[str, tuple[Any, Any]]

    def __str__(self) -> str:
        where = "in the saved policies" if self.step is None else f"at step {self.step:,}"
        told = [f"{name} {was} -> {now}" for name, (was, now) in self.values.items()]
        more = len(told) - _MOST
        return f"{where}: {'; '.join(told[:_MOST])}" + (f"; and {more} more" if more > 0 else "")


class Reproduction:
    """A recorded run that is being played again.

    Args:
        original: the record that is played.
        run: the run that plays it.
        until: the agent-step of the last update that is played.

    Attributes:
        original: the record that is played.
        run: the run that plays it.
    """

    def __init__(self, original: RunRecord, run: Run, *, until: int) -> None:
        self.original, self.run = original, run
        self._until = until
        self._first: Difference | None = None
        self._compared = False

    @property
    def identical(self) -> bool:
        """Every metric of rollouts, updates and curriculum, and every saved parameter, bit for bit.

        Waits for the end of the run; raises what it raised. What a callback logged is not compared.
        """
        return self.first_difference is None

    @property
    def first_difference(self) -> Difference | None:
        """Where they part first; None where they do not. Waits as `identical` does."""
        self.run.wait()
        if not self._compared:
            again = load_run(self.run.id, runs_dir=self.run.folder.parent)
            self._first = _metrics_differ(self.original, again, self._until)
            self._first = self._first or _policies_differ(self.original, again)
            self._compared = True
        return self._first

    def wait(self) -> Reproduction:
        """Waits for the end; raises what the run raised."""
        self.run.wait()
        return self

    def __repr__(self) -> str:
        said = f"run {self.original.id} played again as run {self.run.id}"
        if not self.run.done:
            return f"{said}: {self.run.status}, step {self.run.step:,}"
        if self.run.error is not None or self.run.step < self._until:
            return f"{said}: {self.run.status}"
        first = self.first_difference
        return f"{said}: identical" if first is None else f"{said}: they part {first}"


def boundaries(record: RunRecord) -> list[int]:
    """The agent-steps of the run's updates; a rollout that was broken off has none."""
    return [int(step) for step in _trained(record.metrics, ("train/",)).index]


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
    return Difference(step=int(steps[row]), values=values)


def _trained(metrics: pd.DataFrame, prefixes: tuple[str, ...]) -> pd.DataFrame:
    others = [name for name in metrics if not str(name).startswith(prefixes)]
    return metrics.drop(columns=others).dropna(how="all")


def _policies_differ(original: RunRecord, again: RunRecord) -> Difference | None:
    """Parameters as they were saved last; a run that was killed has saved none."""
    saved = {path.stem for path in original.checkpoints} if _saved_at_the_end(original) else set()
    values: dict[str, tuple[Any, Any]] = {}
    for group in sorted(saved):
        was, now = original.policy_state(group), again.policy_state(group)
        for name in sorted({*was, *now}):
            if name not in was or name not in now or not bool((was[name] == now[name]).all()):
                values[f"{group}/{name}"] = (_digest(was.get(name)), _digest(now.get(name)))
    return Difference(step=None, values=values) if values else None


def _saved_at_the_end(record: RunRecord) -> bool:
    saved = [event["step"] for event in record.events if event["kind"] == "saved"]
    steps = record.metrics.index
    return bool(saved) and len(steps) > 0 and saved[-1] == int(steps[-1])


def _digest(tensor: Any) -> str:
    if tensor is None:
        return "absent"
    return f"{tuple(tensor.shape)} of mean {float(tensor.double().mean()):.9g}"
