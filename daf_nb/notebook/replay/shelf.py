"""Compressed pictures within a bound: those near the cursor are kept."""

from __future__ import annotations

__all__ = ["Shelf"]


class Shelf:
    """Step -> picture, as bytes. Not safe against several threads that write."""

    ROOM = 2**25
    """Bytes of all pictures."""

    def __init__(self) -> None:
        self._kept: dict[int, bytes] = {}
        self._pinned: set[int] = set()
        self._size = 0

    def __contains__(self, step: int) -> bool:
        return step in self._kept

    @property
    def size(self) -> int:
        """Bytes of the pictures that are kept."""
        return self._size

    def get(self, step: int) -> bytes | None:
        """The picture of a step, where it is kept."""
        return self._kept.get(step)

    def put(self, step: int, content: bytes, *, near: int, pinned: bool = False) -> None:
        """Keeps a picture; lets go of those farthest from a step, where there is no room.

        Args:
            step: whose picture it is.
            content: the picture.
            near: the step whose surroundings are kept.
            pinned: never let go of this one.
        """
        self._size += len(content) - len(self._kept.get(step, b""))
        self._kept[step] = content
        if pinned:
            self._pinned.add(step)
        while self._size > self.ROOM:
            loose = self._kept.keys() - self._pinned - {step}
            if not loose:
                return
            gone = max(loose, key=lambda one: abs(one - near))
            self._size -= len(self._kept.pop(gone))

    def room_for(self) -> int:
        """How many pictures like those that are kept there is room for, the kept among them."""
        return len(self._kept) * self.ROOM // max(1, self._size) if self._kept else self.ROOM
