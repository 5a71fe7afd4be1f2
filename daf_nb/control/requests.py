"""A request for a change, from pending to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Literal

from daf_nb.errors import ConfigError

__all__ = ["Request", "State", "shown"]

State = Literal["pending", "applied", "unchanged", "superseded", "withdrawn", "refused"]


class Request:
    """What was asked of a knob, and what came of it. Thread-safe to read.

    Attributes:
        name: which knob.
        relative: it asks for a movement from the value that the knob has when its turn comes.
        value: the value asked for, where it is not relative.
        factor, amount: what that value is multiplied by, and what is added then.
        by: who asks.
        because: what caused it.
        undoes: the number of the journal entry that it takes back.
        also_undoes: those of later entries, whose own undoing gave way to it.
        state: "pending"; then "applied", or "unchanged" where the knob had that value already or
            is at its limit, "superseded" by a later request for the same knob, "withdrawn" by an
            undo, or "refused".
        step: live agent-steps when it took effect.
        old, new: the knob's values before and after.
        message: why it was refused, or how the value was brought into its bounds.
        inside: tells whether the calling thread is in the middle of a rollout or an update.
    """

    def __init__(
        self,
        name: str,
        *,
        by: str,
        value: Any = None,
        relative: bool = False,
        factor: float = 1.0,
        amount: float = 0.0,
        because: Mapping[str, Any] | None = None,
        undoes: int | None = None,
    ) -> None:
        self.name, self.by, self.because, self.undoes = name, by, because, undoes
        self.value, self.relative, self.factor, self.amount = value, relative, factor, amount
        self.also_undoes: tuple[int, ...] = ()
        self.state: State = "pending"
        self.step: int | None = None
        self.old: Any = None
        self.new: Any = None
        self.message = ""
        self.inside: Callable[[], bool] = lambda: False
        self._done = threading.Event()

    def after(self, earlier: Request) -> None:
        """Takes up what was asked before and has not had its turn, and who asked for it."""
        if earlier.relative:
            self.amount += earlier.amount * self.factor
            self.factor *= earlier.factor
        else:
            self.value, self.relative = earlier.value * self.factor + self.amount, False
        if earlier.by != self.by:
            self.by = f"{earlier.by}, {self.by}"

    def go_further_back(self, earlier: Request) -> None:
        """Takes back what an earlier undo of the knob was to, too."""
        if self.undoes is not None and earlier.undoes is not None:
            self.also_undoes = (*earlier.also_undoes, earlier.undoes)

    def end(self, state: State, *, message: str = "") -> None:
        """Its last state; who waits goes on."""
        self.state, self.message = state, message or self.message
        self._done.set()

    def wait(self, timeout: float | None = None) -> Request:
        """Waits until it is no longer pending, or `timeout` seconds; itself.

        Raises:
            ConfigError: it was refused; or it is pending, and who waits is a callback in the middle
                of a rollout, which would wait for itself.
        """
        if self.state == "pending" and self.inside():
            raise ConfigError(
                f"{self.name}: a callback in the middle of a rollout cannot wait for the boundary "
                "that comes after it; look at the request's state later."
            )
        self._done.wait(timeout)
        if self.state == "refused":
            raise ConfigError(self.message)
        return self

    def __repr__(self) -> str:
        change = f"{shown(self.old)} to {shown(self.new)}"
        told = {
            "pending": "pending, for the next boundary",
            "applied": f"applied at step {self.step or 0:,}: {change}",
            "unchanged": f"unchanged at {shown(self.old)}",
        }.get(self.state, self.state)
        return f"{self.name}: {told}{f' ({self.message})' if self.message else ''}"


def shown(value: Any) -> str:
    """A knob's value as a person reads it."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
