"""`Controls`: the one door through which person, rule and script change a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from daf_nb.control.desk import Desk, Door
from daf_nb.control.journal import Entry
from daf_nb.control.knobs import Knob, as_number
from daf_nb.control.requests import Request, shown
from daf_nb.control.resuming import load_state, state
from daf_nb.control.script import Script
from daf_nb.errors import ConfigError

__all__ = ["Controls"]


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
        self._desk = Desk(self.script)

    # Reading

    @property
    def knobs(self) -> Mapping[str, Knob]:
        """Name -> knob, in the order of a panel."""
        return dict(self._desk.knobs)

    @property
    def pending(self) -> Mapping[str, Request]:
        """Name -> the request that waits for the next boundary."""
        return self._desk.waiting.requests

    @property
    def journal(self) -> list[Entry]:
        """Everything that was changed from outside so far, in order."""
        with self._desk.waiting.lock:
            return list(self._desk.journal)

    @property
    def closed(self) -> str:
        """Why nothing can be set any more; empty while it can."""
        return self._desk.closed

    def values(self) -> dict[str, Any]:
        """Name -> the value that is in effect now."""
        return {name: knob.read() for name, knob in self._desk.knobs.items()}

    def __getitem__(self, name: str) -> Any:
        return self._desk.knob(name).read()

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
        fitting = self._desk.open(name).check(value)
        request = Request(name, value=fitting, **_cause(by, because))
        if fitting != value:
            request.message = f"{shown(value)} became {shown(fitting)}"
        return self._desk.ask(request)

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
        knob = self._desk.open(name)
        if not knob.numeric:
            raise ConfigError(f"knob {name!r} is no number; set it to a value.")
        for what, number in (("factor", factor), ("amount", amount)):
            if as_number(number) is None:
                raise ConfigError(f"nudge of {name}: {what}={number!r}; a finite number is needed.")
        return self._desk.ask(
            Request(name, relative=True, factor=factor, amount=amount, **_cause(by, because))
        )

    def undo(self, *, by: str, name: str | None = None) -> Request:
        """Takes back the newest change, again and again if asked; a pending one is withdrawn.

        Whoever made it; one whose knob cannot be set now is passed over. A schedule that a value
        took the place of comes back.

        Args:
            by: who asks.
            name: of this knob only.

        Raises:
            ConfigError: nothing is left to take back, or the run has ended.
        """
        self._desk.refuse_closed("undo")
        names = self._desk.knobs.keys() if name is None else {self._desk.knob(name).name}
        withdrawn = self._desk.waiting.withdraw(names)
        if withdrawn is not None:
            return withdrawn
        with self._desk.waiting.lock:
            leave = self._desk.waiting.undoing
            entry = self._desk.journal.newest(
                lambda one: one in names and not self._desk.knobs[one].refusal(), leave=leave
            )
            if entry is None:
                raise ConfigError("nothing is left to take back.")
            request = Request(entry.name, value=entry.old, undoes=entry.number, **_cause(by, None))
            put = self._desk.put(request)
        return self._desk.announce(request, *put)

    def subscribe(self, listener: Callable[[Request], None]) -> Callable[[], None]:
        """Tells `listener` of every request, when it is pending and when it ends.

        It is called in the thread that asks and in the training thread, and must be quick.

        Returns:
            What ends the subscription.
        """
        return self._desk.waiting.subscribe(listener)

    # For the run

    def attach(
        self,
        knobs: Iterable[Knob],
        *,
        door: Door,
        step: Callable[[], int],
        record: Callable[[Entry], None],
        inside: Callable[[], bool] = lambda: False,
    ) -> None:
        """Gives it the knobs of a run.

        Args:
            knobs: its knobs.
            door: has work done at the run's next boundary.
            step: live agent-steps so far.
            record: told of every entry of the journal.
            inside: tells whether the calling thread is in the middle of a rollout or an update.

        Raises:
            ConfigError: it has the knobs of another run.
        """
        desk = self._desk
        if desk.knobs:
            raise ConfigError("these controls belong to another trainer; make new ones.")
        desk.knobs = {knob.name: knob for knob in knobs}
        desk.door, desk.step, desk.record, desk.inside = door, step, record, inside

    def detach(self) -> None:
        """Gives the knobs back, so that it can serve another trainer; the journal stays."""
        self._desk.knobs = {}

    def boundary(self) -> None:
        """In the training thread, at each boundary: what the script has for it; then `apply`."""
        self._desk.boundary()

    def apply(self) -> None:
        """In the training thread, at a boundary: all that is pending, in order."""
        self._desk.apply()

    def note(self, name: str, old: Any, new: Any, *, by: str, own: bool = False) -> None:
        """Journals what changed by another way than a knob; arguments as `Desk.note`."""
        self._desk.note(name, old, new, by=by, own=own)

    def state_dict(self) -> dict[str, Any]:
        """Values, journal and what is left of the script; what is pending is no part of it."""
        return state(self._desk, self.script)

    def load_state_dict(self, told: Mapping[str, Any], *, leave: Collection[str] = ()) -> None:
        """Continues where `state_dict` was taken, with the knobs of a run of the same make.

        Args:
            told: what it gave.
            leave: knobs that keep their values, by their names without a group's.

        Raises:
            ConfigError: it is not the state of such controls.
        """
        load_state(self._desk, self.script, told, leave=leave)

    def follow(self, rows: Any) -> None:
        """Follows these rows, numbered as in this journal, in place of the script that is left."""
        self.script.load(rows, ())
        self._desk.replayed.clear()

    def close(self, reason: str) -> None:
        """From now on everything is refused, for this reason; what is pending too."""
        self._desk.closed = reason
        for request in self._desk.waiting.take():
            self._desk.waiting.end(request, "refused", f"{request.name}: {reason}")

    def reopen(self) -> None:
        """Takes requests again, for another training of the same trainer."""
        self._desk.closed = ""


def _cause(by: str, because: Mapping[str, Any] | None) -> dict[str, Any]:
    if not (isinstance(by, str) and by):
        raise ConfigError(f"by={by!r}: who asks is needed, as a text.")
    if not (because is None or isinstance(because, Mapping)):
        raise ConfigError(f"because={because!r}: a mapping is needed, or None.")
    return {"by": by, "because": because}
