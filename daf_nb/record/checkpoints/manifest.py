"""What a checkpoint says of itself: of which step it is, on what it was made, and its hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from daf_nb.record.plain import to_plain

__all__ = ["FORMAT", "MANIFEST", "manifest_bytes", "read_manifest", "sha256"]

FORMAT = 1
MANIFEST = "manifest.json"


def manifest_bytes(about: Mapping[str, Any], members: Mapping[str, bytes]) -> bytes:
    """The manifest's file: what it says, with a hash of every member and of itself.

    Args:
        about: plain values.
        members: name -> content.
    """
    files = {
        name: {"size": len(content), "sha256": sha256(content)} for name, content in members.items()
    }
    return _rendered({**to_plain(about), "format": FORMAT, "members": files})


def read_manifest(content: bytes) -> dict[str, Any]:
    """What a manifest says.

    Raises:
        ValueError: it is none, of another format, or was changed.
    """
    try:
        told = json.loads(content)["manifest"]
        whole = isinstance(told, dict) and _rendered(told) == content
    except (KeyError, RecursionError, TypeError) as error:
        raise ValueError(f"{MANIFEST} is no manifest: {error}") from error
    if not whole:
        raise ValueError(f"{MANIFEST} was changed or cut")
    if told.get("format") != FORMAT:
        raise ValueError(f"its format is {told.get('format')!r}; {FORMAT} is read")
    if type(told.get("step")) is not int or not isinstance(told.get("members"), dict):
        raise ValueError(f"{MANIFEST} lacks a step or its members")
    places = told.get("positions", {})
    if not isinstance(places, dict) or not all(map(_is_count, places.values())):
        raise ValueError(f"{MANIFEST} tells of places in the logs that cannot be")
    return told


def sha256(content: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _rendered(told: Mapping[str, Any]) -> bytes:
    """The only way to write it, so that no byte of it can change unnoticed."""
    content = json.dumps(told, sort_keys=True, allow_nan=False)
    whole = {"manifest": told, "sha256": sha256(content.encode())}
    return json.dumps(whole, sort_keys=True, allow_nan=False, indent=2).encode() + b"\n"
