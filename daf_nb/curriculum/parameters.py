"""Values of a task that are drawn for each episode, or follow from its difficulty; all are data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from daf_nb.errors import ConfigError, unknown_name

__all__ = [
    "Choice",
    "Integers",
    "Linear",
    "Parameter",
    "Uniform",
    "draw",
    "from_plain",
    "is_drawn",
    "is_number",
    "to_plain",
]


@dataclass(frozen=True)
class _Told:
    """A parameter that can say itself as data."""

    def to_plain(self) -> dict[str, Any]:
        """The kind and the fields, as `from_plain` takes them."""
        return {_MARK: type(self).__name__.lower(), **asdict(self)}


@dataclass(frozen=True)
class Uniform(_Told):
    """A float drawn uniformly from [low, high]; `alp_gmm` chooses it instead.

    Raises:
        ConfigError: the bounds are not finite or not in order.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _in_order(self, self.low, self.high)

    def at(self, place: float) -> float:
        """The value at `place` in [0, 1] between the bounds."""
        return _between(self.low, self.high, place)


@dataclass(frozen=True)
class Integers(_Told):
    """An integer drawn uniformly from low, low + 1, ..., high; both ends belong to it.

    Raises:
        ConfigError: the bounds are no integers or not in order.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        _in_order(self, self.low, self.high)
        for name, bound in (("low", self.low), ("high", self.high)):
            if int(bound) != bound:
                raise ConfigError(f"{self}: integers are needed; use Uniform for fractions.")
            object.__setattr__(self, name, int(bound))


@dataclass(frozen=True, init=False)
class Choice(_Told):
    """One of `values`, all alike: `Choice(2, 3, 5)`.

    Raises:
        ConfigError: there is nothing to choose from.
    """

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        if not values:
            raise ConfigError("Choice(): at least one value is needed.")
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class Linear(_Told):
    """From `start` at difficulty 0 to `end` at difficulty 1; rounded where both are ints.

    Raises:
        ConfigError: an end is no finite number.
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        if not all(is_number(end) and np.isfinite(end) for end in (self.start, self.end)):
            raise ConfigError(f"{self}: two finite numbers are needed.")

    def __call__(self, difficulty: float) -> float:
        value = _between(self.start, self.end, difficulty)
        whole = isinstance(self.start, int) and isinstance(self.end, int)
        return round(value) if whole else value


Parameter = Uniform | Integers | Choice | Linear | Callable[[float], Any]
"""What may stand for a value: a range, a choice, or a function of the difficulty."""

_KINDS: dict[str, type[Any]] = {
    "choice": Choice,
    "integers": Integers,
    "linear": Linear,
    "uniform": Uniform,
}
_MARK = "$draw"


def is_drawn(value: Any) -> bool:
    """`value` stands for values that differ between episodes."""
    return isinstance(value, (Uniform, Integers, Choice)) or callable(value)


def is_number(value: Any) -> bool:
    """`value` is a real number, Python's or numpy's; truth values are none."""
    kinds = (int, float, np.integer, np.floating)
    return isinstance(value, kinds) and not isinstance(value, bool)


def draw(value: Any, rng: np.random.Generator, difficulty: float) -> Any:
    """One value of a parameter, as a plain Python number where it is one.

    Args:
        value: a `Parameter`.
        rng: source of chance; one number is drawn for a range or a choice, none for a function.
        difficulty: in [0, 1].
    """
    if isinstance(value, Uniform):
        return value.at(rng.random())
    if isinstance(value, Integers):
        return int(rng.integers(value.low, value.high + 1))
    if isinstance(value, Choice):
        return value.values[int(rng.integers(len(value.values)))]
    return value(difficulty)


def to_plain(value: Any) -> Any:
    """A parameter as data that JSON can hold; everything else is returned as it is.

    A function of the difficulty other than `Linear` is told by its name, and cannot be restored.
    """
    if isinstance(value, _Told):
        return value.to_plain()
    if callable(value):
        named = value if hasattr(value, "__qualname__") else type(value)
        return {_MARK: "function", "name": f"{named.__module__}.{named.__qualname__}"}
    return value


def from_plain(value: Any) -> Any:
    """The inverse of `to_plain`.

    Raises:
        ConfigError: an unknown kind, its fields amiss, or a function, which data cannot hold.
    """
    if not (isinstance(value, Mapping) and _MARK in value):
        return value
    kind = value[_MARK]
    if kind == "function":
        raise ConfigError(
            f"the function {value.get('name')!r} of the difficulty is not in the data; give the "
            "task again, or say it with Linear(start, end)."
        )
    if not (isinstance(kind, str) and kind in _KINDS):
        raise ConfigError(unknown_name("kind of parameter", kind, _KINDS))
    given = {name: its for name, its in value.items() if name != _MARK}
    names = [field.name for field in fields(_KINDS[kind])]
    if given.keys() != set(names):
        raise ConfigError(f"{value!r}: a {kind} parameter has {' and '.join(names)}.")
    if kind == "choice":
        return Choice(*_sequence(given["values"]))
    return _KINDS[kind](**given)


def _sequence(values: Any) -> Sequence[Any]:
    return values if isinstance(values, (list, tuple)) else ()


def _between(first: float, last: float, part: float) -> float:
    """On the way from `first` to `last`, which it meets exactly: -.9 + (.1 - -.9) is not .1."""
    return last if part == 1 else first + (last - first) * part


def _in_order(parameter: Any, low: float, high: float) -> None:
    numbers = is_number(low) and is_number(high)
    if not (numbers and np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ConfigError(f"{parameter}: finite bounds in order are needed, the lower one first.")
