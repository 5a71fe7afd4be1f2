"""The recorder: one run's number, folder and logs, and the Sacred run around its main function."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.errors import RecordError
from daf_nb.record.document import experiment_info, queued_document, utc_now
from daf_nb.record.facts import environment_facts
from daf_nb.record.folders import claim_folder, project_root, runs_root, safe_name
from daf_nb.record.plain import to_plain
from daf_nb.record.series import EVENTS, JOURNAL, JOURNAL_COLUMNS, METRICS
from daf_nb.record.source import Source, launching_source
from daf_nb.record.store import RunStore

if TYPE_CHECKING:
    from daf_nb.record.sacred_api import SacredRun

__all__ = ["Recorder"]

RESERVED = frozenset(
    [
        "config.json",
        "cout.txt",
        "facts.json",
        "info.json",
        "lock",
        "metrics.json",
        "run.json",
        "source.py",
        EVENTS,
        JOURNAL,
        METRICS,
    ]
)


class Recorder:
    """Records one run, from QUEUED to its end.

    Making one claims a number and writes a QUEUED record at once. The folder's lock is held until
    the run ends or this process dies.

    Args:
        spec: everything the run is told, as JSON; what is no JSON is recorded as its `repr`.
        name: any text. It is data and never part of a path.
        runs_dir: see `runs_root`.
        tags: any texts.
        source: what launched the run; by default found out, if made in the launching thread.
        return_metric: the metric that `list_runs` shows as `return_last` and `return_best`.

    Attributes:
        id: the run's number.
        folder: where its files are.

    Raises:
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
    ) -> None:
        self._spec: dict[str, Any] = to_plain(spec)
        self._name = str(name)
        self._source = source or launching_source()
        self._return_metric = return_metric
        self._project = project_root()
        self._logging = threading.Lock()
        self._logged = 0
        self._started = False
        self._sacred: SacredRun | None = None
        self._artifacts: set[str] = set()
        document = queued_document(name=self._name, tags=tags, spec=self._spec, source=self._source)
        self.id, self.folder = claim_folder(runs_root(runs_dir))
        try:
            self._store = RunStore(self.folder, document=document)
            self._store.open(config=self._spec, source=self._source.text)
        except OSError as error:
            raise RecordError(
                f"Run {self.id} cannot be recorded in {self.folder}: {error}."
            ) from error

    @property
    def status(self) -> str:
        """QUEUED, RUNNING, PAUSED, COMPLETED, FAILED, INTERRUPTED: on disk within a second."""
        return self._store.status

    def run(self, main: Callable[[], Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
        """Executes `main` as a Sacred run, in the calling thread, and returns what it returns.

        The run ends COMPLETED; FAILED when `main` raises, which is raised on; INTERRUPTED when
        `main` raises `Interrupted`, whose `result` is returned. A run whose record is not whole on
        disk ends FAILED too, with a `DafWarning`, but what `main` returned is returned.

        Raises:
            RecordError: this recorder has recorded a run already.
        """
        self._start_once()
        from daf_nb.record.sacred_run import Interrupted

        try:
            return self._execute(main)
        except Interrupted as stop:
            return stop.result
        except BaseException as error:
            # Does nothing where Sacred came far enough to tell the observer.
            self._store.finish("FAILED", fail_trace=traceback.format_exception(error))
            raise
        finally:
            self._store.finish("FAILED", missing="Sacred did not say how the run ended")
            self._sacred = None

    def abandon(self, reason: str) -> None:
        """Ends a run that was queued but will never start, as FAILED.

        Raises:
            RecordError: it has started.
        """
        self._start_once()
        self._store.finish("FAILED", stop_time=utc_now(), fail_trace=[reason])

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Records metrics of one step. Another thread writes them within about a second.

        Raises:
            RecordError: the run is not running, or a value is no number.
        """
        sacred = self._sacred
        if sacred is None or self._store.closed:
            raise RecordError(f"Run {self.id} is {self.status}: metrics are logged while it runs.")
        try:
            numbers = [(str(name), float(value)) for name, value in values.items()]
        except (TypeError, ValueError) as error:
            raise RecordError(f"A metric of step {step} is no number: {error}.") from error
        step = int(step)
        with self._logging:
            for name, number in numbers:
                sacred.log_scalar(name, number, step)
            self._logged += len(numbers)

    def log_event(self, kind: str, step: int, data: Mapping[str, Any] | None = None) -> None:
        """Records that something happened. It reaches the disk within about a second.

        Raises:
            RecordError: the run has ended.
        """
        row = {"kind": str(kind), "step": int(step), "time": time.time(), "data": data or {}}
        self._queue(EVENTS, row)

    def log_journal(self, entry: Mapping[str, Any]) -> None:
        """Records one change from outside: step, name, old, new, by.

        Raises:
            RecordError: a key is missing, or the run has ended.
        """
        absent = [column for column in JOURNAL_COLUMNS if column not in entry]
        if absent:
            raise RecordError(f"A journal entry lacks {', '.join(absent)}; it has {sorted(entry)}.")
        self._queue(JOURNAL, {**entry, "step": int(entry["step"])})

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
        """The path for an artifact inside the run's folder, such as "checkpoints/agents.zip".

        Folders on the way are made.

        Raises:
            RecordError: the name would leave the folder, is not portable, or is the record's own.
        """
        parts = name.split("/")
        if parts[0] in RESERVED or any(part != safe_name(part) for part in parts):
            raise RecordError(
                f"{name[:100]!r} is no name for a file of a run: use letters, digits, '.', '_' and "
                "'-', with '/' between folders, and none of the record's own files. safe_name() "
                "makes any text a name."
            )
        path = self.folder.joinpath(*parts)
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise RecordError(f"{name!r} leads out of the run's folder through a link.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordError(f"No folder for {name!r} in run {self.id}: {error}.") from error
        self._artifacts.add(name)
        self._store.update(artifacts=sorted(self._artifacts))
        return path

    def _queue(self, log: str, row: Mapping[str, Any]) -> None:
        if self._store.closed:
            raise RecordError(
                f"Run {self.id} is {self.status}: nothing can be added to its record."
            )
        self._store.queue(log, row)

    def _start_once(self) -> None:
        if self._started:
            raise RecordError(f"Run {self.id} is {self.status}: a recorder records one run, once.")
        self._started = True

    def _execute(self, function: Callable[[], Any]) -> Any:
        from daf_nb.record.observer import RunFolder
        from daf_nb.record.sacred_run import Interrupted, Start, execute

        facts = environment_facts(root=self._project, ignore=self.folder.parent)
        self._store.put("facts.json", facts)
        start = Start()
        observer = RunFolder(
            self._store,
            on_started=start.done,
            expected=lambda: self._logged,
            return_metric=self._return_metric,
        )
        returned: Any = None

        def main() -> Any:
            nonlocal returned
            try:
                returned = function()
            except Interrupted as stop:
                observer.result = to_plain(stop.result)
                raise
            return to_plain(returned)

        execute(
            main,
            start=start,
            observer=observer,
            config=self._spec,
            facts=experiment_info(
                name=self._name, folder=self.folder, project=self._project, facts=facts
            ),
            run_id=self.id,
            on_run=lambda run: setattr(self, "_sacred", run),
        )
        return returned
