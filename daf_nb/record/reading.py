"""One run read back. Files are data: nothing in them is executed, unless it is trusted."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from daf_nb.errors import DafWarning, RecordError
from daf_nb.record.files import Tear, read_json, read_lines, read_regular
from daf_nb.record.folders import run_ids, runs_root
from daf_nb.record.listing import list_runs
from daf_nb.record.policies import find_archive, read_model, read_state
from daf_nb.record.series import (
    EVENTS,
    JOURNAL,
    JOURNAL_COLUMNS,
    METRICS,
    MetricRow,
    parse_event,
    parse_journal,
    parse_metrics,
    rows_from_sacred,
)
from daf_nb.record.status import LIVE, UNREADABLE, true_status

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import Tensor

__all__ = ["RunRecord", "list_runs", "load_run"]

Row = TypeVar("Row")


def load_run(id: int | str, *, runs_dir: Path | str | None = None) -> RunRecord:
    """One run, by its number.

    Raises:
        RecordError: there is no such run.
    """
    root = runs_root(runs_dir)
    known = run_ids(root)
    number = int(id) if str(id).isascii() and str(id).isdecimal() else None
    if number not in known or number is None:
        target = number if number is not None else max(known, default=0)
        near = sorted(sorted(known, key=lambda one: abs(one - target))[:5])
        have = (
            f"nearest of {len(known)}: {', '.join(map(str, near))}" if known else "there are none"
        )
        raise RecordError(f"No run {str(id)[:100]!r} in {root} ({have}). list_runs() shows all.")
    return RunRecord(id=number, folder=root / str(number))


@dataclass(frozen=True)
class RunRecord:
    """What a run's folder says, read anew at every access, so that a live run can be followed.

    Every property but `status` raises `RecordError` where its file is broken. A log with a torn
    end is read up to the tear, with a `DafWarning`.

    Attributes:
        id: the run's number.
        folder: where its files are.
    """

    id: int
    folder: Path

    @property
    def status(self) -> str:
        """Sacred's status or PAUSED; LOST: the writer is gone; UNREADABLE: no `run.json`."""
        try:
            return true_status(self.folder, self._document())
        except RecordError:
            return UNREADABLE

    @property
    def name(self) -> str:
        """The run's name, as given: any text."""
        return str(self._document().get("experiment", {}).get("name"))

    @property
    def tags(self) -> tuple[str, ...]:
        """The run's tags, as given."""
        return tuple(map(str, self._document().get("daf_nb", {}).get("tags", ())))

    @property
    def result(self) -> Any:
        """What the run returned, as JSON; None where it did not."""
        return self._document().get("result")

    @property
    def fail_trace(self) -> str:
        """The traceback of a failed run, or what is missing in its record; else empty."""
        return "".join(map(str, self._document().get("fail_trace") or ()))

    @property
    def config(self) -> dict[str, Any]:
        """The whole spec of the run."""
        return self._mapping("config.json")

    @property
    def facts(self) -> dict[str, Any]:
        """Versions, platform, hardware and git state; empty for a run that never started."""
        return self._mapping("facts.json") if (self.folder / "facts.json").exists() else {}

    @property
    def cell(self) -> str:
        """The source of the cell or script that launched the run."""
        return self._read("source.py", lambda path: read_regular(path).decode("utf-8", "replace"))

    @property
    def metrics(self) -> pd.DataFrame:
        """One column per metric, one row per step; NaN where a step has no value."""
        if (self.folder / METRICS).exists() or not (self.folder / "metrics.json").exists():
            return _wide(self._lines(METRICS, parse_metrics))
        return _wide(rows_from_sacred(self._mapping("metrics.json")))

    @property
    def journal(self) -> pd.DataFrame:
        """Every change from outside: step, name, old, new, by, and what else was noted.

        Values are as they were: None and whole numbers too.
        """
        rows = self._lines(JOURNAL, parse_journal)
        columns = dict.fromkeys([*JOURNAL_COLUMNS, *(name for row in rows for name in row)])
        series = {
            name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns
        }
        return pd.DataFrame(series).astype({"step": int})

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened: kind, step, time (seconds since 1970), data."""
        return self._lines(EVENTS, parse_event)

    @property
    def checkpoints(self) -> list[Path]:
        """The archives under `checkpoints/`, by name."""
        return sorted((self.folder / "checkpoints").glob("*.zip"))

    def policy_state(self, group: str | None = None) -> dict[str, Tensor]:
        """The parameters of a group's policy, on the CPU. Nothing is executed.

        Args:
            group: may be left out where there is only one.

        Raises:
            RecordError: there is no such group, or its archive is broken.
        """
        return read_state(find_archive(self.checkpoints, group))

    def load_policy(self, group: str | None = None, *, trust: bool = False) -> BaseAlgorithm:
        """A group's stable-baselines3 model, on the CPU.

        Args:
            group: may be left out where there is only one.
            trust: the archive comes from someone whose code you would run.

        Raises:
            RecordError: not trusted, no such group, or a broken archive.
        """
        archive = find_archive(self.checkpoints, group)
        return read_model(archive, algorithm=self.config.get("algorithm"), trust=trust)

    def _document(self) -> dict[str, Any]:
        return self._mapping("run.json")

    def _mapping(self, name: str) -> dict[str, Any]:
        value = self._read(name, read_json)
        if not isinstance(value, dict):
            raise RecordError(f"Run {self.id} is broken: {name} holds no mapping.")
        return value

    def _read(self, name: str, read: Callable[[Path], Row]) -> Row:
        try:
            return read(self.folder / name)
        except (OSError, ValueError) as error:
            raise RecordError(
                f"Run {self.id} is broken: {name} cannot be read: {error}."
            ) from error

    def _lines(self, name: str, parse: Callable[[Any], Row]) -> list[Row]:
        rows: list[Row] = []
        try:
            for row in read_lines(self.folder / name, parse):
                rows.append(row)
        except Tear as tear:
            # The writer of a live run may be in the middle of its last line.
            if not (tear.unfinished and self.status in LIVE):
                warnings.warn(f"Run {self.id}: {tear}.", DafWarning, stacklevel=3)
        except OSError as error:
            raise RecordError(
                f"Run {self.id} is broken: {name} cannot be read: {error}."
            ) from error
        return rows


def _wide(rows: list[MetricRow]) -> pd.DataFrame:
    steps = sorted({row.step for row in rows})
    position = {step: index for index, step in enumerate(steps)}
    columns: dict[str, np.ndarray] = {}
    for row in rows:
        for name, value in row.values.items():
            if name not in columns:
                columns[name] = np.full(len(steps), np.nan)
            columns[name][position[row.step]] = value
    return pd.DataFrame(columns, index=pd.Index(steps, name="step"))
