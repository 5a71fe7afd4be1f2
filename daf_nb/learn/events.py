"""What a trainer tells those who listen: recorder, panel, callbacks. It does not know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Event", "Listener"]


@dataclass(frozen=True)
class Event:
    """Something that happened, with a training or at its boundary.

    Attributes:
        kind: "start", "metrics", "evaluation", "checkpoint", "pause", "resume", "stop", "note",
            "journal", "decision", "rules" and "logged" of an adaptive controller, or "end".
        step: live agent-steps so far.
        data: plain values; for "metrics", metric name -> number; for "journal", `name`, `old`,
            `new` and `by` of a change from outside; for "logged", `metrics` (name -> number) and
            `data`, what they were taken from.
    """

    kind: str
    step: int
    data: Mapping[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]
