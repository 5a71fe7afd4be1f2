"""`observers.json`: what each observer of a run has got, for whoever looks at the run's folder."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from daf_nb.record.files import read_json, write_atomic
from daf_nb.record.plain import json_bytes

__all__ = ["FILE", "Ledger"]

FILE = "observers.json"


class Ledger:
    """Keeps the file. A disk that refuses is no observer's fault, and harms none.

    Args:
        folder: the run's folder.
        names: the observers, in the order in which they are listed.
    """

    def __init__(self, folder: Path, *, names: Iterable[str] = ()) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._entries: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            for entry in read_json(self._path)["observers"]:
                self._entries[entry["name"]] = dict(entry)
        for name in names:
            fresh = {"state": "delivering", "delivered": 0, "pending": 0, "error": None}
            self._entries.setdefault(name, {"name": name, **fresh, "reference": None})

    def entry(self, name: str) -> Mapping[str, Any]:
        """What is written about an observer so far."""
        return self._entries.get(name, {})

    def write(self, name: str, entry: Mapping[str, Any]) -> None:
        """Replaces what is written about an observer."""
        with self._lock:
            self._entries[name] = dict(entry)
            with contextlib.suppress(OSError):
                rows = list(self._entries.values())
                write_atomic(self._path, json_bytes({"observers": rows}))
