"""A knob: one live value, its bounds, and what becomes of a value outside of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from daf_nb.errors import ConfigError, unknown_name

__all__ = ["Knob", "as_number"]


def _never() -> str:
    return ""


def _no() -> bool:
    return False


def _yes() -> bool:
    return True


def _nothing() -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Knob:
    """A live value that a person, a rule or a script may change at a boundary.

    Attributes:
        name: such as `learning_rate`, `ent_coef[wolves]` or `curriculum.weight[far]`.
        kind: "float", "int", "bool" or "choice".
        read: the value now.
        write: takes a value that `check` gave, and who asks; called at boundaries only.
        low, high: bounds of a number, inclusive.
        choices: the words that a choice may be, now.
        optional: None is a value too; `off` says what it means.
        out_of_range: what becomes of a number outside of the bounds.
        fit: the allowed number nearest to one inside of the bounds, where not all are allowed.
        refusal: why it cannot be set now; empty where it can.
        moves_itself: the run moves it by its own rules too, so that an adaptive rule leaves it.
        steady: the value stays as it is by itself; False while a schedule moves it.
        keep: takes hold of what the knob is now, more than its value where that is a schedule; what
            it gives puts that back. None where writing the value does.
        log: a slider is best logarithmic.
        step: what one press of a key or a button moves it by; 0 for a hundredth of the range.
        description: what it does, in a few words.
        off: what None means.
    """

    name: str
    kind: Literal["float", "int", "bool", "choice"]
    read: Callable[[], Any]
    write: Callable[[Any, str], None]
    low: float = -math.inf
    high: float = math.inf
    choices: Callable[[], Sequence[str]] = tuple
    optional: bool = False
    out_of_range: Literal["refuse", "clip"] = "refuse"
    fit: Callable[[float], float] | None = None
    refusal: Callable[[], str] = _never
    moves_itself: Callable[[], bool] = _no
    steady: Callable[[], bool] = _yes
    keep: Callable[[], Callable[[], None] | None] = _nothing
    log: bool = False
    step: float = 0.0
    description: str = ""
    off: str = "off"

    @property
    def numeric(self) -> bool:
        """Its value is a number, so that it can be moved by an amount."""
        return self.kind in ("float", "int")

    def check(self, value: Any, *, clip: bool = False) -> Any:
        """The value as it will be written.

        Args:
            value: what was asked for.
            clip: bring a number into the bounds, whatever `out_of_range` says.

        Raises:
            ConfigError: of another type, not finite, unknown, outside of the bounds, or not now.
        """
        self.refuse()
        if value is None and self.optional:
            return None
        if self.kind == "bool":
            if isinstance(value, bool) or _is_array_bool(value):
                return bool(value)
            raise ConfigError(f"{self.name}={value!r}: True or False is needed.")
        if self.kind == "choice":
            known = list(self.choices())
            if not (isinstance(value, str) and value in known):
                raise ConfigError(unknown_name(f"value of knob {self.name!r}", value, known))
            return value
        return self._number(value, clip or self.out_of_range == "clip")

    def refuse(self) -> None:
        """Raises ConfigError where it cannot be set now."""
        reason = self.refusal()
        if reason:
            raise ConfigError(f"knob {self.name!r} cannot be set now: {reason}")

    def _number(self, value: Any, clip: bool) -> float:
        number = as_number(value)
        if number is None or (self.kind == "int" and not (clip or number == round(number))):
            what = "a whole number" if self.kind == "int" else "a finite number"
            raise ConfigError(f"{self.name}={value!r}: {what} {self.range} is needed.")
        if not clip and not self.low <= number <= self.high:
            raise ConfigError(f"{self.name}={value!r}: {self.range} is allowed.")
        number = min(max(number, self.low), self.high)
        if self.fit is not None:
            number = self.fit(number)
        return round(number) if self.kind == "int" else number

    @property
    def range(self) -> str:
        """The bounds in words, None with them where it is allowed."""
        none = f", or None ({self.off})" if self.optional else ""
        return f"from {self.low:g} to {self.high:g}{none}"


def _is_array_bool(value: Any) -> bool:
    """A truth value as array libraries have them."""
    return getattr(getattr(value, "dtype", None), "kind", "") == "b"


def as_number(value: Any) -> float | None:
    """A finite number as a float; None for anything else, booleans too."""
    if isinstance(value, (bool, str, bytes)) or _is_array_bool(value):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
