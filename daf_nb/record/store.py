"""One run's folder, for its only writer: logs that grow, files replaced whole, a proven end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daf_nb.record.document import utc_now
from daf_nb.record.files import sync, write_atomic
from daf_nb.record.locks import FolderLock
from daf_nb.record.log_file import LogFile
from daf_nb.record.outage import Outage
from daf_nb.record.output import OUTPUT, OutputLog
from daf_nb.record.plain import json_bytes
from daf_nb.record.proofs import prove_folder
from daf_nb.record.run_file import RunFile
from daf_nb.record.saying import say
from daf_nb.record.series import EVENTS, JOURNAL, METRICS, TAPES

__all__ = ["RunStore"]

LOGS: tuple[str, ...] = (METRICS, EVENTS, JOURNAL, TAPES)


class RunStore:
    """Writes a run's files. Every method may be called from any thread.

    `flush` and `finish` touch the disk; the others only say what the next `flush` is to write.
    After `open`, a disk that refuses is remembered, said once, and tried again at the next
    `flush`: nothing is raised, so that it cannot stop a training, and nothing is dropped.

    Args:
        folder: the run's own folder, which exists and is empty.
        document: what `run.json` says, in Sacred's keys, with our own under "daf_nb".
        hide: takes secrets out of whatever bytes go to the disk.
        lock: the folder's, where it is held already; from now on it is this store's to free.

    Attributes:
        document: what `run.json` says.
        output: what the run prints.
        closed: the final status is written, or was tried to.
    """

    def __init__(
        self,
        folder: Path,
        *,
        document: Mapping[str, Any],
        hide: Callable[[bytes], bytes] = bytes,
        lock: FolderLock | None = None,
    ) -> None:
        self.folder = folder
        self.output = OutputLog(folder / OUTPUT, hide=hide)
        self.closed = False
        self.hide = hide
        self.document = RunFile(folder / "run.json", document, hide=hide)
        self._lock = lock or FolderLock(folder)
        self._disk = threading.RLock()
        self._state = threading.Lock()
        self._logs = {name: LogFile(folder / name, hide=hide) for name in LOGS}
        self._whole: dict[str, bytes] = {}
        self._outage = Outage(folder, note=self.document.note_outage)

    @property
    def status(self) -> str:
        """The status that `run.json` has, or will have at the next `flush`."""
        return self.document.status

    @property
    def trouble(self) -> str | None:
        """What the disk refuses at present."""
        return self._outage.trouble

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
        self.document.write()

    def reopen(self, *, rows: Mapping[str, int], output: int, parts: Sequence[Any]) -> None:
        """Goes on with a folder that has these files already.

        Args:
            rows: log -> lines that it has.
            output: bytes of what was printed.
            parts: the run's lineage, this part the last.

        Raises:
            OSError: the folder takes no files.
        """
        for name, count in rows.items():
            self._logs[name].go_on(count)
        self.output.size = output
        self.note(lock="flock" if self._lock.works else "heartbeat", parts=parts, incomplete=[])
        self.update(status="QUEUED", stop_time=None, result=None, fail_trace=None)
        self.update(heartbeat=utc_now())
        self.document.write()

    def abandon(self) -> None:
        """Frees the folder as it is."""
        self.closed = True
        self._lock.release()

    def queue(self, name: str, *rows: Mapping[str, Any]) -> int:
        """Puts rows at the end of a log, together; how many it has then."""
        return self._logs[name].queue(rows)

    def queued(self, name: str) -> int:
        """Rows that a log has, or will have at the next `flush`."""
        return self._logs[name].queued

    def put(self, name: str, value: Any) -> None:
        """Gives a JSON file its content."""
        data = self.hide(json_bytes(value))
        with self._state:
            self._whole[name] = data

    def update(self, **changes: Any) -> None:
        """Changes keys of `run.json`."""
        self.document.update(changes)

    def note(self, **changes: Any) -> None:
        """Changes our own keys in `run.json`, to be written when it is written anyway."""
        self.document.note(changes)

    def flush(self, *, last: bool = False) -> None:
        """Writes all that is queued, and `run.json` when it changed or its heartbeat is due.

        Args:
            last: nothing will end an unfinished line of the output any more.
        """
        with self._disk:
            if self.closed:
                return
            done = [self._outage.attempt(log.flush) for log in self._logs.values()]
            done.append(self._outage.attempt(partial(self.output.flush, last=last)))
            done += [
                self._outage.attempt(partial(self._write_whole, name)) for name in list(self._whole)
            ]
            if self.document.due:
                done.append(self._outage.attempt(self.document.write))
            if all(done):
                self._outage.over()

    def sync(self) -> None:
        """Waits until the logs are on the disk itself, as far as they were flushed.

        Raises:
            OSError: the disk refuses.
        """
        for log in self._logs.values():
            sync(log.path)

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
            # Another thread may log while files are read back.
            if any(log.coming for log in self._logs.values()):
                problems = self._problems()
            problems += [missing] if missing else []
            self.note(incomplete=problems)
            if problems and status == "COMPLETED":
                status = "FAILED"
                changes["fail_trace"] = [f"record incomplete: {problem}\n" for problem in problems]
            self.update(**changes, status=status, heartbeat=utc_now())
            if not self._outage.attempt(self.document.prove):
                problems.append(f"run.json: {self.trouble}")
                self.update(status="FAILED" if status == "COMPLETED" else status)
                self._outage.attempt(self.document.write)
            self.closed = True
            self._lock.release()
        if problems:
            what = "; ".join(problems)
            say(f"Run {self.folder} is {self.status}, its record incomplete: {what}.")

    def _problems(self) -> list[str]:
        self.flush(last=True)
        unwritten = [name for name, log in self._logs.items() if log.unwritten]
        unwritten += list(self._whole)
        unwritten += [OUTPUT] if self.output.waiting else []
        if unwritten:
            return [f"{name}: {self.trouble}" for name in unwritten]
        rows = {name: log.rows for name, log in self._logs.items()}
        return prove_folder(self.folder, rows=rows, output=self.output.size)

    def _write_whole(self, name: str) -> None:
        with self._state:
            data = self._whole[name]
        write_atomic(self.folder / name, data)
        with self._state:
            if self._whole[name] is data:
                del self._whole[name]
