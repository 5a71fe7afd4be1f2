"""Python values to JSON and back with their types kept: what a tape may hold, and no more."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["DTYPES", "decode", "encode"]

DTYPES = frozenset(
    {"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"}
)
"""Of arrays that are read: numbers only."""

_KIND = "!"


def encode(value: Any) -> Any:
    """The value in terms of JSON, so that `decode` gives an equal one of the same types.

    Raises:
        TypeError: it is none of None, bool, int, float, str, bytes, numpy's numbers and arrays of
            them, and lists, tuples and mappings of these; a mapping comes back as a dict.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [encode(part) for part in value]
    if kind is tuple:
        return {_KIND: "tuple", "of": [encode(part) for part in value]}
    if isinstance(value, Mapping):
        if all(type(key) is str for key in value) and _KIND not in value:
            return {key: encode(part) for key, part in value.items()}
        return {_KIND: "dict", "of": [[encode(key), encode(part)] for key, part in value.items()]}
    if kind is bytes:
        return {_KIND: "bytes", "of": base64.b64encode(value).decode()}
    if (kind is np.ndarray or isinstance(value, np.generic)) and value.dtype.str in DTYPES:
        content = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        its = {"dtype": value.dtype.str, "of": content}
        if kind is np.ndarray:
            return {_KIND: "array", "shape": list(value.shape), **its}
        return {_KIND: "number", **its}
    raise TypeError(f"a {kind.__name__} is not plain data")


def decode(value: Any) -> Any:
    """What `encode` was given.

    Raises:
        ValueError, TypeError, KeyError: nothing that `encode` gives.
    """
    if isinstance(value, list):
        return [decode(part) for part in value]
    if not isinstance(value, dict):
        return value
    match value.get(_KIND):
        case None:
            return {key: decode(part) for key, part in value.items()}
        case "tuple":
            return tuple(decode(part) for part in value["of"])
        case "dict":
            return {decode(key): decode(part) for key, part in value["of"]}
        case "bytes":
            return base64.b64decode(value["of"], validate=True)
        case "array":
            return _flat(value).reshape([int(length) for length in value["shape"]])
        case "number":
            return _flat(value).reshape(())[()]
    raise ValueError(f"values of kind {value[_KIND]!r} are unknown")


def _flat(value: Mapping[str, Any]) -> np.ndarray:
    if value["dtype"] not in DTYPES:
        raise ValueError(f"arrays of dtype {value['dtype']!r} are not read")
    content = base64.b64decode(value["of"], validate=True)
    return np.frombuffer(content, value["dtype"]).copy()
