"""A world that hangs: where its thread stands, in words, and whether it may be cut there."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile
from types import CodeType, FrameType
from typing import Any

from daf_nb.errors import TrainingEnvironmentError

__all__ = ["Hang", "frames_within", "in_world", "is_debugged", "written"]

_WORLDS = ("daf_nb.envs", "daf_nb.testing")
_DEBUGGERS = ("IPython.core.debugger", "IPython.terminal.debugger", "bdb", "debugpy", "pdb")


@dataclass(frozen=True)
class Hang:
    """A world that does not come back.

    Attributes:
        where: copy, episode, seed and step, and what was called.
        seconds: for how long, at least.
        stack: where it stands, in the lines of a traceback, from the call of the world on.
        final: it was told to come back, and did not: it stands in a call of C.
    """

    where: str
    seconds: float
    stack: tuple[str, ...]
    final: bool = False

    def to_plain(self) -> dict[str, Any]:
        """As plain data."""
        told = {"where": self.where, "seconds": self.seconds, "final": self.final}
        return {**told, "stack": list(self.stack)}

    def error(self) -> TrainingEnvironmentError:
        """What to raise about it, where it is final."""
        return TrainingEnvironmentError(
            f"{self}\nIt is left behind in its thread; the notebook goes on. Mend the world (where "
            "it waits for something, let it wait for some seconds only), then resume the run.",
            what="the world hangs, and cannot be got out",
        )

    def __str__(self) -> str:
        what = "the world hangs, and cannot be got out" if self.final else "the world hangs"
        stack = "".join(self.stack).rstrip()
        return f"{self.where}: {what}, after {self.seconds:.3g} s. It stands here:\n{stack}"


def frames_within(thread: int, code: CodeType) -> list[FrameType]:
    """The frames of a thread that its innermost frame of `code` called, the innermost first.

    Empty where it executes that code itself, or does not.
    """
    frame, found = sys._current_frames().get(thread), list[FrameType]()
    while frame is not None and frame.f_code is not code:
        found.append(frame)
        frame = frame.f_back
    return found if frame is not None else []


def is_debugged(frames: Sequence[FrameType]) -> bool:
    """A debugger is among them: somebody looks on, and may take all the time there is."""
    return any(_is_of(frame, _DEBUGGERS) for frame in frames)


def in_world(frames: Sequence[FrameType]) -> bool:
    """The innermost frame is the world's, and not of what it calls of ours.

    Nothing there may be cut in the middle, such as what writes down prints. What comes before the
    world on the way to it may.
    """
    way = dropwhile(_is_ours, reversed(frames))
    return bool(frames) and not any(_is_ours(frame) for frame in way)


def _is_ours(frame: FrameType) -> bool:
    return _is_of(frame, ("daf_nb",)) and not _is_of(frame, _WORLDS)


def written(frames: Sequence[FrameType]) -> tuple[str, ...]:
    """As a traceback's lines, the outermost first."""
    lines = [(frame, frame.f_lineno) for frame in reversed(frames)]
    return tuple(traceback.StackSummary.extract(iter(lines)).format())


def _is_of(frame: FrameType, modules: Sequence[str]) -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    return any(name == module or name.startswith(f"{module}.") for module in modules)
