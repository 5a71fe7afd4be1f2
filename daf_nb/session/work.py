"""What the thread of a live run does: trains within the record, and leaves everything in order."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from daf_nb.envs.failing import lean
from daf_nb.errors import DafWarning, TrainingEnvironmentError
from daf_nb.learn import RlTrainer
from daf_nb.record import Interrupted, Recorder
from daf_nb.record.cells.scope import Scope, open_scope
from daf_nb.record.listener import TrainingListener
from daf_nb.record.saying import say

__all__ = ["Work"]

_log = logging.getLogger("daf_nb")


class Work:
    """The whole of a run, once, in whichever thread calls it.

    Args:
        trainer: what trains.
        recorder: its record.
        listener: writes down what the trainer tells.
        play: trains until the end; its results.
        claim: the trainer's gate is claimed; closed when all is over.

    Attributes:
        results: what `play` returned.
        error: what the run raised; None where it raised nothing.
        finished: everything is on disk, or was given up.
    """

    def __init__(
        self,
        trainer: RlTrainer,
        recorder: Recorder,
        listener: TrainingListener,
        play: Callable[[], dict[str, Any]],
        claim: ExitStack,
    ) -> None:
        self.results: dict[str, Any] | None = None
        self.error: BaseException | None = None
        # Not Thread.join: before Python 3.13 an interrupted join leaves the thread marked as ended
        # (https://github.com/python/cpython/issues/90882).
        self.finished = threading.Event()
        self._trainer, self._recorder, self._listener = trainer, recorder, listener
        self._play, self._claim = play, claim
        self._given_up = False
        trainer.when_stuck(self.fail)

    def __call__(self) -> None:
        """Trains, and ends the record; nothing is raised."""
        trainer = self._trainer
        try:
            with trainer.gate.hold(), open_scope(self._scope()):
                self._recorder.run(self._train)
            self._warn_of_what_is_left()
        except BaseException as error:
            self.error = lean(error) if isinstance(error, TrainingEnvironmentError) else error
            _log.error("run %s failed: %s: %s", self._recorder.id, type(error).__name__, error)
        finally:
            self._close_controls()
            try:
                # While the claim lasts, nobody else can have begun to train with it.
                with trainer.gate.hold():
                    trainer.close()
            finally:
                try:
                    self._claim.close()
                finally:
                    self.finished.set()

    def give_up(self, why: str) -> None:
        """Ends the record as INTERRUPTED, from another thread; what the thread does, it does alone.

        Args:
            why: for whoever waits, and for the log.
        """
        if self.finished.is_set():
            return
        self._given_up = True
        self._listener.end()
        self._recorder.give_up(why)
        step = self._trainer.progress.step
        say(
            f"Run {self._recorder.id} ends as INTERRUPTED at step {step:,}, without its thread: "
            f"{why}."
        )
        self.finished.set()

    def fail(self, error: BaseException) -> None:
        """Ends the run as FAILED, from another thread: its own hangs in a world for good."""
        try:
            if not self.finished.is_set():
                self.error = error
                _log.error("run %s failed: its world hangs for good", self._recorder.id)
                self._close_controls()
                self._listener.try_to_save()
                self._recorder.fail(error)
            with self._trainer.gate.hold():
                self._trainer.close()
        finally:
            try:
                self._claim.close()
            finally:
                self.finished.set()

    def _train(self) -> dict[str, Any]:
        try:
            self.results = self._play()
        finally:
            self._close_controls()
            if not self._given_up:
                self._listener.try_to_save()
        if not self._trainer.finished:
            raise Interrupted(self.results)
        return self.results

    def _close_controls(self) -> None:
        self._trainer.controls.close(f"run {self._recorder.id} has ended; start a new one.")

    def _scope(self) -> Scope:
        """What the run's thread prints and logs, in callbacks too, is the run's."""
        # The trainer counts at boundaries, its models at every step of a rollout too.
        ahead = self._trainer.progress.step - self._steps_played()
        return Scope(
            self._recorder,
            step=lambda: ahead + self._steps_played(),
            seed=self._trainer.config.seed,
        )

    def _steps_played(self) -> int:
        return sum(model.num_timesteps for model in self._trainer.policies.values())

    def _warn_of_what_is_left(self) -> None:
        rows = len(self._trainer.controls.script)
        if rows and self._trainer.finished:
            step = self._trainer.progress.step
            warnings.warn(
                f"run {self._recorder.id}: training ended at step {step:,}, before {rows} of the "
                "script's rows had their turn; give it a larger total_timesteps to play all.",
                DafWarning,
                stacklevel=2,
            )
