"""A record as a source: what a run's folder says, followed while another process writes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from daf_nb.errors import RecordError
from daf_nb.notebook.history import History, Row
from daf_nb.notebook.source import Rows
from daf_nb.notebook.state import RECENT, RunState, newest_returns, one_line, recent_rate
from daf_nb.notebook.tail import Tail
from daf_nb.record import RunRecord
from daf_nb.record.series import (
    EVENTS,
    JOURNAL,
    METRICS,
    parse_event,
    parse_journal,
    parse_metrics,
)
from daf_nb.record.status import LIVE

if TYPE_CHECKING:
    from daf_nb.control import AdaptiveController, Controls, Request
    from daf_nb.curriculum import CurriculumManager
    from daf_nb.session import Run

__all__ = ["RecordedSource"]


_MOST = 2**63
"""Agent-steps that no run has."""


class RecordedSource:
    """What `Source` tells, read from a record; nothing can be pressed.

    Args:
        record: of a run that ended, or that another process trains.
    """

    def __init__(self, record: RunRecord) -> None:
        self.record, self.id = record, record.id
        self.run: Run | None = None
        self.controls: Controls | None = None
        self.curriculum: CurriculumManager | None = None
        self.controller: AdaptiveController | None = None
        self.newest: Mapping[str, Request] = {}
        self._rows: list[Row] = []
        self.history = History(self._rows)
        self._metrics = Tail(record.folder / METRICS, parse_metrics)
        self._journal = Tail(record.folder / JOURNAL, parse_journal)
        self._events = Tail(record.folder / EVENTS, parse_event)
        self._held: tuple[int, dict[str, float]] | None = None
        self._entries: list[dict[str, Any]] = []
        self._decisions: dict[Any, dict[str, Any]] = {}
        self._groups: list[str] = []
        self._config = _config(record)
        self._reading = threading.RLock()
        self.read()

    def read(self) -> RunState:
        status = self.record.status
        with self._reading:
            self._take_in(live=status in LIVE)
            self.history.read()
        steps = self._rows[-1][0] if self._rows else 0
        tail = self._rows[-RECENT:]
        metrics = {name: value for _, values in tail for name, value in values.items()}
        total = self._config.get("total_timesteps")
        return RunState(
            id=self.id,
            name=_said(lambda: self.record.name),
            status=status,
            done=status not in LIVE,
            wish="",
            step=steps,
            total=total if isinstance(total, int) and abs(total) < _MOST else 0,
            rate=recent_rate(tail if status in LIVE else self._rows),
            seconds=self._seconds(),
            returns=newest_returns(metrics, self._groups),
            error=_last_lines(_said(lambda: self.record.fail_trace)),
        )

    @property
    def groups(self) -> list[str]:
        return self._groups

    @property
    def tasks(self) -> list[str]:
        return list(self.curriculum_stats()["tasks"])

    @property
    def has_curriculum(self) -> bool:
        return self._config.get("curriculum_config") is not None

    @property
    def has_decisions(self) -> bool:
        return bool(self._decisions) or self._config.get("adaptive_config") is not None

    def journal(self, most: int) -> Rows:
        return len(self._entries), list(reversed(self._entries[-most:]))

    def decisions(self, most: int) -> Rows:
        made = list(self._decisions.values())
        return len(made), list(reversed(made[-most:]))

    def curriculum_stats(self) -> dict[str, Any]:
        told = self._config.get("curriculum_config")
        told = told if isinstance(told, Mapping) else {}
        tasks_told = told.get("tasks")
        newest = self.history.newest
        changed = {str(row.get("name")): row.get("new") for row in self._entries}
        tasks = {
            str(task.get("name")): {
                "difficulty": task.get("difficulty"),
                "weight": changed.get(f"curriculum.weight[{task.get('name')}]", task.get("weight")),
                "share": newest(f"curriculum/share/{task.get('name')}"),
                "success": newest(f"curriculum/success/{task.get('name')}"),
            }
            for task in (tasks_told if isinstance(tasks_told, list) else ())
            if isinstance(task, Mapping)
        }
        return {
            "name": told.get("name"),
            "strategy": changed.get("curriculum.strategy", told.get("strategy")),
            "task": changed.get("curriculum.task"),
            "hold": changed.get("curriculum.hold"),
            "episodes": newest("curriculum/episodes"),
            "difficulty": newest("curriculum/difficulty"),
            "avg_performance": newest("curriculum/success"),
            "tasks": tasks,
        }

    def subscribe(self, wake: Callable[[], object]) -> Callable[[], object]:
        return lambda: None

    def _take_in(self, *, live: bool) -> None:
        for step, values in self._new_metrics():
            if self._held is not None and self._held[0] == step:
                self._held[1].update(values)
                continue
            self._let_go()
            self._held = (step, dict(values))
        if not live:
            self._let_go()
        self._entries += self._journal.read()
        for event in self._events.read():
            self._take_event(event)

    def _new_metrics(self) -> Iterator[Row]:
        yield from ((row.step, row.values) for row in self._metrics.read())
        if not self._rows and self._held is None and not (self.record.folder / METRICS).exists():
            yield from _sacred_rows(self.record)

    def _let_go(self) -> None:
        """A step's row is told once, when nothing more can come to it."""
        if self._held is not None:
            self._rows.append(self._held)
            self._held = None

    def _take_event(self, event: Mapping[str, Any]) -> None:
        data = event["data"]
        if not isinstance(data, Mapping):
            return
        if event["kind"] == "start" and isinstance(data.get("groups"), Mapping):
            self._groups = [str(group) for group in data["groups"]]
        if event["kind"] == "decision":
            self._decisions[data.get("number", len(self._decisions))] = dict(data)

    def _seconds(self) -> float:
        """Of training, as it was measured update by update."""
        lasted = (self.history.column(f"time/{part}_seconds") for part in ("rollout", "update"))
        return sum(float(np.nansum(column)) for column in lasted)


def _sacred_rows(record: RunRecord) -> Iterator[Row]:
    """The rows of a run of plain Sacred."""
    try:
        metrics = record.metrics
    except RecordError:
        return
    for step, row in zip(metrics.index, metrics.to_dict("records"), strict=True):
        yield int(step), {str(name): value for name, value in row.items() if value == value}


def _config(record: RunRecord) -> dict[str, Any]:
    try:
        return record.config
    except RecordError:
        return {}


def _said(read: Callable[[], str]) -> str:
    try:
        return read()
    except RecordError:
        return ""


def _last_lines(trace: str) -> str:
    """The end of a traceback: type and message."""
    lines = [one_line(line, limit=300) for line in trace.strip().splitlines()]
    begins = [place for place, line in enumerate(lines) if line.startswith((" ", "Traceback"))]
    return "\n".join(lines[begins[-1] + 1 :] if begins else lines)
