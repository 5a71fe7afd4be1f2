"""The run's side of controls: requests carried out at boundaries, and the journal of them."""

from __future__ import annotations

import logging
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from daf_nb.control.applying import carry_out
from daf_nb.control.journal import Entry, Journal
from daf_nb.control.knobs import Knob
from daf_nb.control.requests import Request
from daf_nb.control.script import Script
from daf_nb.control.waiting import Waiting
from daf_nb.errors import ConfigError, DafWarning, unknown_name

__all__ = ["Desk", "Door"]

_log = logging.getLogger("daf_nb")

_RULES = "adaptive."
"""Knobs of rules; where a journal is played without these, what they did is in it."""

Door = Callable[[Callable[[], None]], object]
"""Has work done at the next boundary; at once where nothing trains."""


class Desk:
    """Takes requests in, and carries them out when it is told that a boundary has come.

    Args:
        script: what is played.

    Attributes:
        knobs: name -> knob.
        journal: what was changed.
        waiting: what is pending.
        closed: why nothing is taken in any more; empty while it is.
        door: has work done at the next boundary.
        step: live agent-steps so far.
        record: told of every entry of the journal.
        inside: tells whether the calling thread is in the middle of a rollout or an update.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self.knobs: dict[str, Knob] = {}
        self.journal, self.waiting, self.closed = Journal(), Waiting(), ""
        self.door: Door = lambda work: work()
        self.step: Callable[[], int] = lambda: 0
        self.record: Callable[[Entry], None] = lambda entry: None
        self.inside: Callable[[], bool] = lambda: False
        self._writing = ""
        self._unrecorded: deque[Entry] = deque()
        self._noted: list[tuple[Any, ...]] = []
        self._replayed: dict[int, int] = {}

    def knob(self, name: str) -> Knob:
        """A knob by name.

        Raises:
            ConfigError: there is none; with the nearest.
        """
        if not isinstance(name, str) or name not in self.knobs:
            raise ConfigError(unknown_name("knob", name, self.knobs))
        return self.knobs[name]

    def open(self, name: str) -> Knob:
        """As `knob`, to be changed; also refused where everything is."""
        self.refuse_closed(name)
        return self.knob(name)

    def refuse_closed(self, what: str) -> None:
        """Raises ConfigError where nothing is taken in any more."""
        if self.closed:
            raise ConfigError(f"{what}: {self.closed}")

    def ask(self, request: Request) -> Request:
        """Takes a request in, and tells; itself."""
        return self.announce(request, *self.put(request))

    def put(self, request: Request) -> tuple[Request | None, bool]:
        """Takes a request in; what `announce` needs to tell of it."""
        request.inside = self.inside
        return self.waiting.put(request, self.knobs[request.name])

    def announce(self, request: Request, earlier: Request | None, first: bool) -> Request:
        """Tells who listens, and has someone come for it where nobody would; the request."""
        try:
            if earlier is not None:
                self.waiting.end(earlier, "superseded")
            self.waiting.tell(request)
        finally:
            if first:
                self.door(self.apply)
        return request

    def boundary(self) -> None:
        """In the training thread, at each boundary: what the script has for it."""
        for row in self._script.due(self.step()):
            if row["name"].startswith(_RULES) and row["name"] not in self.knobs:
                continue
            request = self._as_request(row)
            try:
                knob = self.open(row["name"])
                if request.undoes is None:
                    knob.check(row["new"])
            except ConfigError as error:
                request.end("refused", message=str(error))
            else:
                with self.waiting.lock:
                    entry = self._carry_out(request)
                if entry is not None and row.get("number"):
                    self._replayed[int(row["number"])] = entry.number
                self._record_all()
            self.waiting.tell(request)
            if request.state == "refused":
                self._script.failed.append((row, request.message))
                said = f"script, step {row['step']}: {request.message}"
                warnings.warn(said, DafWarning, stacklevel=2)
        self.apply()

    def apply(self) -> None:
        """In the training thread, at a boundary: all that is pending, in order."""
        with self.waiting.lock:
            ready = self.waiting.take()
            for request in ready:
                self._carry_out(request)
        self._record_all()
        for request in ready:
            self.waiting.tell(request)

    def note(self, name: str, old: Any, new: Any, *, by: str, own: bool = False) -> None:
        """Journals what changed by another way than a knob; what a knob changes is journaled here.

        Args:
            name: of the knob that would have done it.
            old: its value before.
            new: its value now.
            by: who or what changed it.
            own: the run does it again by itself when the journal is played again.
        """
        with self.waiting.lock:
            if self._writing:
                # The knob's own change is journaled as its request; what else it led to, after it.
                if name != self._writing:
                    self._noted.append((name, old, new, by, own))
                return
            self._enter(name, old, new, by, own)
        self._record_all()

    @property
    def replayed(self) -> dict[int, int]:
        """Number of an entry of the script -> the number of what it became here."""
        return self._replayed

    def _as_request(self, row: Mapping[str, Any]) -> Request:
        """A row of the script; one that takes back another takes back what that became here."""
        undoes = row.get("undoes")
        if undoes is not None:
            undoes = self._replayed.get(int(undoes), int(undoes))
        return Request(
            row["name"],
            by=str(row.get("by") or "script"),
            value=row["new"],
            because=row.get("because"),
            undoes=undoes,
        )

    def _carry_out(self, request: Request) -> Entry | None:
        self._writing = request.name
        try:
            knob = self.knobs[request.name]
            entry = carry_out(request, knob, self.journal, step=self.step())
        finally:
            self._writing = ""
        if entry is not None:
            self._unrecorded.append(entry)
        noted, self._noted = self._noted, []
        for one in noted:
            self._enter(*one)
        return entry

    def _enter(self, name: str, old: Any, new: Any, by: str, own: bool) -> None:
        entry = self.journal.add(self.step(), name, old, new, by=by, own=own)
        self._unrecorded.append(entry)

    def _record_all(self) -> None:
        """Outside of the lock, as who records may hold locks; one that fails is logged."""
        while self._unrecorded:
            entry = self._unrecorded.popleft()
            try:
                self.record(entry)
            except Exception:
                _log.exception("who records the journal failed at %r", entry)
