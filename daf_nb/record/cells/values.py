"""A cell's last value as a record can hold it: small plain JSON, else how it shows itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daf_nb.record.plain import DEEPEST, to_plain

__all__ = ["LONGEST", "recordable"]

LONGEST = 10_000  # characters of a text
MOST = 10_000  # values in a list or dict, all together


def recordable(value: Any) -> Any:
    """The value itself where it is JSON of moderate size, else its `repr`, cut where it is long.

    A list or dict that is inside itself, or nested too deeply, is no JSON.

    Raises:
        BaseException: what a value raises that is no `Exception`; any other is only named.
    """
    try:
        value = _scalar(value)
        if _spent(value, MOST, ()) is not None:
            return to_plain(value)
    except Exception:
        pass  # a value that cannot be looked at may still be able to show itself
    try:
        return _cut(str.__str__(value) if isinstance(value, str) else repr(value))
    except Exception as error:
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"


def _scalar(value: Any) -> Any:
    """A number out of an array or tensor without a shape; any other value as it is."""
    if hasattr(value, "dtype") and getattr(value, "shape", None) == () and hasattr(value, "item"):
        try:
            return value.item()
        except Exception:
            return value
    return value


def _spent(value: Any, left: int, above: tuple[int, ...]) -> int | None:
    """What is left of a budget after a JSON value; None if it is none, or costs too much."""
    left -= 1
    if left < 0:
        return None
    if value is None or type(value) in (bool, int, float):
        return left
    if isinstance(value, str):
        return left if len(value) <= LONGEST else None
    if id(value) in above or len(above) >= DEEPEST:
        return None
    above = (*above, id(value))
    if type(value) in (list, tuple):
        return _all_spent(value, left, above)
    if type(value) is dict and all(isinstance(key, str) for key in value):
        return _all_spent(value.values(), left - len(value) // 2, above)
    return None


def _all_spent(values: Iterable[Any], left: int | None, above: tuple[int, ...]) -> int | None:
    for value in values:
        left = _spent(value, left, above) if left is not None else None
        if left is None:
            return None
    return left


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}... ({len(text) - LONGEST} more characters)"
