"""What an action comes to now: knobs and the values that they get, or a verb; or why nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daf_nb.control.host import Host
from daf_nb.control.requests import Request, shown
from daf_nb.errors import ConfigError

__all__ = ["Move", "Plan"]


@dataclass(frozen=True)
class Move:
    """A knob and the value that it gets."""

    knob: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{shown(self.old)} to {shown(self.new)}"


@dataclass(frozen=True)
class Plan:
    """What an action does now.

    Attributes:
        words: the action in words, grown and resolved.
        moves: the knobs that it moves.
        verb: "stop", "pause" or "checkpoint", where it is one of these.
        idle: why it can do nothing now; empty where it can.
    """

    words: str
    moves: tuple[Move, ...] = ()
    verb: str = ""
    idle: str = ""

    @property
    def knobs(self) -> str:
        """The names of what it moves."""
        return ", ".join(move.knob for move in self.moves)

    @property
    def message(self) -> str:
        """From which value to which."""
        return "; ".join(map(str, self.moves))

    @property
    def key(self) -> str:
        """What it does, with the values: the same while nothing has changed."""
        return f"{self.words} ({self.message})" if self.moves else self.words

    def carry_out(self, host: Host, *, by: str, because: Mapping[str, Any]) -> list[Request]:
        """Asks for its moves, or does what the verb says.

        Raises:
            ConfigError: a knob refuses, or the run has ended.
        """
        verbs = {"stop": host.stop, "pause": host.pause, "checkpoint": host.checkpoint}
        if self.verb:
            verbs[self.verb]()
        ask = host.controls.set
        requests = [ask(move.knob, move.new, by=by, because=because) for move in self.moves]
        refused = [request.message for request in requests if request.state == "refused"]
        if refused and len(refused) == len(requests):
            raise ConfigError("; ".join(refused))
        return requests
