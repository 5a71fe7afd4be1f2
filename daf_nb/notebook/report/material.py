"""All that a report needs of one record, read once; what cannot be read is said in its place."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from daf_nb.errors import DafWarning, RecordError
from daf_nb.notebook.report.table_history import TableHistory
from daf_nb.record import RunRecord
from daf_nb.record.files import read_json
from daf_nb.record.status import LIVE, when

__all__ = ["Material", "attempt"]

Found = TypeVar("Found")


def attempt(read: Callable[[], Found]) -> tuple[Found | None, str]:
    """What `read` gives, None where the record is broken; and what is wrong with it, in words.

    What a record warns of, such as a torn end, is wrong with it as well.
    """
    found, trouble = None, ""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = read()
        except RecordError as error:
            trouble = str(error)
    for one in said:
        if not issubclass(one.category, DafWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        elif not trouble:
            trouble = str(one.message)
    return found, trouble


class Material:
    """A record, as much of it as can be read.

    Args:
        record: of any run: live, ended, lost, of plain Sacred, or broken.

    Attributes:
        record: the same.
        status: how it stood when it was read.
        document: what its `run.json` says; empty where that cannot be read.
        ours: what is ours in it.
        troubles: part of the record -> what is wrong with it, in words.
    """

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.status = record.status
        self.troubles: dict[str, str] = {}
        self.document: Mapping[str, Any] = self.part("run.json", lambda: self.json("run.json"), {})
        self.ours = _mapping(self.document.get("daf_nb"))

    def part(self, name: str, read: Callable[[], Found], otherwise: Found) -> Found:
        """What `read` gives; `otherwise`, and a trouble of that name, where it fails.

        What the record warns of, such as a torn end, is a trouble as well.
        """
        found, trouble = attempt(read)
        if trouble:
            self.troubles.setdefault(name, trouble)
        return otherwise if found is None else found

    def json(self, name: str, kind: type = dict) -> Any:
        """A JSON file of the record.

        Raises:
            RecordError: it cannot be read, or holds something else than a `kind`.
        """
        try:
            value = read_json(self.record.folder / name)
        except (OSError, ValueError) as error:
            raise RecordError(f"{name} cannot be read: {error}.") from error
        if not isinstance(value, kind):
            raise RecordError(f"{name} holds a {type(value).__name__}, no {kind.__name__}.")
        return value

    def has(self, name: str) -> bool:
        """There is something of that name, be it a link that is not followed."""
        return os.path.lexists(self.record.folder / name)

    @property
    def name(self) -> str:
        """The run's name; empty where it is not known."""
        name = self.ours.get("name", _mapping(self.document.get("experiment")).get("name"))
        return "" if name is None else str(name)

    @property
    def is_live(self) -> bool:
        """It had not ended when it was read."""
        return self.status in LIVE

    @property
    def started(self) -> datetime.datetime | None:
        """When it started."""
        return when(self.document.get("start_time"))

    @property
    def seconds(self) -> float | None:
        """How long it took, or takes so far."""
        ended = when(self.document.get("stop_time")) or when(self.document.get("heartbeat"))
        if self.is_live:
            ended = datetime.datetime.now(datetime.UTC)
        if self.started is None or ended is None or ended < self.started:
            return None
        return (ended - self.started).total_seconds()

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The spec."""
        return self.part("config.json", lambda: self.record.config, {})

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """Versions, platform, hardware and git state."""
        return self.part("facts.json", lambda: self.record.facts, {})

    @cached_property
    def history(self) -> TableHistory:
        """The metrics."""
        empty = pd.DataFrame(index=pd.Index([], dtype="int64"))
        return TableHistory(self.part("metrics", lambda: self.record.metrics, empty))

    @cached_property
    def journal(self) -> list[dict[str, Any]]:
        """Every change from outside, by the columns of the record's journal."""
        return self.part("journal.jsonl", lambda: self.record.journal.to_dict("records"), [])

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """What happened: kind, step, time, data (a mapping, empty where it is none)."""
        events = self.part("events.jsonl", lambda: self.record.events, [])
        return [{**event, "data": _mapping(event["data"])} for event in events]

    def events_of(self, *kinds: str) -> list[dict[str, Any]]:
        """The events of these kinds, in order."""
        return [event for event in self.events if event["kind"] in kinds]

    @cached_property
    def cell(self) -> str:
        """What launched it; empty where that is not known."""
        if not self.has("source.py"):
            return ""
        return self.part("source.py", lambda: self.record.cell, "")

    @property
    def groups(self) -> list[str]:
        """Groups of agents; empty where it trained nothing."""
        told = [_mapping(event["data"].get("groups")) for event in self.events_of("start")]
        return list(map(str, told[-1])) if told else []

    @property
    def total(self) -> int:
        """Agent-steps that were asked for; 0 where that is not known."""
        total = self.config.get("total_timesteps")
        return total if isinstance(total, int) and 0 < total < 10**15 else 0

    @property
    def steps(self) -> int:
        """Agent-steps, or whatever metrics were logged by, so far."""
        return int(self.history.steps[-1]) if len(self.history) else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
