"""One live run: a trainer in a background thread, listened to by a recorder."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.control import Controls
from daf_nb.curriculum import CurriculumManager
from daf_nb.errors import DafWarning
from daf_nb.learn import Evaluation, RlTrainer
from daf_nb.record import Interrupted, Recorder
from daf_nb.record.cells.scope import Scope, open_scope
from daf_nb.record.listener import TrainingListener
from daf_nb.session import live

if TYPE_CHECKING:
    import pandas as pd
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

    from daf_nb.control import AdaptiveController

__all__ = ["Run"]

_log = logging.getLogger("daf_nb")


class Run:
    """A live run. Shows itself as text; `panel()` is the live view.

    Args:
        trainer: what trains.
        recorder: its record.
        play: trains until the end; its results.
        claim: the trainer's gate is claimed; it is the run's to close, once this returns.

    Attributes:
        id: the run's number in its runs folder.
        folder: its record.
        trainer: the trainer, for everything that has no shortcut here.
        controls: every value that may change while it trains; a change waits for a boundary.
        controller: the adaptive controller, or None.
        policies: group -> its SB3 model; while the run trains, they change under your hands.
        rows: (agent-step, metric -> value) of every update so far: what `metrics` tabulates.
        error: what the run raised, once it has ended; None where it raised nothing.
    """

    def __init__(
        self,
        trainer: RlTrainer,
        recorder: Recorder,
        play: Callable[[], dict[str, Any]],
        claim: ExitStack,
    ) -> None:
        self.trainer = trainer
        self.id: int = recorder.id
        self.folder: Path = recorder.folder
        self.name: str = trainer.config.experiment_name
        self._recorder = recorder
        self._play = play
        self._listener = TrainingListener(recorder, trainer)
        self.controls: Controls = trainer.controls
        self.controller: AdaptiveController | None = trainer.adaptive_controller
        self.policies: dict[str, OnPolicyAlgorithm] = trainer.policies
        self.rows = self._listener.rows
        self.error: BaseException | None = None
        self._results: dict[str, Any] | None = None
        # Not Thread.join: before Python 3.13 an interrupted join leaves the thread marked as ended
        # (https://github.com/python/cpython/issues/90882).
        self._finished = threading.Event()
        claim.callback(self._listener.end)
        self._claim = claim.pop_all()
        live.begun(self)
        try:
            threading.Thread(target=self._work, name=f"daf_nb-run-{self.id}", daemon=True).start()
        except BaseException:
            live.ended(self)
            self._claim.close()
            raise

    @property
    def status(self) -> str:
        """QUEUED, RUNNING, PAUSED, COMPLETED, FAILED or INTERRUPTED."""
        return self._recorder.status

    @property
    def step(self) -> int:
        """Live agent-steps so far."""
        return self.trainer.progress.step

    @property
    def done(self) -> bool:
        """The run has ended and everything is on disk."""
        return self._finished.is_set()

    def metrics(self) -> pd.DataFrame:
        """All metrics so far: one row per update, indexed by agent-step."""
        import pandas as pd

        steps, rows = zip(*self.rows, strict=True) if self.rows else ((), ())
        return pd.DataFrame(list(rows), index=pd.Index(steps, name="step"))

    def wait(self, timeout: float | None = None) -> dict[str, Any] | None:
        """Waits for the end; an interrupt (Ctrl-C, the stop button) stops the run first.

        Args:
            timeout: seconds; None for as long as it takes.

        Returns:
            The results as `RlTrainer.train` gives them; None where the timeout came first.

        Raises:
            Exception: what the run raised.
        """
        try:
            self._finished.wait(timeout)
        except KeyboardInterrupt:
            self.stop()
            self._finished.wait()
            raise
        if not self.done:
            return None
        if self.error is not None:
            raise self.error
        return self._results

    def pause(self) -> None:
        """Stands still from the next boundary on."""
        self.trainer.gate.pause()

    def resume(self) -> None:
        """Goes on after a pause."""
        self.trainer.gate.resume()

    def stop(self) -> None:
        """Ends at the next boundary, as INTERRUPTED, its policies saved."""
        self.trainer.gate.stop()

    def checkpoint(self) -> list[Path]:
        """Saves every group's policy at the next boundary, as SB3's own archives; their paths."""
        return self.trainer.gate.ask(self._listener.save).result()

    def evaluate(
        self,
        *,
        episodes: int = 50,
        deterministic: bool = False,
        task: str | Sequence[str] | None = None,
    ) -> Evaluation:
        """Plays whole episodes on held-out seeds, against random actions; also while training.

        Of a curriculum, its target is played, or `task`.
        """
        return self.trainer.evaluate_policy(
            episodes=episodes, deterministic=deterministic, task=task
        )

    def fingerprint(self) -> str:
        """SHA-256 of every group's parameters in name order."""
        return self.trainer.gate.ask(self.trainer.fingerprint).result()

    @property
    def curriculum(self) -> CurriculumManager | None:
        """The curriculum; what is asked of it while the run trains waits for a boundary."""
        return self.trainer.curriculum

    def panel(self) -> Any:
        """The live view: widgets in a notebook, text elsewhere."""
        from daf_nb.notebook import panel

        return panel(self)

    def __repr__(self) -> str:
        total = self.trainer.config.total_timesteps
        metrics = self.trainer.progress.metrics
        parts = [f"run {self.id} {self.name!r}: {self.status}", f"step {self.step:,} of {total:,}"]
        if "rollout/return_mean" in metrics:
            parts.append(f"return {metrics['rollout/return_mean']:.2f}")
        return ", ".join([*parts, str(self.folder)])

    def _work(self) -> None:
        try:
            with self.trainer.gate.hold(), open_scope(self._scope()):
                self._recorder.run(self._train)
            self._warn_of_what_is_left()
        except BaseException as error:
            self.error = error
            _log.error("run %s failed: %s: %s", self.id, type(error).__name__, error)
        finally:
            live.ended(self)
            self._close_controls()
            try:
                # While the claim lasts, nobody else can have begun to train with it.
                with self.trainer.gate.hold():
                    self.trainer.close()
            finally:
                try:
                    self._claim.close()
                finally:
                    self._finished.set()

    def _scope(self) -> Scope:
        """What the run's thread prints and logs, in callbacks too, is the run's."""
        # The trainer counts at boundaries, its models at every step of a rollout too.
        ahead = self.step - self._steps_played()
        return Scope(
            self._recorder,
            step=lambda: ahead + self._steps_played(),
            seed=self.trainer.config.seed,
        )

    def _steps_played(self) -> int:
        return sum(model.num_timesteps for model in self.policies.values())

    def _train(self) -> dict[str, Any]:
        try:
            self._results = self._play()
        finally:
            self._close_controls()
            self._listener.save()
        if not self.trainer.finished:
            raise Interrupted(self._results)
        return self._results

    def _close_controls(self) -> None:
        self.controls.close(f"run {self.id} has ended; start a new one.")

    def _warn_of_what_is_left(self) -> None:
        rows = len(self.controls.script)
        if rows and self.trainer.finished:
            warnings.warn(
                f"run {self.id}: training ended at step {self.step:,}, before {rows} of the "
                "script's rows had their turn; give it a larger total_timesteps to play all.",
                DafWarning,
                stacklevel=2,
            )
