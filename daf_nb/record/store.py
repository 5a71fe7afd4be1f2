"""One run's folder, for its only writer: logs that grow, files replaced whole, a proven end."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from daf_nb.errors import RecordError
from daf_nb.record.document import utc_now
from daf_nb.record.files import append, read_json, write_atomic
from daf_nb.record.locks import FolderLock
from daf_nb.record.output import OUTPUT, OutputLog
from daf_nb.record.plain import dumps, json_bytes, to_plain
from daf_nb.record.proofs import prove_folder
from daf_nb.record.saying import say
from daf_nb.record.series import EVENTS, JOURNAL, METRICS

__all__ = ["RunStore"]

LOGS: tuple[str, ...] = (METRICS, EVENTS, JOURNAL)
SWITCHABLE = ("RUNNING", "PAUSED")
REWRITE_INTERVAL = 10.0  # seconds between two writings of run.json for the heartbeat's sake alone

logger = logging.getLogger("daf_nb.record")


class RunStore:
    """Writes a run's files. Every method may be called from any thread.

    `flush` and `finish` touch the disk; the others only say what the next `flush` is to write.
    After `open`, a disk that refuses is remembered, said once, and tried again at the next
    `flush`: nothing is raised, so that it cannot stop a training, and nothing is dropped.

    Args:
        folder: the run's own folder, which exists and is empty.
        document: what `run.json` says, in Sacred's keys, with our own under "daf_nb".
        hide: takes secrets out of whatever bytes go to the disk.

    Attributes:
        output: what the run prints.
        trouble: what the disk refuses at present.
        closed: the final status is written, or was tried to.
    """

    def __init__(
        self, folder: Path, *, document: Mapping[str, Any], hide: Callable[[bytes], bytes] = bytes
    ) -> None:
        self.folder = folder
        self.output = OutputLog(folder / OUTPUT, hide=hide)
        self.trouble: str | None = None
        self.closed = False
        self.hide = hide
        self._document: dict[str, Any] = to_plain(document)
        self._lock = FolderLock(folder)
        self._disk = threading.RLock()
        self._state = threading.Lock()
        self._changed = True
        self._written_at = 0.0
        self._queues: dict[str, deque[bytes]] = {name: deque() for name in LOGS}
        self._tails = {name: bytearray() for name in LOGS}
        self._rows = dict.fromkeys(LOGS, 0)
        self._whole: dict[str, bytes] = {}

    @property
    def status(self) -> str:
        """The status that `run.json` has, or will have at the next `flush`."""
        return self._document["status"]

    @property
    def queued_at(self) -> str:
        """When the run was queued, in Sacred's format."""
        return self._document["meta"]["queue_time"]

    def open(self, *, config: Mapping[str, Any], source: str) -> None:
        """Writes the files that a run has from its first moment.

        Raises:
            OSError: the folder takes no files.
        """
        self.note(lock="flock" if self._lock.works else "heartbeat")
        text = source.encode("utf-8", "backslashreplace")
        write_atomic(self.folder / "config.json", self.hide(json_bytes(config)))
        write_atomic(self.folder / "source.py", self.hide(text))
        write_atomic(self.folder / OUTPUT, b"")
        self._write_document()

    def queue(self, name: str, row: Mapping[str, Any]) -> None:
        """Puts a row at the end of a log."""
        self._queues[name].append(self.hide(dumps(row).encode() + b"\n"))

    def put(self, name: str, value: Any) -> None:
        """Gives a JSON file its content."""
        data = self.hide(json_bytes(value))
        with self._state:
            self._whole[name] = data

    def update(self, **changes: Any) -> None:
        """Changes keys of `run.json`."""
        with self._state:
            self._document.update(to_plain(changes))
            self._changed = True

    def note(self, **changes: Any) -> None:
        """Changes our own keys in `run.json`, to be written when it is written anyway."""
        with self._state:
            self._document["daf_nb"].update(to_plain(changes))

    def add_child(self, number: int) -> None:
        """Says that the run `number` belongs to this one."""
        with self._state:
            self._document["daf_nb"].setdefault("children", []).append(int(number))
            self._changed = True

    def beat(self, moment: str) -> None:
        """Sets the heartbeat, and flushes."""
        with self._state:
            self._document["heartbeat"] = moment
        self.flush()

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
            self._document["status"] = status
            self._changed = True

    def flush(self, *, last: bool = False) -> None:
        """Writes all that is queued, and `run.json` when it changed or its heartbeat is due.

        Args:
            last: nothing will end an unfinished line of the output any more.
        """
        with self._disk:
            if self.closed:
                return
            done = [self._attempt(partial(self._write_log, name)) for name in LOGS]
            done.append(self._attempt(partial(self.output.flush, last=last)))
            done += [self._attempt(partial(self._write_whole, name)) for name in list(self._whole)]
            if self._changed or time.monotonic() - self._written_at > REWRITE_INTERVAL:
                done.append(self._attempt(self._write_document))
            if all(done) and self.trouble is not None:
                logger.info("Run %s: the record can be written again.", self.folder)
                self.trouble = None

    def finish(self, status: str, *, missing: str | None = None, **changes: Any) -> None:
        """Writes everything, reads it back, writes the final status, and frees the folder.

        Args:
            status: what happened. COMPLETED becomes FAILED when the record is not whole.
            missing: what is known to have never arrived here.
            changes: further keys of `run.json`.
        """
        with self._disk:
            if self.closed:
                return
            self.output.freeze()  # a thread that prints on would never let it be whole
            problems = self._problems()
            if any(self._queues.values()):  # another thread logged while files were read back
                problems = self._problems()
            problems += [missing] if missing else []
            self.note(incomplete=problems)
            if problems and status == "COMPLETED":
                status = "FAILED"
                changes["fail_trace"] = [f"record incomplete: {problem}\n" for problem in problems]
            self.update(**changes, status=status, heartbeat=utc_now())
            if not self._attempt(self._prove_document):
                problems.append(f"run.json: {self.trouble}")
                self.update(status="FAILED" if status == "COMPLETED" else status)
                self._attempt(self._write_document)
            self.closed = True
            self._lock.release()
        if problems:
            what = "; ".join(problems)
            say(f"Run {self.folder} is {self.status}, its record incomplete: {what}.")

    def _problems(self) -> list[str]:
        self.flush(last=True)
        unwritten = [name for name in LOGS if self._tails[name]] + list(self._whole)
        unwritten += [OUTPUT] if self.output.waiting else []
        if unwritten:
            return [f"{name}: {self.trouble}" for name in unwritten]
        return prove_folder(self.folder, rows=self._rows, output=self.output.size)

    def _prove_document(self) -> None:
        self._write_document()
        if read_json(self.folder / "run.json")["status"] != self.status:
            raise OSError("the file does not hold what was written")

    def _write_log(self, name: str) -> None:
        queue, tail = self._queues[name], self._tails[name]
        while queue:
            tail += queue.popleft()
            self._rows[name] += 1
        if tail:
            append(self.folder / name, tail)

    def _write_whole(self, name: str) -> None:
        with self._state:
            data = self._whole[name]
        write_atomic(self.folder / name, data)
        with self._state:
            if self._whole[name] is data:
                del self._whole[name]

    def _write_document(self) -> None:
        with self._state:
            self._changed = False
            data = self.hide(json_bytes(self._document))
        try:
            write_atomic(self.folder / "run.json", data)
        except BaseException:
            self._changed = True
            raise
        self._written_at = time.monotonic()

    def _attempt(self, action: Callable[[], Any]) -> bool:
        try:
            action()
        except Exception as error:
            first, self.trouble = self.trouble is None, str(error)
            if first:
                self._remember_trouble()
            return False
        return True

    def _remember_trouble(self) -> None:
        outages = self._document["daf_nb"].get("outages", [])
        self.note(outages=[*outages, {"time": utc_now(), "error": self.trouble}])
        logger.error("Run %s cannot be recorded: %s", self.folder, self.trouble)
        if not outages:
            say(
                f"Run {self.folder} cannot be recorded at the moment: {self.trouble}. It goes on; "
                "what is missing is kept in memory and tried again every second. Free the disk."
            )
