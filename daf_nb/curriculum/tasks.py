"""Tasks: names with a difficulty and the world's arguments."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from daf_nb.curriculum.assignments import Assignment
from daf_nb.curriculum.parameters import Choice, Integers, Uniform, draw, is_drawn, is_number
from daf_nb.errors import ConfigError, TaskGenerationError

__all__ = ["Task", "check_weight"]

_MOST_WEIGHT = 1e9
_MUTABLE = (dict, list, set, np.ndarray)
_LONGEST_NAME = 1_000


@dataclass(frozen=True)
class Task:
    """A world to learn, at one difficulty or over a range of them.

    Values of `env_kwargs` and `config` may be fixed, or ranges and choices (`Uniform`, `Integers`,
    `Choice`), drawn for each episode, or functions of the difficulty (`Linear`, or any callable of
    one float).

    Attributes:
        name: what it is called.
        difficulty: in [0, 1]; a pair (low, high) makes a task of continuous difficulty.
        env_kwargs: constructor arguments, in place of the world's own.
        config: reset options; `curriculum_stage` goes to the world's `set_curriculum_stage` (mpe2),
            and with `apply`, all of it goes there instead.
        success: an episode's success on this task, as the trainer takes it; None for the trainer's.
        weight: how much of it is wanted beside the others; 0 for not at all.
        apply: called as `apply(env, params)` before each reset, with all values drawn.

    Raises:
        ConfigError: a value outside of what is allowed.
    """

    name: str
    difficulty: float | tuple[float, float]
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    success: Callable[..., float] | tuple[float, float] | None = None
    weight: float = 1.0
    apply: Callable[[Any, Any], Any] | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name):
            raise ConfigError(f"task name {self.name!r}: a text that is not empty is needed.")
        if len(self.name) > _LONGEST_NAME:
            raise ConfigError(
                f"task name {self.name[:40]!r}... has {len(self.name):,} characters; "
                f"{_LONGEST_NAME:,} at most."
            )
        ends: Sequence[Any] = (
            self.difficulty
            if isinstance(self.difficulty, (tuple, list))
            else [self.difficulty, self.difficulty]
        )
        if len(ends) != 2 or not all(is_number(d) and 0 <= d <= 1 for d in ends):
            raise ConfigError(
                f"task {self.name!r}: difficulty={self.difficulty!r}; a number in [0, 1] is "
                "needed, or a pair (low, high) of them."
            )
        if self.high < self.low:
            raise ConfigError(f"task {self.name!r}: the lower difficulty must come first.")
        check_weight(self.name, self.weight)
        self._check_kinds()
        for name in ("env_kwargs", "config"):
            object.__setattr__(self, name, dict(getattr(self, name)))
        both = sorted(self.env_kwargs.keys() & self.config.keys())
        if reserved := sorted({"task", "difficulty"} & self.env_kwargs.keys()) or both:
            raise ConfigError(
                f"task {self.name!r}: {', '.join(reserved)} cannot be told apart; env_kwargs and "
                "config must differ in their names, and no argument may be called task or "
                "difficulty."
            )

    def _check_kinds(self) -> None:
        for name in ("env_kwargs", "config"):
            values = getattr(self, name)
            if not (isinstance(values, Mapping) and all(isinstance(key, str) for key in values)):
                raise ConfigError(
                    f"task {self.name!r}: {name}={values!r}; a dict of values by name is needed."
                )
        if self.apply is not None and not callable(self.apply):
            raise ConfigError(
                f"task {self.name!r}: apply={self.apply!r}; a function of the world and the values "
                "is needed, or None."
            )
        bounds = self.success
        if not (bounds is None or callable(bounds) or _in_order(bounds)):
            raise ConfigError(
                f"task {self.name!r}: success={bounds!r}; a function of the episode is needed, or "
                "(low, high) to scale its return between, or None."
            )

    @property
    def low(self) -> float:
        """The least difficulty."""
        return float(self.difficulty[0] if self._ranges else self.difficulty)  # type: ignore[index,arg-type] - told apart by _ranges

    @property
    def high(self) -> float:
        """The greatest difficulty."""
        return float(self.difficulty[-1] if self._ranges else self.difficulty)  # type: ignore[index,arg-type] - told apart by _ranges

    @property
    def _ranges(self) -> bool:
        return isinstance(self.difficulty, (tuple, list))

    @property
    def continuous(self) -> bool:
        """Its difficulty is a range."""
        return self.high > self.low

    @property
    def axes(self) -> tuple[str, ...]:
        """What varies continuously: `difficulty`, where it is a range, then every `Uniform`."""
        ranges = [name for name, value in self._parameters() if isinstance(value, Uniform)]
        return (*(["difficulty"] if self.continuous else []), *ranges)

    def _parameters(self) -> Sequence[tuple[str, Any]]:
        return [*self.env_kwargs.items(), *self.config.items()]

    def corners(self) -> dict[str, list[Any]]:
        """Constructor argument -> the values that show what worlds the task makes.

        All values of a choice, both ends of a range, and a function at both ends of the difficulty.

        Raises:
            TaskGenerationError: a function of the difficulty raised; the task is named.
        """
        rng = np.random.default_rng(0)
        easiest, hardest = (
            self._drawn(self.env_kwargs, rng, difficulty, {})
            for difficulty in (self.low, self.high)
        )
        found: dict[str, list[Any]] = {}
        for name, value in self.env_kwargs.items():
            if isinstance(value, Choice):
                found[name] = list(value.values)
            elif isinstance(value, (Uniform, Integers)):
                found[name] = [value.low, value.high]
            else:
                found[name] = [easiest[name], *([hardest[name]] if self.continuous else [])]
        return found

    def assign(
        self,
        rng: np.random.Generator,
        *,
        index: int = 0,
        difficulty: float | None = None,
        point: Sequence[float] | None = None,
        probe: bool = False,
    ) -> Assignment:
        """Draws everything that one episode needs.

        Args:
            rng: source of chance.
            index: the task's place in its curriculum.
            difficulty: clipped into the task's range; None draws it uniformly from there.
            point: a place in [0, 1] for each of `axes`, in place of chance.
            probe: carried along.

        Raises:
            ConfigError: a point of another length.
            TaskGenerationError: a function of the difficulty raised; the task is named.
        """
        placed = {} if point is None else self._placed(point)
        if "difficulty" in placed:
            difficulty = self.low + (self.high - self.low) * placed.pop("difficulty")
        if difficulty is None:
            difficulty = (
                self.low if not self.continuous else float(rng.uniform(self.low, self.high))
            )
        d = min(max(float(difficulty), self.low), self.high)
        return Assignment(
            self.name,
            index,
            d,
            self._drawn(self.env_kwargs, rng, d, placed),
            self._drawn(self.config, rng, d, placed),
            probe,
            None if point is None else tuple(float(x) for x in point),
        )

    def _placed(self, point: Sequence[float]) -> dict[str, float]:
        if len(point) != len(self.axes):
            raise ConfigError(
                f"task {self.name!r}: the point {tuple(point)} needs a place in [0, 1] for each of "
                f"{', '.join(self.axes) or 'no axes'}."
            )
        return dict(zip(self.axes, point, strict=True))

    def _drawn(
        self,
        values: Mapping[str, Any],
        rng: np.random.Generator,
        difficulty: float,
        placed: Mapping[str, float],
    ) -> Mapping[str, Any]:
        drawn = dict(values)
        for name, value in values.items():
            if name in placed:
                drawn[name] = value.at(float(placed[name]))
            elif isinstance(value, _MUTABLE):
                drawn[name] = copy.deepcopy(value)  # a world may write into what it is given
            elif is_drawn(value):
                try:
                    drawn[name] = draw(value, rng, difficulty)
                except Exception as error:
                    raise TaskGenerationError(
                        f"task {self.name!r}: {name} at difficulty {difficulty:g} raised "
                        f"{type(error).__name__}: {error}",
                        task=self.name,
                    ) from error
        return drawn


def check_weight(task: str, weight: Any) -> float:
    """A task's weight as a float.

    Raises:
        ConfigError: no number, or one outside of 0 to 1e9.
    """
    if not (is_number(weight) and 0 <= weight <= _MOST_WEIGHT):
        raise ConfigError(
            f"task {task!r}: weight={weight!r}; a number from 0 to {_MOST_WEIGHT:g} is needed."
        )
    return float(weight)


def _in_order(bounds: Any) -> bool:
    return (
        isinstance(bounds, (tuple, list))
        and len(bounds) == 2
        and all(is_number(bound) for bound in bounds)
        and bounds[0] < bounds[1]
    )
