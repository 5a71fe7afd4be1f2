"""Values as MongoDB can store them, and ids that follow from what they are for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from bson import ObjectId

__all__ = ["empty_series", "object_id", "storable"]


def empty_series() -> dict[str, list[Any]]:
    """The columns of a metric that has no values yet."""
    return {"steps": [], "values": [], "timestamps": []}


def object_id(purpose: str, data: bytes = b"") -> ObjectId:
    """The id for a purpose, and for the content of a file: the same at each attempt."""
    return ObjectId(hashlib.sha256(purpose.encode("utf-8", "replace") + data).digest()[:12])


def storable(value: Any) -> Any:
    """A copy whose keys, integers and texts BSON and the server take: as Sacred changes them."""
    if isinstance(value, Mapping):
        return {_key(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _key(key: str) -> str:
    if key.startswith("$"):
        key = f"@{key[1:]}"
    return storable(key.replace(".", ",").replace("\0", ""))
