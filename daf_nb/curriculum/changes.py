"""What was changed about a curriculum from outside of its strategy, in words for a journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Change", "changed"]


@dataclass(frozen=True)
class Change:
    """Something of a curriculum that was changed from outside of its strategy.

    Attributes:
        name: what, such as `curriculum.difficulty` or `curriculum.weight[far]`.
        old, new: its values, as JSON holds them: a number, a truth value, a text or None.
        by: who or what changed it.
        own: the curriculum's own rules did, and would again if all else were repeated.
    """

    name: str
    old: Any
    new: Any
    by: str
    own: bool = False


def changed(name: str, old: Any, new: Any, by: str) -> list[Change]:
    """The change; none where the values are equal."""
    return [Change(name, old, new, by)] if new != old else []
