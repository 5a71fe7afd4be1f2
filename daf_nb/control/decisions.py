"""What rules decided: applied, or proposed to a person; numbered, none forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from daf_nb.errors import ConfigError

__all__ = ["Decision", "Decisions"]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision of a rule; a later one of the same number tells what became of it.

    Attributes:
        number: its place among the decisions, from 1.
        step: live agent-steps when it was made.
        rule: which rule.
        signal: what the rule follows.
        group: whose signal, where it is followed group by group.
        value: what was compared with the band.
        low, high: the band.
        side: "below" or "above" it.
        action: what is done, in words.
        knob: what is moved, several with commas; empty for stop, pause and checkpoint.
        state: "applied"; or "proposed", and then "accepted", "refused", or "expired" where the
            reason is gone or another proposal took its place; "failed" where it could not be done.
        by: who acts: the rule, or who accepted or refused.
        message: from which value to which, or why it failed.
    """

    number: int
    step: int
    rule: str
    signal: str
    group: str | None
    value: float | None
    low: float | None
    high: float | None
    side: Literal["below", "above"]
    action: str
    knob: str
    state: Literal["applied", "proposed", "accepted", "refused", "expired", "failed"]
    by: str
    message: str = ""

    def to_plain(self) -> dict[str, Any]:
        """All fields, as data that JSON holds."""
        return asdict(self)

    @property
    def because(self) -> dict[str, Any]:
        """What caused it, for the journal."""
        return {"signal": self.signal, "value": self.value, "low": self.low, "high": self.high}


class Decisions:
    """Decisions in the order of their numbers."""

    def __init__(self, made: Iterable[Mapping[str, Any]] = ()) -> None:
        known = {field.name for field in fields(Decision)}
        self._all: list[Decision] = []
        for number, row in enumerate(made, start=1):
            if row.keys() != known or row["number"] != number:
                raise ConfigError(f"decision {number} cannot be read: {dict(row)}.")
            self._all.append(Decision(**row))
        self._open = {d.number for d in self._all if d.state == "proposed"}

    def __iter__(self) -> Iterator[Decision]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def open(self) -> list[Decision]:
        """The proposals that nobody has answered."""
        return [self._all[number - 1] for number in sorted(self._open)]

    def since(self, number: int) -> list[Decision]:
        """Those with greater numbers."""
        return self._all[number:]

    def add(self, **of: Any) -> Decision:
        """A new one, of these fields other than its number."""
        decision = Decision(number=len(self._all) + 1, **of)
        self._all.append(decision)
        if decision.state == "proposed":
            self._open.add(decision.number)
        return decision

    def change(self, number: int, **of: Any) -> Decision:
        """The same with other fields, in its place."""
        decision = self._all[number - 1] = replace(self._all[number - 1], **of)
        if decision.state != "proposed":
            self._open.discard(number)
        return decision

    def proposed(self, number: int) -> Decision:
        """An open proposal.

        Raises:
            ConfigError: there is none of that number.
        """
        if number in self._open:
            return self._all[number - 1]
        known = isinstance(number, int) and 0 < number <= len(self._all)
        said = f"is {self._all[number - 1].state}" if known else "does not exist"
        still = ", ".join(str(each) for each in sorted(self._open)) or "none"
        raise ConfigError(f"decision {number!r} {said}; open proposals: {still}.")
