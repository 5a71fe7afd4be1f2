"""Any Python value as plain, strict JSON: what a record may hold, and nothing that could run."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import os
from collections.abc import Mapping, Set
from typing import Any

import orjson

__all__ = ["dumps", "json_bytes", "loads", "loads_lines", "to_plain"]

DEEPEST = 60
DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
LONG = b"0" * 19  # digits; longer integers do not fit into 64 bits


def dumps(value: Any, *, indent: int | None = None) -> str:
    """The value as strict JSON in ASCII: no bare NaN or Infinity, whatever came in."""
    return json.dumps(to_plain(value), indent=indent, allow_nan=False)


def json_bytes(value: Any) -> bytes:
    """The content of a JSON file that people read too."""
    return dumps(value, indent=2).encode() + b"\n"


def loads(text: str | bytes) -> Any:
    """Parses JSON.

    Raises:
        ValueError: the text is no JSON, or is nested beyond what can be parsed.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    # orjson makes floats of long integers, such as the state of a random generator.
    if LONG not in data.translate(DIGITS):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass  # the standard library also reads a bare NaN, as plain Sacred writes it
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def loads_lines(block: bytes) -> list[Any] | None:
    """Parses whole lines of one JSON value each in one go; numbers beyond 64 bits are rounded.

    Args:
        block: the lines, the last one with its end.

    Returns:
        One value a line; None where the lines have to be looked at one by one.
    """
    lines = block.count(b"\n")
    # With an object begun on every line, no array anywhere and no string over a line's end, a
    # comma at a line's end can only stand between whole values: this cannot repair a torn line.
    plainly = b"[" not in block and block.startswith(b"{") and block.count(b"\n{") == lines - 1
    try:
        if not plainly:
            return [orjson.loads(line) for line in block[:-1].split(b"\n")]
        values = orjson.loads(b"[" + block[:-1].replace(b"\n", b",\n") + b"]")
    except orjson.JSONDecodeError:
        return None
    return values if len(values) == lines else None


def to_plain(value: Any) -> Any:
    """The value in terms of dict, list, str, int, float, bool and None.

    Non-finite floats become the strings "NaN", "Infinity" and "-Infinity"; arrays, tensors, tuples
    and sets become lists; dataclasses and pydantic models become dicts; classes and functions
    become their dotted names; anything else becomes its `repr`.
    """
    return _plain(value, ())


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    leaf = _leaf(value)
    if leaf is not _NOT_A_LEAF:
        return leaf
    if id(value) in above or len(above) >= DEEPEST:
        return f"<{type(value).__name__} inside itself or nested too deeply>"
    above = (*above, id(value))
    try:
        return _branch(value, above)
    except Exception as error:
        return f"<{type(value).__name__} that could not be read: {type(error).__name__}>"


_NOT_A_LEAF = object()


def _leaf(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        # Python refuses to print integers of more than 4 300 digits.
        return int(value) if value.bit_length() < 14_000 else hex(value)
    if isinstance(value, float):
        number = float(value)
        if math.isnan(number):
            return "NaN"
        if math.isinf(number):
            return "Infinity" if number > 0 else "-Infinity"
        return number
    return _NOT_A_LEAF


def _branch(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, Mapping):
        return _plain_mapping(value, above)
    if isinstance(value, list | tuple):
        return [_plain(item, above) for item in value]
    if isinstance(value, Set):
        return sorted((_plain(item, above) for item in value), key=json.dumps)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, type) or hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _plain_mapping(fields, above)
    if hasattr(value, "model_dump"):  # a pydantic model
        return _plain_mapping(value.model_dump(), above)
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # numpy, or torch on any device
        return _plain(value.tolist(), above)
    return repr(value)


def _plain_mapping(mapping: Mapping[Any, Any], above: tuple[int, ...]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item in mapping.items():
        name = _leaf(key)
        if not isinstance(name, str):
            name = json.dumps(name) if name is not _NOT_A_LEAF else repr(key)
        if name in plain:
            name = f"{name} ({type(key).__name__})"
        plain[name] = _plain(item, above)
    return plain
