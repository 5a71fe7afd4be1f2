"""What can go wrong, and how it is said: what came, what is allowed, what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AdaptiveControllerError",
    "CheckpointError",
    "ConfigError",
    "ConformanceError",
    "CurriculumStagnationError",
    "DafError",
    "DafWarning",
    "RecordError",
    "TaskGenerationError",
    "TrainingEnvironmentError",
    "unknown_name",
]


class DafError(Exception):
    """Base of every error that daf_nb raises on purpose."""


class ConfigError(DafError, ValueError):
    """A run was told something that cannot be: a value, a name or a combination."""


class TrainingEnvironmentError(DafError, RuntimeError):
    """A world broke its contract: wrong shapes, NaN, vanished agents, an exception of its own.

    Attributes:
        what: what went wrong, without whereabouts and advice.
    """

    def __init__(self, message: str, *, what: str = "") -> None:
        self.what = what or message
        super().__init__(message)


class AdaptiveControllerError(DafError, RuntimeError):
    """The adaptive controller could not decide or could not act."""


class CurriculumStagnationError(DafError, RuntimeError):
    """A curriculum moved neither its bound nor its success over the declared window."""


class TaskGenerationError(DafError, RuntimeError):
    """A task could not be turned into a world; the message names the task.

    Attributes:
        task: the task's name.
    """

    def __init__(self, message: str, *, task: str = "") -> None:
        self.task = task
        super().__init__(message)


class CheckpointError(DafError, RuntimeError):
    """A checkpoint could not be written, or cannot be trusted."""


class RecordError(DafError, RuntimeError):
    """A run's folder could not be written or read."""


class ConformanceError(DafError, AssertionError):
    """A vectorised world breaks promises of the bridge; `broken` maps each one to what was seen.

    Attributes:
        broken: promise -> what was observed instead.
    """

    def __init__(self, broken: dict[str, str]) -> None:
        self.broken = dict(broken)
        lines = [f"  {promise}: {seen}" for promise, seen in self.broken.items()]
        super().__init__(f"{len(lines)} promise(s) broken:\n" + "\n".join(lines))


class DafWarning(UserWarning):
    """Something that is allowed but probably not meant."""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """The sentence for an unknown name: what came, the nearest known one, and all that are known.

    Args:
        kind: what the name is of, such as "wrapper" or "strategy".
        name: what the user gave.
        known: the names that would have been accepted.
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {name!r}.{hint} Known: {', '.join(names) or '(none)'}."
