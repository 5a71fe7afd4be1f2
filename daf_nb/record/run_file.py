"""`run.json`: changed by any thread, written whole now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from daf_nb.errors import RecordError
from daf_nb.record.files import read_json, write_atomic
from daf_nb.record.plain import json_bytes, to_plain

__all__ = ["RunFile"]

SWITCHABLE = ("RUNNING", "PAUSED")
REWRITE_INTERVAL = 10.0  # seconds between two writings for the heartbeat's sake alone


class RunFile:
    """What a run's `run.json` says: Sacred's keys, and our own under "daf_nb".

    Args:
        path: the file.
        content: what it says at first.
        hide: takes secrets out of bytes.
    """

    def __init__(
        self, path: Path, content: Mapping[str, Any], *, hide: Callable[[bytes], bytes]
    ) -> None:
        self._path, self._hide = path, hide
        self._content: dict[str, Any] = to_plain(content)
        self._state = threading.Lock()
        self._changed = True
        self._written_at = 0.0

    @property
    def status(self) -> str:
        """The status that it has, or will have when it is written next."""
        return self._content["status"]

    @property
    def queued_at(self) -> str:
        """When the run was queued, in Sacred's format."""
        return self._content["meta"]["queue_time"]

    @property
    def started_at(self) -> str | None:
        """When the run began first, in Sacred's format; None where it has not yet."""
        return self._content.get("start_time")

    @property
    def artifacts(self) -> list[str]:
        """Names of the artifacts so far."""
        return list(self._content.get("artifacts") or ())

    @property
    def due(self) -> bool:
        """It changed, or its heartbeat is to be written."""
        return self._changed or time.monotonic() - self._written_at > REWRITE_INTERVAL

    def known(self, name: str) -> Any:
        """One of our own keys; None where it is not there."""
        return self._content["daf_nb"].get(name)

    def update(self, changes: Mapping[str, Any]) -> None:
        """Changes keys."""
        with self._state:
            self._content.update(to_plain(changes))
            self._changed = True

    def note(self, changes: Mapping[str, Any]) -> None:
        """Changes our own keys, to be written when it is written anyway."""
        with self._state:
            self._content["daf_nb"].update(to_plain(changes))

    def note_outage(self, outage: Mapping[str, Any]) -> bool:
        """Adds to what is told of the disk; whether it is the first."""
        before = self.known("outages") or []
        self.note({"outages": [*before, outage]})
        return not before

    def add_child(self, number: int) -> None:
        """Says that the run `number` belongs to this one."""
        with self._state:
            self._content["daf_nb"].setdefault("children", []).append(int(number))
            self._changed = True

    def beat(self, moment: str) -> None:
        """Sets the heartbeat."""
        with self._state:
            self._content["heartbeat"] = moment

    def switch(self, status: str) -> None:
        """Goes from RUNNING to PAUSED or back.

        Raises:
            RecordError: the run is neither, or is asked to become something else.
        """
        with self._state:
            if self.status not in SWITCHABLE or status not in SWITCHABLE:
                raise RecordError(
                    f"A run that is {self.status} cannot become {status}: only RUNNING and PAUSED "
                    "change into each other; the end of the run sets the final status."
                )
            self._content["status"] = status
            self._changed = True

    def write(self) -> None:
        """Writes it.

        Raises:
            OSError: the disk refuses; the old file is intact.
        """
        with self._state:
            self._changed = False
            data = self._hide(json_bytes(self._content))
        try:
            write_atomic(self._path, data)
        except BaseException:
            self._changed = True
            raise
        self._written_at = time.monotonic()

    def prove(self) -> None:
        """Writes it, and reads it back.

        Raises:
            OSError: the disk refuses, or does not have what was written.
        """
        self.write()
        if read_json(self._path)["status"] != self.status:
            raise OSError("the file does not hold what was written")
