"""Any value as strict JSON, and any text as one harmless line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["as_text", "encodable", "one_line", "plain", "shown"]

DEEPEST = 8
LONGEST = 10_000  # characters of a repr, and items of a list or a mapping


def plain(value: Any, depth: int = 0) -> Any:
    """A value that strict JSON can hold: what it cannot hold is its repr, NaN and infinities too.

    Never raises.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return encodable(str.__str__(value))
    if isinstance(value, int):
        # Python refuses to write longer integers in decimal.
        return (
            int(value)
            if value.bit_length() < 4096
            else f"(an integer of {value.bit_length()} bits)"
        )
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    try:
        if depth < DEEPEST:
            # A scalar of numpy or torch.
            item = getattr(value, "item", None) if getattr(value, "shape", None) == () else None
            if callable(item):
                return plain(item(), depth + 1)
            if isinstance(value, Mapping) and len(value) <= LONGEST:
                return {_key(key): plain(item, depth + 1) for key, item in value.items()}
            if isinstance(value, (list, tuple, set, frozenset)) and len(value) <= LONGEST:
                return [plain(item, depth + 1) for item in value]
        return encodable(repr(value)[:LONGEST])
    except Exception as error:  # a repr may raise anything
        return f"(a {type(value).__name__} that cannot be shown: {type(error).__name__})"


def as_text(value: Any) -> str:
    """A value as `str` shows it; of one that raises, what it is. Never raises."""
    try:
        return value if type(value) is str else str(value)
    except Exception:
        return str(plain(value))


def encodable(text: str) -> str:
    """A text that UTF-8 can hold: lone surrogates are written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str) -> str:
    """A text with what cannot be printed (newlines, control and direction marks) written out."""
    if text.isprintable():
        return text
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii")
        for mark in text
    )


def shown(value: Any) -> str:
    """A plain value for a line that people read: short numbers, texts quoted where need be."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value if value and one_line(value) == value and " " not in value else repr(value)
    return one_line(json.dumps(value, ensure_ascii=False))


def _key(key: Any) -> str:
    return plain(key) if isinstance(key, str) else str(plain(key))
