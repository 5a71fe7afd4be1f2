"""`Controls`: the one door through which person, rule and script change a run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from daf_nb.control.applying import carry_out
from daf_nb.control.journal import Entry, Journal
from daf_nb.control.knobs import Knob
from daf_nb.control.requests import Request, shown
from daf_nb.control.script import Script
from daf_nb.control.waiting import Waiting
from daf_nb.errors import ConfigError, DafWarning, unknown_name

__all__ = ["Controls"]

_RULES = "adaptive."
"""Knobs of rules; where a journal is played without these, what they did is in it."""

Door = Callable[[Callable[[], None]], object]
"""Has work done at the next boundary; at once where nothing trains."""


class Controls:
    """The knobs of a run. Thread-safe; a change takes effect at the run's next boundary.

    `RlTrainer` makes one by itself and gives it its knobs. Until its turn comes, a later request
    for a knob takes the place of an earlier one, however fast a slider is moved; what is applied
    goes to the journal, in order.

    Args:
        script: a journal: `load_run(id).journal`, or rows with `step`, `name` and `new`; each is
            applied at the first boundary at or after its step.

    Attributes:
        script: what is still to come of it, and what could not be applied.
    """

    def __init__(self, *, script: Any = ()) -> None:
        self.script = Script(script)
        self._knobs: dict[str, Knob] = {}
        self._waiting = Waiting()
        self._journal = Journal()
        self._door: Door = lambda work: work()
        self._step: Callable[[], int] = lambda: 0
        self._record: Callable[[Entry], None] = lambda entry: None
        self._writing = False
        self._closed = ""

    # Reading

    @property
    def knobs(self) -> Mapping[str, Knob]:
        """Name -> knob, in the order of a panel."""
        return dict(self._knobs)

    @property
    def pending(self) -> Mapping[str, Request]:
        """Name -> the request that waits for the next boundary."""
        return self._waiting.requests

    @property
    def journal(self) -> list[Entry]:
        """Everything that was changed from outside so far, in order."""
        with self._waiting.lock:
            return list(self._journal)

    @property
    def closed(self) -> str:
        """Why nothing can be set any more; empty while it can."""
        return self._closed

    def values(self) -> dict[str, Any]:
        """Name -> the value that is in effect now."""
        return {name: knob.read() for name, knob in self._knobs.items()}

    def __getitem__(self, name: str) -> Any:
        return self._knob(name).read()

    # Changing

    def set(
        self, name: str, value: Any, *, by: str, because: Mapping[str, Any] | None = None
    ) -> Request:
        """Gives a knob a value, at the next boundary; at once where nothing trains.

        Args:
            name: one of `knobs`.
            value: within the knob's bounds; outside of them it is refused, or clipped where the
                knob says so.
            by: who asks, for the journal.
            because: what caused it, for the journal.

        Raises:
            ConfigError: an unknown knob, a value that is refused, or the run has ended.
        """
        fitting = self._open(name).check(value)
        request = Request(name, by=by, value=fitting, because=because)
        if fitting != value:
            request.message = f"{shown(value)} became {shown(fitting)}"
        return self._ask(request)

    def nudge(
        self,
        name: str,
        amount: float = 0.0,
        *,
        by: str,
        factor: float = 1.0,
        because: Mapping[str, Any] | None = None,
    ) -> Request:
        """Moves a number from the value that it has when its turn comes, as far as its bounds.

        Nudges that wait for one boundary add up.

        Args:
            name: one of `knobs`.
            amount: is added, after the value was multiplied by `factor`.
            by: who asks, for the journal.
            factor: see `amount`.
            because: what caused it, for the journal.

        Raises:
            ConfigError: an unknown knob, one that is no number or is off, or the run has ended.
        """
        knob = self._open(name)
        if not knob.numeric:
            raise ConfigError(f"knob {name!r} is no number; set it to a value.")
        return self._ask(
            Request(name, by=by, relative=True, factor=factor, amount=amount, because=because)
        )

    def undo(self, *, by: str, name: str | None = None) -> Request:
        """Takes back the newest change, again and again if asked; a pending one is withdrawn.

        Args:
            by: who asks.
            name: of this knob only.

        Raises:
            ConfigError: nothing is left to take back, or the run has ended.
        """
        self._refuse_closed("undo")
        names = self._knobs.keys() if name is None else {self._knob(name).name}
        withdrawn = self._waiting.withdraw(names)
        if withdrawn is not None:
            return withdrawn
        with self._waiting.lock:
            entry = self._journal.newest(names, leave=self._waiting.undoing)
            if entry is None:
                raise ConfigError("nothing is left to take back.")
        value = self._knob(entry.name).check(entry.old, clip=True)
        return self._ask(Request(entry.name, by=by, value=value, undoes=entry.number))

    def subscribe(self, listener: Callable[[Request], None]) -> Callable[[], None]:
        """Tells `listener` of every request, when it is pending and when it ends.

        It is called in the thread that asks and in the training thread, and must be quick.

        Returns:
            What ends the subscription.
        """
        return self._waiting.subscribe(listener)

    # For the run

    def attach(
        self,
        knobs: Iterable[Knob],
        *,
        door: Door,
        step: Callable[[], int],
        record: Callable[[Entry], None],
    ) -> None:
        """Gives it the knobs of a run.

        Args:
            knobs: its knobs.
            door: has work done at the run's next boundary.
            step: live agent-steps so far.
            record: told of every entry of the journal.

        Raises:
            ConfigError: it has the knobs of another run.
        """
        if self._knobs:
            raise ConfigError("these controls belong to another trainer; make new ones.")
        self._knobs = {knob.name: knob for knob in knobs}
        self._door, self._step, self._record = door, step, record

    def boundary(self) -> None:
        """In the training thread, at each boundary: what the script has for it."""
        for row in self.script.due(self._step()):
            if row["name"].startswith(_RULES) and row["name"] not in self._knobs:
                continue
            because, by = row.get("because"), str(row.get("by", "script"))
            request = Request(row["name"], by=by, value=row["new"], because=because)
            try:
                self._open(row["name"])
            except ConfigError as error:
                request.end("refused", message=str(error))
            else:
                with self._waiting.lock:
                    self._carry_out(request)
            self._waiting.tell(request)
            if request.state == "refused":
                self.script.failed.append((row, request.message))
                said = f"script, step {row['step']}: {request.message}"
                warnings.warn(said, DafWarning, stacklevel=2)

    def apply(self) -> None:
        """In the training thread, at a boundary: all that is pending, in order."""
        with self._waiting.lock:
            ready = self._waiting.take()
            for request in ready:
                self._carry_out(request)
        for request in ready:
            self._waiting.tell(request)

    def note(self, name: str, old: Any, new: Any, *, by: str, own: bool = False) -> None:
        """Journals what changed by another way than a knob; what a knob changes is journaled here.

        Args:
            name: of the knob that would have done it.
            old: its value before.
            new: its value now.
            by: who or what changed it.
            own: the run does it again by itself when the journal is played again.
        """
        with self._waiting.lock:
            if not self._writing:
                self._record(self._journal.add(self._step(), name, old, new, by=by, own=own))

    def close(self, reason: str) -> None:
        """From now on everything is refused, for this reason; what is pending too."""
        self._closed = reason
        for request in self._waiting.take():
            self._waiting.end(request, "refused", f"{request.name}: {reason}")

    # Inside

    def _knob(self, name: str) -> Knob:
        if not isinstance(name, str) or name not in self._knobs:
            raise ConfigError(unknown_name("knob", name, self._knobs))
        return self._knobs[name]

    def _open(self, name: str) -> Knob:
        self._refuse_closed(name)
        return self._knob(name)

    def _refuse_closed(self, what: str) -> None:
        if self._closed:
            raise ConfigError(f"{what}: {self._closed}")

    def _ask(self, request: Request) -> Request:
        if self._waiting.put(request, self._knobs[request.name]):
            self._door(self.apply)
        return request

    def _carry_out(self, request: Request) -> None:
        self._writing = True
        try:
            entry = carry_out(request, self._knobs[request.name], self._journal, step=self._step())
        finally:
            self._writing = False
        if entry is not None:
            self._record(entry)
