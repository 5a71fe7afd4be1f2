"""The journal: everything that changed a run from outside of its own rules, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Entry", "Journal"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change.

    Attributes:
        number: its place in the journal, from 1.
        step: live agent-steps when it took effect.
        name: which knob.
        old, new: its values.
        by: who: "user", "panel", "rule: kl", ...
        because: what caused it, where a rule did: the signal, its value and its band.
        undoes: the number of the entry that it takes back.
        own: the run does it again by itself when the journal is played again.
    """

    number: int
    step: int
    name: str
    old: Any
    new: Any
    by: str
    because: Mapping[str, Any] | None = None
    undoes: int | None = None
    own: bool = False

    def to_plain(self) -> dict[str, Any]:
        """The row that a record holds: step, name, old, new, by, number; the others where set."""
        row = {"step": self.step, "name": self.name, "old": self.old, "new": self.new}
        row |= {"by": self.by, "number": self.number}
        if self.because is not None:
            row["because"] = dict(self.because)
        if self.undoes is not None:
            row["undoes"] = self.undoes
        return row | ({"own": True} if self.own else {})


class Journal:
    """Entries, appended and never changed."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._taken_back: set[int] = set()
        self._kept: dict[int, Callable[[], None]] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, step: int, name: str, old: Any, new: Any, **more: Any) -> Entry:
        """Appends an entry; `more` as its other fields."""
        self.take_back(more.get("undoes"))
        number = len(self._entries) + 1
        entry = Entry(number=number, step=step, name=name, old=old, new=new, **more)
        self._entries.append(entry)
        return entry

    def take_back(self, *numbers: int | None) -> None:
        """The knobs of these entries have their old values again, once and for all."""
        self._taken_back.update(number for number in numbers if number is not None)

    @property
    def taken_back(self) -> list[int]:
        """The numbers of the entries that `take_back` was told of."""
        return sorted(self._taken_back)

    def load(self, rows: Iterable[Mapping[str, Any]], taken_back: Iterable[int]) -> None:
        """Goes on after other entries, told as `Entry.to_plain` tells them."""
        self._entries = [Entry(**row) for row in rows]
        self._taken_back, self._kept = set(taken_back), {}

    def keep(self, entry: Entry, put_back: Callable[[], None] | None) -> None:
        """Keeps what puts back what an entry's knob was before it, where a value does not."""
        if put_back is not None:
            self._kept[entry.number] = put_back

    def kept(self, number: int) -> Callable[[], None] | None:
        """What `keep` was given."""
        return self._kept.get(number)

    def newest(self, wanted: Callable[[str], bool], *, leave: Collection[int]) -> Entry | None:
        """The newest change that is neither taken back nor takes one back.

        Args:
            wanted: says of which knobs.
            leave: numbers of entries that are just being taken back.
        """
        gone = self._taken_back.union(leave)
        for entry in reversed(self._entries):
            if entry.undoes is None and entry.number not in gone and wanted(entry.name):
                return entry
        return None
