"""A cell that is made again, while it runs: its kernel, its time, and the record that it makes."""

from __future__ import annotations

import atexit
import json
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daf_nb.errors import RecordError
from daf_nb.record import RunRecord, load_run
from daf_nb.record.files import read_regular
from daf_nb.record.series import METRICS
from daf_nb.record.status import LIVE
from daf_nb.session.cell_differences import STOPPED, children_of
from daf_nb.session.kernel import FreshKernel

__all__ = ["CellRun", "Step"]

_LOOK = 0.1
"""Seconds between two looks at trainings that outlive their cell."""
_LEAVE = 8.0
"""Seconds that a process which ends waits for the kernel's end."""
_MAKING = "daf_nb.record.cells.remaking"


@dataclass(frozen=True)
class Step:
    """A piece of code.

    Attributes:
        source: as it was typed.
        runs: the runs that it began then: arguments of `Was`, and `id`.
        number: of the cell then; None for the one that is made again.
        ok: whether it ended without an error then; None where that is not known.
        silent: it is no cell.
    """

    source: str
    runs: Sequence[dict[str, Any]]
    number: Any
    ok: Any
    silent: bool = False


class _GivenUp(Exception):
    """It is not to go on; the message says why."""


class CellRun:
    """Makes a cell again, in a thread that owns the kernel. Ends with this process.

    Args:
        record: of the cell.
        steps: what is executed; the last is the cell.
        directory: where the kernel is started.
        timeout: seconds that all of it may take.

    Attributes:
        error: what kept it from its end; None where nothing did. What the cell itself raises is in
            its record.
    """

    step = 0

    def __init__(
        self, record: RunRecord, *, steps: Sequence[Step], directory: Path, timeout: float
    ) -> None:
        self.error: BaseException | None = None
        self._record, self._steps, self._directory = record, steps, directory
        self._root, self._timeout = record.folder.parent, timeout
        self._stopping, self._finished = threading.Event(), threading.Event()
        self._number = 0
        self._began = 0.0
        name = f"daf_nb-cell-again-{record.id}"
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        atexit.register(self._leave)
        self._thread.start()

    @property
    def id(self) -> int:
        """The number of the new run; 0 while it has not begun."""
        return self._number

    @property
    def folder(self) -> Path:
        """The record of the new run, once it has begun."""
        return self._root / str(self._number)

    @property
    def status(self) -> str:
        """That of the new run; QUEUED before it has begun, FAILED where it never will."""
        if self._number:
            return load_run(self._number, runs_dir=self._root).status
        return "FAILED" if self.done else "QUEUED"

    @property
    def done(self) -> bool:
        """It has ended, and its kernel is gone."""
        return self._finished.is_set()

    def stop(self) -> None:
        """Interrupts the cell, and ends its kernel."""
        self._stopping.set()

    def wait(self, timeout: float | None = None) -> None:
        """Waits for the end; an interrupt ends the kernel first.

        Raises:
            RecordError: what kept it from its end.
        """
        try:
            self._finished.wait(timeout)
        except KeyboardInterrupt:
            self.stop()
            self._finished.wait()
            raise
        if self.error is not None:
            raise self.error

    def _work(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="daf_nb-") as folder:
                self._tell = Path(folder) / "run"
                environ = {"DAF_NB_RUNS_DIR": str(self._root)}
                with FreshKernel(self._directory, environ) as kernel:
                    self._play(kernel)
        except _GivenUp as why:
            self.error = RecordError(f"Run {self._record.id} was not made again to its end: {why}.")
        except BaseException as error:
            self.error = error
        finally:
            atexit.unregister(self._leave)
            self._finished.set()

    def _play(self, kernel: FreshKernel) -> None:
        self._until = time.monotonic() + self._timeout
        plan = {
            "root": str(self._root),
            "parent": self._record.id,
            "tags": list(self._record.tags),
            "tell": str(self._tell),
        }
        self._inside(kernel, f"remake({plan!r})")
        try:
            for step in self._steps:
                self._execute(kernel, step)
            self._await_trainings()
        except _GivenUp:
            kernel.interrupt()
            raise

    def _execute(self, kernel: FreshKernel, step: Step) -> None:
        last = step is self._steps[-1]
        runs = [{key: run[key] for key in run if key != "id"} for run in step.runs]
        told = json.dumps(runs)
        self._inside(kernel, f"now().begin(__import__('json').loads({told!r}))")
        enough = self._came_as_far if last and self._record.status in STOPPED else self._go_on
        ended = kernel.execute(step.source, silent=step.silent, enough=enough)
        self._look()
        if not last and ended.error and step.ok is not False:
            then = "and did not then" if step.ok else "whether it did then is not recorded"
            why = f"cell {step.number}, which it needs, raised {ended.error}; {then}"
            raise _GivenUp(why)
        if last and not self._number:
            raised = f": {ended.error}" if ended.error else ""
            raise _GivenUp(f"its code began no such run{raised}")

    def _inside(self, kernel: FreshKernel, call: str) -> None:
        """Calls our own module in the kernel, which binds no name there."""
        module = f"__import__({_MAKING!r}, fromlist=['remake'])"
        ended = kernel.execute(f"{module}.{call}", silent=True, enough=self._go_on)
        if ended.error:
            raise RecordError(f"the kernel could not be prepared: {ended.error}")

    def _go_on(self) -> bool:
        """Raises where it is not to; never enough."""
        self._look()
        if self._stopping.is_set():
            raise _GivenUp("it was stopped")
        if time.monotonic() > self._until:
            raise _GivenUp(f"it took longer than {self._timeout:,.0f} s; timeout=... gives it more")
        return False

    def _came_as_far(self) -> bool:
        """It has done all that the one did that was stopped, and taken as long."""
        self._go_on()
        taken = self._record.duration
        if not self._number or time.monotonic() - self._began < (taken if taken == taken else 0.0):
            return False
        now, was = load_run(self._number, runs_dir=self._root), self._record
        if len(now.output) < len(was.output) or len(now.children) < len(was.children):
            return False
        ended = all(child.status not in LIVE for child in children_of(now))
        return ended and _lines(now.folder) >= _lines(was.folder)

    def _await_trainings(self) -> None:
        """Those that the cell began may outlive it."""
        record = load_run(self._number, runs_dir=self._root)
        while any(child.status in LIVE for child in children_of(record)):
            self._go_on()
            time.sleep(_LOOK)

    def _look(self) -> None:
        """Whether the run has begun."""
        if not self._number and self._tell.exists():
            self._number, self._began = int(self._tell.read_text()), time.monotonic()

    def _leave(self) -> None:
        self.stop()
        self._finished.wait(_LEAVE)


def _lines(folder: Path) -> int:
    try:
        return read_regular(folder / METRICS).count(b"\n")
    except OSError:
        return 0
