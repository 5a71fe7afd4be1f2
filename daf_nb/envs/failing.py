"""A world that fails: what to call it, its traceback without ours, and the episode it breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

import numpy as np

from daf_nb.envs.settings import Setting
from daf_nb.envs.watch import WorldTimeout
from daf_nb.errors import TrainingEnvironmentError

__all__ = [
    "MEND",
    "WORLDS_OWN",
    "BrokenPromise",
    "Drop",
    "failure",
    "lean",
    "leanly",
    "put_briefly",
    "remedy_for",
    "shortened",
    "trimmed",
]

MEND = "Mend the world, or leave such episodes out with RlConfig(on_failure='drop')."
"""What to do next, where nothing better is known."""
WORLDS_OWN = (Exception, SystemExit)
"""What a world may raise; a notebook's world that calls sys.exit must not end the notebook."""
P = ParamSpec("P")
T = TypeVar("T")
_LONGEST = 400
_MEBIBYTE = 2**20


class BrokenPromise(Exception):
    """A world gave what it must not give; in words without a full stop."""


@dataclass(frozen=True)
class Drop:
    """An episode that its world broke, and that was left out.

    Attributes:
        copy: the copy that played it; its world was replaced.
        number: the episode's number within the copy.
        seed: the seed it was, or was to be, reset with.
        setting: what it was played with beside the seed.
        step: the step that failed, counted from 1; 0 for the reset, or what comes before it.
        what: what went wrong, in words.
    """

    copy: int
    number: int
    seed: int
    setting: Setting
    step: int
    what: str

    def __str__(self) -> str:
        task = f", task {self.setting.task!r}" if self.setting.task else ""
        where = f"step {self.step}" if self.step else "the reset"
        episode = f"copy {self.copy}, episode {self.number} (seed {self.seed}{task})"
        return f"{episode}, {where}: {self.what}"

    def to_plain(self) -> dict[str, Any]:
        """As plain data; of the setting, the task."""
        told = {"copy": self.copy, "episode": self.number, "seed": self.seed}
        return {**told, "task": self.setting.task, "step": self.step, "error": self.what}


def failure(where: str, error: BaseException, *, more: str = "") -> TrainingEnvironmentError:
    """What to raise, from `error`, where a world raised.

    Args:
        where: copy, episode, seed and step.
        error: one of `WORLDS_OWN`; its traceback loses the frames before the world's.
        more: a sentence on what it was given.
    """
    trimmed(error)
    what = put_briefly(error)
    sentences = [f"{where}: {what}.", more, remedy_for(error)]
    return TrainingEnvironmentError(" ".join(filter(None, sentences)), what=what)


def put_briefly(error: BaseException) -> str:
    """What a world did that raised `error`, without a full stop."""
    if isinstance(error, WorldTimeout):
        return str(error)
    if isinstance(error, SystemExit):
        return f"the world called sys.exit({error.code!r})"
    said = str(error).rstrip().rstrip(".")
    if isinstance(error, MemoryError):
        return f"the world found no more memory (MemoryError{f': {said}' if said else ''})"
    return f"the world raised {type(error).__name__}{f': {said}' if said else ''}"


def remedy_for(error: BaseException) -> str:
    """What to do next about a world that raised `error`."""
    if isinstance(error, WorldTimeout):
        return (
            "Where it stood is in the traceback. If it needs the time, raise "
            "RlConfig(step_deadline=...), or set it to None; else mend it, or leave such episodes "
            "out with on_failure='drop'."
        )
    if isinstance(error, MemoryError):
        return (
            f"This process holds {_resident() // _MEBIBYTE:,} MiB. Use fewer copies (num_envs), a "
            "smaller world or shorter rollouts (n_steps), or free memory elsewhere in this "
            "notebook."
        )
    return MEND


def trimmed(error: BaseException) -> None:
    """Takes the frames of daf_nb that come first out of a world's traceback, if others follow."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    if trace is not None:
        error.__traceback__ = trace


def lean(error: TrainingEnvironmentError) -> TrainingEnvironmentError:
    """The error without frames: they are all ours, and what the world did is its cause."""
    return error.with_traceback(None)


def leanly(function: Callable[P, T]) -> Callable[P, T]:
    """The function, whose errors of worlds rise as `lean` leaves them."""

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except TrainingEnvironmentError as error:
            raise lean(error) from error.__cause__

    return called


def shortened(value: object) -> str:
    """The repr of agents' actions, or of another value; cut where it is long."""
    if isinstance(value, Mapping):
        value = {agent: _plain(its) for agent, its in value.items()}
    text = repr(_plain(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _plain(value: object) -> object:
    """Numpy's numbers and arrays as Python's own, which read better."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _is_ours(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__", "")).startswith("daf_nb.")


def _resident() -> int:
    from daf_nb.monitor import memory_usage

    return memory_usage()["process_bytes"]
