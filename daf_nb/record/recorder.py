"""The recorder: one run's number, folder and logs, and the Sacred run around its main function."""

from __future__ import annotations

import shutil
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

from daf_nb.errors import RecordError
from daf_nb.record.artifacts import artifact_path
from daf_nb.record.beside import Beside
from daf_nb.record.document import queued_document, utc_now
from daf_nb.record.door import MetricDoor
from daf_nb.record.files import write_atomic
from daf_nb.record.folders import claim_folder, project_root, runs_root
from daf_nb.record.plain import to_plain
from daf_nb.record.redact import hider, secrets_in, without_secrets
from daf_nb.record.rows import event_row, journal_row, metric_numbers
from daf_nb.record.series import EVENTS, JOURNAL
from daf_nb.record.source import Source, launching_source
from daf_nb.record.store import RunStore
from daf_nb.record.told import Told

if TYPE_CHECKING:
    from daf_nb.record.sacred_api import RunObserver, SacredRun

__all__ = ["Recorder"]


class Recorder:
    """Records one run, from QUEUED to its end.

    Making one claims a number and writes a QUEUED record at once. The folder's lock is held until
    the run ends or this process dies. Secrets, of the environment and of the spec, are taken out of
    all that is written.

    Args:
        spec: everything the run is told, as JSON; what is no JSON is recorded as its `repr`.
        name: any text. It is data and never part of a path.
        runs_dir: see `runs_root`.
        tags: any texts.
        source: what launched the run; by default found out, if made in the launching thread.
        return_metric: the metric that `list_runs` shows as `return_last` and `return_best`.
        observers: who else is told, beside the folder: names that `make_observers` knows, or
            Sacred's own observers. Whatever they do, the run goes on.
        parent: number of the experiment that this run belongs to.
        kind: "training" or "experiment".

    Attributes:
        id: the run's number.
        folder: where its files are.

    Raises:
        ConfigError: there is no such observer, or what it needs is not installed.
        RecordError: nothing can be recorded there.
    """

    def __init__(
        self,
        *,
        spec: Mapping[str, Any],
        name: str,
        runs_dir: Path | str | None = None,
        tags: Sequence[str] = (),
        source: Source | None = None,
        return_metric: str = "rollout/return_mean",
        observers: Sequence[str | RunObserver] = (),
        parent: int | None = None,
        kind: str = "training",
    ) -> None:
        self._beside = Beside(observers)
        plain, source = to_plain(spec), source or launching_source()
        self._told = Told(
            name=str(name),
            tags=[str(tag) for tag in tags],
            spec=without_secrets(plain),
            return_metric=return_metric,
            project=project_root(),
        )
        self._begun = threading.Event()
        self._door = MetricDoor()
        self._starting, self._started = threading.Lock(), False
        self._sacred: SacredRun | None = None
        self._artifacts: set[str] = set()
        document = queued_document(
            name=self._told.name,
            tags=self._told.tags,
            spec=self._told.spec,
            source=source,
            kind=kind,
            parent=parent,
        )
        self.id, self.folder = claim_folder(runs_root(runs_dir))
        try:
            hide = hider(also=secrets_in(plain))
            self._store = RunStore(self.folder, document=document, hide=hide)
            self._store.open(config=self._told.spec, source=source.text)
        except BaseException as error:
            shutil.rmtree(self.folder, ignore_errors=True)  # half a record can be read by nobody
            if not isinstance(error, OSError):
                raise
            what = f"Run {self.id} cannot be recorded in {self.folder}: {error}."
            raise RecordError(what) from error

    @property
    def status(self) -> str:
        """QUEUED, RUNNING, PAUSED, COMPLETED, FAILED, INTERRUPTED: on disk within a second."""
        return self._store.status

    def run(self, main: Callable[[], Any]) -> Any:
        """Executes `main` as a Sacred run, in the calling thread, and returns what it returns.

        The run ends COMPLETED; FAILED when `main` raises, which is raised on; INTERRUPTED when
        `main` raises `Interrupted`, whose `result` is returned. A run whose record is not whole on
        disk ends FAILED too, with a `DafWarning`, but what `main` returned is returned.

        Raises:
            RecordError: this recorder has recorded a run already.
        """
        self._start_once()
        from daf_nb.record.executing import run_recorded
        from daf_nb.record.sacred_run import Interrupted

        try:
            return run_recorded(
                main,
                told=self._told,
                store=self._store,
                beside=self._beside,
                door=self._door,
                on_run=lambda run: setattr(self, "_sacred", run),
                on_running=self._begun.set,
            )
        except Interrupted as stop:
            return stop.result
        except BaseException as error:
            # Does nothing where Sacred came far enough to tell the observer.
            status = "INTERRUPTED" if isinstance(error, KeyboardInterrupt) else "FAILED"
            self._store.finish(status, fail_trace=traceback.format_exception(error))
            raise
        finally:
            self._store.finish("FAILED", missing="Sacred did not say how the run ended")
            self._sacred = None
            self._begun.set()
            self._beside.close()

    def abandon(self, reason: str, *, status: str = "FAILED") -> None:
        """Ends a run that was queued but will never start, as FAILED or INTERRUPTED.

        Raises:
            RecordError: it has started.
        """
        self._start_once()
        self._begun.set()
        self._store.finish(status, stop_time=utc_now(), fail_trace=[reason])

    def wait_started(self, timeout: float | None = None) -> bool:
        """Waits until Sacred has started the run, its seeding undone, or the run has ended.

        Args:
            timeout: seconds; None waits as long as it takes. False is returned when they are over.
        """
        return self._begun.wait(timeout)

    def write(self, text: str) -> None:
        """Adds to what the run printed. After its end there is nowhere to write to."""
        self._store.output.write(text)

    def add_child(self, number: int) -> None:
        """Says that the run `number`, of the same runs folder, belongs to this one."""
        self._store.add_child(number)

    def put(self, name: str, value: Any) -> None:
        """Gives one of the record's own JSON files its content, at the next writing."""
        self._store.put(name, value)

    def log_metrics(self, step: int, values: Mapping[str, SupportsFloat]) -> None:
        """Records metrics of one step. Another thread writes them within about a second.

        Raises:
            RecordError: the run's main function does not run, or a value is no number.
        """
        if not self._door.pass_on(metric_numbers(step, values), int(step)):
            what = "metrics are logged while its main function runs"
            raise RecordError(f"Run {self.id} is {self.status}: {what}.")

    def log_event(self, kind: str, step: int, data: Mapping[str, Any] | None = None) -> None:
        """Records that something happened. It reaches the disk within about a second.

        Raises:
            RecordError: the run has ended.
        """
        self._queue(EVENTS, event_row(kind, step, data))

    def log_journal(self, entry: Mapping[str, Any]) -> None:
        """Records one change from outside: step, name, old, new, by.

        Raises:
            RecordError: a key is missing, or the run has ended.
        """
        self._queue(JOURNAL, journal_row(entry))

    def set_status(self, status: str) -> None:
        """PAUSED or RUNNING, while the run runs; on disk within about a second.

        Raises:
            RecordError: any other status, or the run is not running.
        """
        self._store.switch(status)

    def flush(self) -> None:
        """Writes events and journal now, in this thread: before a checkpoint relies on them."""
        self._store.flush()

    def file(self, name: str) -> Path:
        """The path for an artifact, such as "checkpoints/agents.zip"; folders on the way are made.

        Raises:
            RecordError: the name would leave the folder, is not portable, or is the record's own.
        """
        path = artifact_path(self.folder, name)
        self._artifacts.add(name)
        self._store.update(artifacts=sorted(self._artifacts))
        return path

    def keep(self, name: str, data: bytes) -> None:
        """Writes an artifact whole, and tells every observer.

        Raises:
            OSError: the disk refuses.
            RecordError: as `file`.
        """
        path = self.file(name)
        write_atomic(path, data)
        if self._sacred is not None:
            self._sacred.add_artifact(str(path), name)

    def _queue(self, log: str, row: Mapping[str, Any]) -> None:
        if self._store.closed:
            raise RecordError(f"Run {self.id} is {self.status}: nothing can be added to it.")
        self._store.queue(log, row)

    def _start_once(self) -> None:
        with self._starting:
            started, self._started = self._started, True
        if started:
            raise RecordError(f"Run {self.id} is {self.status}: a recorder records one run, once.")
