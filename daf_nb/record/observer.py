"""The Sacred observer that keeps a run's folder: Sacred's events in, files out."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from daf_nb.record.door import MetricDoor
from daf_nb.record.plain import to_plain
from daf_nb.record.sacred_api import RunObserver, SacredRun, beat, is_beating
from daf_nb.record.series import METRICS
from daf_nb.record.store import RunStore

__all__ = ["RunFolder"]

SUCCESSES = ("rollout/success_rate", "rollout/success")  # the first that there is tells
ARRIVAL_PATIENCE = 60.0  # seconds that the end of a run waits for a slow disk's heartbeat


class RunFolder(RunObserver):
    """Writes what a `FileStorageObserver` writes, under the same names, through a `RunStore`.

    Sacred silences an observer for good after its first exception, so none leaves this one.

    Args:
        store: the run's folder.
        on_started: called as the very first thing once Sacred has started the run.
        on_running: called when the record says that it runs.
        door: counts the metric values; the run ends when all that Sacred was given are here.
        before_end: called when they are; what is missing then, or None.
        return_metric: name of the metric whose last and best values `list_runs` shows.

    Attributes:
        result: what an interrupted run has to show; Sacred hands over that of a completed one.
        fail_trace: the traceback's lines, where it is known better than Sacred knows it.
        run: Sacred's run, to be set before it starts.
    """

    priority = 100

    def __init__(
        self,
        store: RunStore,
        *,
        on_started: Callable[[], None],
        on_running: Callable[[], None],
        door: MetricDoor,
        before_end: Callable[[], str | None],
        return_metric: str,
    ) -> None:
        self.result: Any = None
        self.fail_trace: list[str] | None = None
        self.run: SacredRun | None = None
        self._store = store
        self._on_started, self._on_running = on_started, on_running
        self._door, self._before_end = door, before_end
        self._return_metric = return_metric
        self._info: Any = {}
        self._steps = _number(store.document.known("steps"), 0)
        self._best = _number(store.document.known("return_best"), math.nan)
        self._success_rank = len(SUCCESSES)

    def started_event(
        self,
        ex_info: Mapping[str, Any],
        command: str,
        host_info: Mapping[str, Any],
        start_time: datetime.datetime,
        config: Mapping[str, Any],
        meta_info: Mapping[str, Any],
        _id: int,
    ) -> None:
        self._on_started()
        moment = start_time.isoformat()
        self._store.update(
            experiment=ex_info,
            command=command,
            host=host_info,
            meta={**meta_info, "queue_time": self._store.document.queued_at},
            start_time=self._store.document.started_at or moment,
            heartbeat=moment,
            status="RUNNING",
        )
        self._store.flush()
        self._on_running()

    def log_metrics(
        self, metrics_by_name: Mapping[str, Mapping[str, Any]], info: Mapping[str, Any]
    ) -> None:
        for row in _rows(metrics_by_name, self._door.stretch):
            self._store.queue(METRICS, row)
            self._steps = max(self._steps, row["step"])
        headline = metrics_by_name.get(self._return_metric)
        if headline is not None:
            values = headline["values"]
            real = [value for value in (self._best, *values) if not math.isnan(value)]
            self._best = max(real, default=math.nan)
            self._store.note(return_last=values[-1], return_best=self._best)
        if metrics_by_name:
            self._store.note(steps=self._steps)
        self._note_success(metrics_by_name)
        count = sum(len(series["values"]) for series in metrics_by_name.values())
        self._door.received += count

    def _note_success(self, metrics_by_name: Mapping[str, Mapping[str, Any]]) -> None:
        for rank, name in enumerate(SUCCESSES):
            if name in metrics_by_name and rank <= self._success_rank:
                self._success_rank = rank
                self._store.note(success=metrics_by_name[name]["values"][-1])
                return

    def heartbeat_event(
        self, info: Mapping[str, Any], captured_out: str, beat_time: datetime.datetime, result: Any
    ) -> None:
        plain = to_plain(info)
        if plain != self._info:
            self._info = plain
            self._store.put("info.json", plain)
        self._store.document.beat(beat_time.isoformat())
        self._store.flush()

    def completed_event(self, stop_time: datetime.datetime, result: Any) -> None:
        self._end("COMPLETED", stop_time, result=result)

    def interrupted_event(self, interrupt_time: datetime.datetime, status: str) -> None:
        self._end(status, interrupt_time, result=self.result)

    def failed_event(self, fail_time: datetime.datetime, fail_trace: list[str]) -> None:
        self._end("FAILED", fail_time, fail_trace=self.fail_trace or fail_trace)

    def _end(self, status: str, moment: datetime.datetime, **changes: Any) -> None:
        # Sacred waits two seconds for its heartbeat thread, which may still hold the last values.
        deadline = time.monotonic() + ARRIVAL_PATIENCE
        while self._is_coming() and time.monotonic() < deadline:
            time.sleep(0.005)
        door = self._door
        if self.run is not None and not is_beating(self.run) and door.received < door.given:
            beat(self.run)  # its thread died before its time
        lost = door.given - door.received
        missing = f"metrics: {lost} value(s) never arrived" if lost > 0 else None
        missing = self._before_end() or missing
        self._store.finish(status, missing=missing, stop_time=moment.isoformat(), **changes)

    def _is_coming(self) -> bool:
        alive = self.run is not None and is_beating(self.run)
        return alive and self._door.received < self._door.given


def _number(value: Any, otherwise: Any) -> Any:
    """What a run that goes on had come to."""
    return value if isinstance(value, int | float) else otherwise


def _rows(
    metrics_by_name: Mapping[str, Mapping[str, Any]],
    stretch: Callable[[datetime.datetime], int],
) -> list[dict[str, Any]]:
    """Sacred's series, one per name, as rows, one per step, in the order of their times.

    No row goes beyond a checkpoint's mark.
    """
    rows: dict[tuple[int, int, int], dict[str, Any]] = {}
    for name, series in metrics_by_name.items():
        seen: dict[int, int] = {}
        for step, moment, value in zip(
            series["steps"], series["timestamps"], series["values"], strict=True
        ):
            repeat = seen[step] = seen.get(step, -1) + 1
            place = (stretch(moment), step, repeat)
            row = rows.get(place)
            if row is None:
                row = {"step": step, "time": _seconds(moment), "values": {}}
                rows[place] = row
            row["values"][name] = value
    return [rows[place] for place in sorted(rows, key=lambda at: (at[0], rows[at]["time"]))]


def _seconds(moment: datetime.datetime) -> float:
    return moment.replace(tzinfo=datetime.UTC).timestamp()
