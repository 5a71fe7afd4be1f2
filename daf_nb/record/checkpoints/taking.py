"""When a run's state is taken: at boundaries, now and then; written beside the training."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.errors import DafError, RecordError
from daf_nb.record.checkpoints.members import members_of
from daf_nb.record.checkpoints.queueing import Queueing
from daf_nb.record.checkpoints.versions import stamp
from daf_nb.record.checkpoints.writing import keep_newest, write_checkpoint
from daf_nb.record.document import utc_now
from daf_nb.record.saying import say

if TYPE_CHECKING:
    from daf_nb.learn import RlTrainer
    from daf_nb.learn.snapshot import Snapshot
    from daf_nb.record.recorder import Recorder

__all__ = ["FOLDER", "Checkpointing"]

FOLDER = "checkpoints"
EVERY = 10.0
"""Least seconds of the clock from one checkpoint that nobody asked for to the next."""
SHARE = 0.005
"""Greatest part of the time that training stands still for those."""


class Checkpointing:
    """Takes a trainer's state at its boundaries.

    That is: when it was asked for, when training ends or waits, and else when `EVERY` seconds have
    gone by since the last one, or more, where taking it takes long. Where training is broken off
    between two boundaries, the state at the one before is written. What fails is said, and tried
    again with the next one; training goes on.

    Args:
        recorder: the run's record, whose end waits for what is being written.
        trainer: whose state.
        clock: seconds, that only rise.
    """

    def __init__(
        self,
        recorder: Recorder,
        trainer: RlTrainer,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recorder, self._trainer, self._clock = recorder, trainer, clock
        self._root: Path = recorder.folder / FOLDER
        self._queue = Queueing(f"daf_nb-checkpoints-{recorder.id}", failed=self._failed)
        self._wanted = self._told = False
        self._refused: Exception | None = None
        self._due = clock() + EVERY
        self._last: tuple[int, int] | None = None
        self._stamp: dict[str, Any] | None = None
        recorder.marks.before_end(self._close)
        self._held: tuple[tuple[int, int], Callable[[], object]] | None = None
        trainer.at_boundaries(self._at_boundary)
        trainer.footing.on_hold, trainer.footing.on_return = self._hold, self._fall_back

    def ask(self) -> None:
        """A checkpoint at the next boundary, which may be this one."""
        self._wanted = True

    def take(self) -> None:
        """In the training thread, at a boundary: takes the state, and has it written."""
        mark = self._mark()
        self._wanted = False
        if mark == self._last or not self._trainer.playing:
            return
        began = self._clock()
        try:
            snapshot = self._trainer.state()
        except DafError as error:
            self._failed(error)
            return
        self._last = mark
        self._queue.put(partial(self._write, snapshot, self._about()))
        now = self._clock()
        self._due = now + max(EVERY, (now - began) / SHARE)

    def archived(self, error: Exception | None) -> None:
        """Told what SB3's own archives met when they were written last; None where nothing."""
        self._refused = error
        if error is not None:
            self._failed(error)

    def wait(self) -> None:
        """Until what was taken is on the disk, or could not be written."""
        self._queue.wait()

    def end(self) -> None:
        """Takes no more."""
        self._trainer.at_boundaries(None)
        self._trainer.footing.on_hold = self._trainer.footing.on_return = self._held = None

    def _hold(self, snapshot: Snapshot) -> None:
        """The state at a boundary that training leaves, as it is to be written if it comes back."""
        self._held = self._mark(), partial(self._write, snapshot, self._about())

    def _fall_back(self) -> None:
        if self._held is not None and self._held[0] != self._last:
            self._last, write = self._held
            self._queue.put(write)

    def _mark(self) -> tuple[int, int]:
        return self._trainer.progress.step, len(self._trainer.controls.journal)

    def _at_boundary(self, resting: bool) -> None:
        if self._wanted or resting or self._clock() >= self._due:
            self.take()

    def _about(self) -> dict[str, Any]:
        trainer = self._trainer
        if self._stamp is None:
            device = str(next(iter(trainer.policies.values())).device)
            self._stamp = stamp(trainer.world.name, device)
        return {
            "time": utc_now(),
            "positions": self._recorder.marks.mark(),
            "score": _score(trainer.progress.results()),
            **self._stamp,
        }

    def _write(self, snapshot: Snapshot, about: Mapping[str, Any]) -> None:
        members = members_of(snapshot, hide=self._recorder.hide)
        self._recorder.marks.wait_written(about["positions"])
        write_checkpoint(self._root, step=snapshot.step, about=about, members=members)
        self._recorder.marks.checkpointed(about["positions"])
        keep_newest(self._root)
        self._told = False

    def _failed(self, error: Exception) -> None:
        if self._told:
            return
        self._told = True
        step = self._trainer.progress.step
        what = f"no checkpoint could be written at step {step:,}: {error}"
        say(f"Run {self._recorder.id}: {what}. Training goes on, and it is tried again.")
        with contextlib.suppress(RecordError):
            self._recorder.log_event("trouble", step, {"checkpoint": str(error)})

    def _close(self) -> str | None:
        """Waits; what the disk still refuses, if anything."""
        self._queue.close()
        trouble = self._queue.trouble
        trouble = trouble if isinstance(trouble, OSError) else self._refused
        return None if trouble is None else f"{FOLDER}: {trouble}"


def _score(results: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the best checkpoint is told by: success where it is known, else return."""
    for of, name in (("success", "completion_rate"), ("return", "avg_reward")):
        if results[name] is not None:
            return {"of": of, "value": float(results[name])}
    return None
