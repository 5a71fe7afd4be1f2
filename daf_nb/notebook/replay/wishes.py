"""Which pictures are wished, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

__all__ = ["Heard", "Wishes"]

Heard = Callable[[int, bytes], object]
"""Called, from any thread, with a step and its picture."""


class Wishes:
    """The newest wishes of each owner. Not safe against several threads at once."""

    def __init__(self) -> None:
        self._wishes: dict[Hashable, dict[int, Heard]] = {}

    def __bool__(self) -> bool:
        return bool(self._wishes)

    def __contains__(self, step: int) -> bool:
        return any(step in wanted for wanted in self._wishes.values())

    def put(self, owner: Hashable, wanted: Mapping[int, Heard]) -> None:
        """Wishes in place of what the owner wished before: step -> who is told of its picture."""
        self._wishes.pop(owner, None)
        if wanted:
            self._wishes[owner] = dict(wanted)

    def first(self, last: int) -> int | None:
        """A step that is wished, of the owner that waits longest; wishes beyond `last` are gone."""
        for owner, wanted in list(self._wishes.items()):
            left = {at: heard for at, heard in wanted.items() if at <= last}
            if left:
                self._wishes[owner] = left
                return next(iter(left))
            del self._wishes[owner]
        return None

    def take(self, step: int) -> list[Heard]:
        """Who is to be told of a step that is there now; they wish it no more."""
        heard = [wanted.pop(step) for wanted in self._wishes.values() if step in wanted]
        self._wishes = {owner: wanted for owner, wanted in self._wishes.items() if wanted}
        return heard

    def clear(self) -> None:
        """Nothing is wished any more."""
        self._wishes.clear()
