"""In a kernel that makes a recorded cell again: what its runs were like, where new ones go."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Remaking", "Was", "now", "recalled", "remake"]

TAG = "reproduction"


@dataclass(frozen=True)
class Was:
    """A run that the recorded cell began.

    Attributes:
        kind: "training" or "experiment".
        name: what it was called.
        seed: its seed, drawn or given.
        fields: arguments of `train` that were chosen by timing then.
        until: the agent-step at which it is to stop; None for its own end.
        wanted: it is the one that is made again.
    """

    kind: str
    name: str
    seed: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    until: int | None = None
    wanted: bool = False


class Remaking:
    """One recorded cell that this process makes again.

    Args:
        root: the folder of all runs, where the new one goes too.
        parent: the number of the run that is made again.
        tags: of that run.
        tell: a file that gets the number of the new run.
    """

    def __init__(self, *, root: str, parent: int, tags: Sequence[str], tell: str) -> None:
        self._root, self._parent, self._tags = Path(root), parent, tuple(tags)
        self._tell = Path(tell)
        self._lock = threading.Lock()
        self._waiting: list[Was] = []

    def begin(self, runs: Sequence[Mapping[str, Any]]) -> None:
        """A cell begins, which began these runs then, in this order; `Was` as mappings."""
        with self._lock:
            self._waiting = [Was(**run) for run in runs]

    def take(self, kind: str, name: str | None) -> Was | None:
        """The next of its runs of a kind and name, once; None where there was no such run.

        Args:
            kind: see `Was`.
            name: None for any.
        """
        with self._lock:
            for run in self._waiting:
                if run.kind == kind and name in (None, run.name):
                    self._waiting.remove(run)
                    return run
        return None

    def placed(self, was: Was | None, options: Mapping[str, Any], *, free: bool) -> dict[str, Any]:
        """The options of a recorder of this process: whose child the run is, and who is told.

        Args:
            was: what it was then.
            options: as the cell's code has them.
            free: it begins outside of every other run.
        """
        placed = {**options, "observers": ()}
        wanted = was is not None and was.wanted
        if wanted:
            placed |= {"runs_dir": self._root, "tags": (*self._tags, TAG)}
        elif free:
            placed["tags"] = (*options.get("tags", ()), TAG)
        if (wanted or free) and placed.get("parent") is None:
            placed["parent"] = self._parent
        return placed

    def begun(self, was: Was | None, number: int) -> None:
        """A run was begun; the one that is wanted is told of."""
        if was is not None and was.wanted:
            beside = self._tell.with_suffix(".part")
            beside.write_text(str(number))
            beside.replace(self._tell)


_now: Remaking | None = None


def remake(plan: Mapping[str, Any]) -> None:
    """From now on this process makes a cell again: arguments of `Remaking`."""
    global _now  # noqa: PLW0603 - there is one in a process, and for good
    _now = Remaking(**plan)


def now() -> Remaking | None:
    """What this process makes again; None in every other one."""
    return _now


def recalled(kind: str, name: str | None) -> Was | None:
    """What a run that begins now was then; None where nothing is made again."""
    return None if _now is None else _now.take(kind, name)
