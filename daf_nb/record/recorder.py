"""The recorder: one run's number, folder and logs, and the Sacred run around its main function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

from daf_nb.errors import RecordError
from daf_nb.record.artifacts import Artifacts
from daf_nb.record.beside import Beside
from daf_nb.record.door import MetricDoor
from daf_nb.record.execution import Execution
from daf_nb.record.files import write_atomic
from daf_nb.record.marks import Marks
from daf_nb.record.opening import Opened, open_again, open_new
from daf_nb.record.rows import event_row, journal_row, metric_numbers
from daf_nb.record.series import EVENTS, JOURNAL
from daf_nb.record.source import Source, launching_source

if TYPE_CHECKING:
    from daf_nb.record.locks import FolderLock
    from daf_nb.record.sacred_api import RunObserver

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
        forked: the run, step and checkpoint that it goes on from.

    Attributes:
        id: the run's number.
        folder: where its files are.
        marks: how much was logged, and what checkpoints and the end wait for.

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
        forked: Mapping[str, Any] | None = None,
    ) -> None:
        self._take(
            Beside(observers),
            open_new(
                spec=spec,
                name=name,
                runs_dir=runs_dir,
                tags=tags,
                source=source or launching_source(),
                return_metric=return_metric,
                parent=parent,
                kind=kind,
                forked=forked,
            ),
        )

    @classmethod
    def again(
        cls,
        folder: Path,
        *,
        spec: Mapping[str, Any],
        step: int,
        positions: Mapping[str, int],
        observers: Sequence[str | RunObserver] = (),
        return_metric: str = "rollout/return_mean",
        lock: FolderLock | None = None,
        checkpoint: str | None = None,
    ) -> Recorder:
        """Records on in a run's folder, as a new part of the same run.

        Args:
            folder: the run's; what its logs have beyond the positions is moved to `parts/`.
            step: agent-steps at which it goes on.
            spec: as the run was told, with its secrets, which are taken out of what is written.
            positions: what `marks` gave at that step.
            observers: who else is told, from now on.
            return_metric: as when it began.
            lock: the folder's, from `take_up`; None takes it.
            checkpoint: name of the folder that it goes on from; later ones go to `parts/` too.

        Raises:
            RecordError: another process records there, or nothing can be recorded.
        """
        self = cls.__new__(cls)
        told = {"spec": spec, "step": step, "positions": positions, "return_metric": return_metric}
        beside = Beside(observers)
        self._take(beside, open_again(folder, **told, lock=lock, checkpoint=checkpoint))
        return self

    def _take(self, beside: Beside, opened: Opened) -> None:
        self.id, self.folder, self._store = opened.id, opened.folder, opened.store
        self._door = MetricDoor()
        self.marks = Marks(self._store, self._door, before=opened.before)
        self._artifacts = Artifacts(self._store)
        self._execution = Execution(opened, beside, self._door, self.marks)

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
        return self._execution.run(main)

    def abandon(self, reason: str, *, status: str = "FAILED") -> None:
        """Ends a run that was queued but will never start, as FAILED or INTERRUPTED.

        Raises:
            RecordError: it has started.
        """
        self._execution.abandon(reason, status=status)

    def give_up(self, reason: str) -> None:
        """Ends the record now, as INTERRUPTED, though what is recorded has not come to its end."""
        self._execution.give_up(reason)

    def fail(self, error: BaseException) -> None:
        """Ends the record as FAILED, from another thread: its main function hangs for good."""
        self._execution.fail(error)

    def wait_started(self, timeout: float | None = None) -> bool:
        """Waits until Sacred has started the run, its seeding undone, or the run has ended.

        Args:
            timeout: seconds; None waits as long as it takes. False is returned when they are over.
        """
        return self._execution.begun.wait(timeout)

    def write(self, text: str) -> None:
        """Adds to what the run printed. After its end there is nowhere to write to."""
        self._store.output.write(text)

    def add_child(self, number: int) -> None:
        """Says that the run `number`, of the same runs folder, belongs to this one."""
        self._store.document.add_child(number)

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
        self.log_rows(EVENTS, [event_row(kind, step, data)])

    def log_journal(self, entry: Mapping[str, Any]) -> None:
        """Records one change from outside: step, name, old, new, by.

        Raises:
            RecordError: a key is missing, or the run has ended.
        """
        self.log_rows(JOURNAL, [journal_row(entry)])

    def set_status(self, status: str) -> None:
        """PAUSED or RUNNING, while the run runs; on disk within about a second.

        Raises:
            RecordError: any other status, or the run is not running.
        """
        self._store.document.switch(status)

    def hide(self, data: bytes) -> bytes:
        """The bytes without secrets."""
        return self._store.hide(data)

    def flush(self) -> None:
        """Writes events and journal now, in this thread: before a checkpoint relies on them."""
        self._store.flush()

    def file(self, name: str) -> Path:
        """The path for an artifact, such as "checkpoints/agents.zip"; folders on the way are made.

        Raises:
            RecordError: the name would leave the folder, is not portable, or is the record's own.
        """
        return self._artifacts.path(name)

    def keep(self, name: str, data: bytes) -> None:
        """Writes an artifact whole, and tells every observer.

        Raises:
            OSError: the disk refuses.
            RecordError: as `file`.
        """
        path = self._artifacts.path(name)
        write_atomic(path, data)
        self._execution.tell_artifact(path, name)

    def log_rows(self, log: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Puts rows at the end of one of the logs, together; how many it has then.

        Raises:
            RecordError: the run has ended.
        """
        if self._store.closed:
            raise RecordError(f"Run {self.id} is {self.status}: nothing can be added to it.")
        return self._store.queue(log, *rows)
