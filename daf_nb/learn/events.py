"""What a trainer tells those who listen: recorder, panel, callbacks. It does not know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Event", "Listener", "Listeners"]


@dataclass(frozen=True)
class Event:
    """Something that happened, with a training or at its boundary.

    Attributes:
        kind: "start", "metrics", "evaluation", "checkpoint", "pause", "resume", "stop", "note",
            "journal", "decision", "rules" and "logged" of an adaptive controller, "dropped", "hang"
            (told by the thread of the watch), or "end".
        step: live agent-steps so far.
        data: plain values; for "metrics", metric name -> number; for "journal", `name`, `old`,
            `new` and `by` of a change from outside; for "logged", `metrics` (name -> number) and
            `data`, what they were taken from; for "dropped", `copy`, `episode`, `seed`, `task`,
            `step` and `error`; for "hang", `where`, `seconds`, `stack`, and `final` where the world
            is left behind.
    """

    kind: str
    step: int
    data: Mapping[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]


class Listeners:
    """Who is told of events, in the order of subscribing."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tells `listener` of every event from now on; what ends it is returned."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def tell(self, event: Event) -> None:
        """Tells all of them."""
        for listener in list(self._listeners):
            listener(event)
