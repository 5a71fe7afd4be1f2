"""What every strategy is: which task next, learning from outcomes, a state; and their register."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from daf_nb.curriculum.state import capture, restore
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError, unknown_name

__all__ = [
    "Outcome",
    "Proposal",
    "Strategy",
    "check_strategy",
    "known_strategies",
    "make_strategy",
    "register_strategy",
]


@dataclass(slots=True)
class Proposal:
    """What a strategy chose where it does not choose among tasks by shares.

    Attributes:
        difficulty: in [0, 1]; None where `point` says all.
        probe: the episode is played at the bound, and its outcome moves the bound.
        point: a place in [0, 1] for each of the task's axes.
    """

    difficulty: float | None = None
    probe: bool = False
    point: tuple[float, ...] | None = None


@dataclass(slots=True)
class Outcome:
    """What came of one episode of one copy.

    Attributes:
        task: the task's place in the curriculum.
        success: in [0, 1].
        difficulty: at which it was played, in [0, 1].
        probe: it was played at the bound.
        point: the point that was proposed, or None.
    """

    task: int
    success: float
    difficulty: float
    probe: bool = False
    point: tuple[float, ...] | None = None


class Strategy:
    """Chooses what is learned next. Implement `shares`, or `propose`; and mostly `update`.

    A strategy over tasks gives `shares`; one over difficulties or parameters `propose`s them. All
    attributes that hold numbers, arrays, queues or generators are its state, and round-trip.

    Args:
        tasks: the curriculum's tasks, in order.
        rng: the strategy's own source of chance.

    Attributes:
        uniform_share: u by default: final shares are (1 - u) P + u / K.
        keeps_order: it decides itself which tasks are due, so that `max_active_tasks` must not.
        moves_itself: its bound follows success by itself, so that no rule outside should move it
            by success as well.
        needs_advantages: `score` is told the mean absolute advantage of every episode's live rows.
        names: the tasks' names.
        low, high: float [K], the tasks' least and greatest difficulties.
        difficulties: float [K], their means.
        progress: agent-steps trained so far as a part of all, in [0, 1].
    """

    uniform_share: ClassVar[float] = 0.0
    needs_advantages: ClassVar[bool] = False
    keeps_order: ClassVar[bool] = False
    moves_itself: ClassVar[bool] = False

    def __init__(self, tasks: Sequence[Task], rng: np.random.Generator) -> None:
        self.rng = rng
        self.names = [task.name for task in tasks]
        self.low = np.array([task.low for task in tasks])
        self.high = np.array([task.high for task in tasks])
        self.difficulties = (self.low + self.high) / 2
        self.progress = 0.0

    def shares(self) -> np.ndarray:
        """Float [K], 0 or more: how much of each task, up to a common factor.

        All zeros stands for all alike. The caller does not change the array.
        """
        raise NotImplementedError(f"{type(self).__name__} implements neither shares nor propose")

    def propose(self) -> Proposal | None:
        """The next episode's difficulty or parameters; None to draw a task by `shares`."""
        return None

    def update(self, outcome: Outcome) -> None:
        """Learns from one episode of one copy, once."""

    def score(self, task: int, value: float) -> None:
        """Told the mean absolute advantage of an episode's live rows, where asked for."""

    @property
    def bound(self) -> float | None:
        """The difficulty that the strategy has come to, in [0, 1]; None where it has no bound."""
        return None

    def shift(self, by: float) -> bool:
        """Moves the bound by `by`, within its limits; False where there is none.

        0 moves nothing, and only tells whether there is one.
        """
        return False

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as data that JSON holds without loss."""
        return capture(self, leave=_FIXED)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues exactly where `state_dict` was taken.

        Raises:
            ConfigError: the state is not one of this strategy.
        """
        restore(self, state, leave=_FIXED)


_FIXED = frozenset({"names", "low", "high", "difficulties"})
_KNOWN: dict[str, type[Strategy]] = {}

S = TypeVar("S", bound=type[Strategy])


def register_strategy(name: str) -> Callable[[S], S]:
    """Makes a `Strategy` class known by `name`, as a decorator; a second one replaces the first.

    Raises:
        ConfigError: the class is no `Strategy`, or the name is none or one of daf_nb's own.
    """
    if not (isinstance(name, str) and name):
        raise ConfigError(f"a name is needed, as in @register_strategy('mine'); {name!r} is none.")

    def keep(cls: S) -> S:
        if not (isinstance(cls, type) and issubclass(cls, Strategy)):
            raise ConfigError(f"{cls!r} is no class of daf_nb.Strategy.")
        ours = _KNOWN.get(name)
        if ours is not None and _is_ours(ours) and not _is_ours(cls):
            raise ConfigError(f"strategy {name!r} is daf_nb's own; choose another name.")
        _KNOWN[name] = cls
        return cls

    return keep


def known_strategies() -> dict[str, type[Strategy]]:
    """Name -> class, daf_nb's own and those that were registered."""
    import daf_nb.curriculum.strategies  # noqa: F401 - registers daf_nb's own

    return dict(_KNOWN)


def check_strategy(name: str, options: Mapping[str, Any]) -> type[Strategy]:
    """The class of a strategy that takes these options.

    Raises:
        ConfigError: an unknown strategy or option, or one that is needed is missing.
    """
    known = known_strategies()
    if not (isinstance(name, str) and name in known):
        raise ConfigError(unknown_name("strategy", name, known))
    takes = {
        parameter.name: parameter.default is parameter.empty
        for parameter in inspect.signature(known[name]).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for option in options:
        if option not in takes:
            raise ConfigError(unknown_name(f"option of strategy {name!r}", option, takes))
    missing = [option for option, needed in takes.items() if needed and option not in options]
    if missing:
        raise ConfigError(f"strategy {name!r} needs its option {', '.join(missing)}.")
    return known[name]


def make_strategy(
    name: str, tasks: Sequence[Task], rng: np.random.Generator, options: Mapping[str, Any]
) -> Strategy:
    """A strategy by name.

    Raises:
        ConfigError: as `check_strategy`, or a value that the strategy refuses.
    """
    return check_strategy(name, options)(tasks, rng, **options)


def _is_ours(cls: type[Strategy]) -> bool:
    return cls.__module__.startswith("daf_nb.")
