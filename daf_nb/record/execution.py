"""What a record is of: one execution, which begins once and ends once, whoever ends it."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.errors import RecordError
from daf_nb.record.beside import Beside
from daf_nb.record.document import utc_now
from daf_nb.record.door import MetricDoor
from daf_nb.record.marks import Marks
from daf_nb.record.opening import Opened

if TYPE_CHECKING:
    from daf_nb.record.sacred_api import SacredRun

__all__ = ["Execution"]


class Execution:
    """Runs a main function inside Sacred, or ends the record without.

    Args:
        opened: the record.
        beside: the observers beside it.
        door: of the metrics.
        marks: what its end waits for.

    Attributes:
        begun: set when Sacred has started it, its seeding undone, or the record has ended.
    """

    def __init__(self, opened: Opened, beside: Beside, door: MetricDoor, marks: Marks) -> None:
        self.begun = threading.Event()
        self._opened, self._store = opened, opened.store
        self._beside, self._door, self._marks = beside, door, marks
        self._starting = threading.Lock()
        self._started = False
        self._sacred: SacredRun | None = None

    def run(self, main: Callable[[], Any]) -> Any:
        """See `Recorder.run`."""
        self._start_once()
        from daf_nb.record.executing import run_recorded
        from daf_nb.record.sacred_run import Interrupted

        try:
            return run_recorded(
                main,
                told=self._opened.told,
                store=self._store,
                beside=self._beside,
                door=self._door,
                before_end=self._marks.end,
                facts_file=self._opened.facts_file,
                on_run=lambda run: setattr(self, "_sacred", run),
                on_running=self.begun.set,
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
            self.begun.set()
            self._beside.close()

    def abandon(self, reason: str, *, status: str) -> None:
        """See `Recorder.abandon`."""
        self._start_once()
        self.begun.set()
        self._store.finish(status, stop_time=utc_now(), fail_trace=[reason])

    def give_up(self, reason: str) -> None:
        """See `Recorder.give_up`."""
        missing = self._marks.give_up()
        self._store.finish("INTERRUPTED", missing=missing, stop_time=utc_now(), fail_trace=[reason])
        self.begun.set()

    def fail(self, error: BaseException) -> None:
        """See `Recorder.fail`."""
        from daf_nb.record.sacred_api import fail

        self._door.close()
        if self._sacred is not None:
            fail(self._sacred, error)
        self._store.finish("FAILED", fail_trace=traceback.format_exception(error))
        self.begun.set()
        self._beside.close()

    def tell_artifact(self, path: Path, name: str) -> None:
        """Tells every observer of a file, while it runs."""
        if self._sacred is not None:
            self._sacred.add_artifact(str(path), name)

    def _start_once(self) -> None:
        with self._starting:
            started, self._started = self._started, True
        if started:
            id, status = self._opened.id, self._store.status
            raise RecordError(f"Run {id} is {status}: a recorder records one run, once.")
