"""One live run: a trainer in a background thread, listened to by a recorder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.control import Controls
from daf_nb.curriculum import CurriculumManager
from daf_nb.learn import Evaluation, RlTrainer
from daf_nb.record import Recorder
from daf_nb.record.listener import TrainingListener
from daf_nb.session import live
from daf_nb.session.interrupting import see_out
from daf_nb.session.work import Work

if TYPE_CHECKING:
    import pandas as pd
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

    from daf_nb.control import AdaptiveController
    from daf_nb.notebook.replay import Replay

__all__ = ["Run"]


class Run:
    """A live run. Shows itself as text; `panel()` is the live view.

    Args:
        trainer: what trains.
        recorder: its record.
        play: trains until the end; its results.
        claim: the trainer's gate is claimed; it is the run's to close, once this returns.
        again: the record is of earlier parts of the run too.

    Attributes:
        id: the run's number in its runs folder.
        folder: its record.
        trainer: the trainer, for everything that has no shortcut here.
        controls: every value that may change while it trains; a change waits for a boundary.
        controller: the adaptive controller, or None.
        policies: group -> its SB3 model; while the run trains, they change under your hands.
        rows: (agent-step, metric -> value) of every update so far: what `metrics` tabulates.
        finished: set when the run has ended.
    """

    def __init__(
        self,
        trainer: RlTrainer,
        recorder: Recorder,
        play: Callable[[], dict[str, Any]],
        claim: ExitStack,
        *,
        again: bool = False,
    ) -> None:
        self.trainer = trainer
        self.id: int = recorder.id
        self.folder: Path = recorder.folder
        self.name: str = trainer.config.experiment_name
        self._recorder = recorder
        self._listener = TrainingListener(recorder, trainer, again=again)
        self.controls: Controls = trainer.controls
        self.controller: AdaptiveController | None = trainer.adaptive_controller
        self.policies: dict[str, OnPolicyAlgorithm] = trainer.policies
        self.rows = self._listener.rows
        claim.callback(self._listener.end)
        claim.callback(live.ended, self)
        kept = claim.pop_all()
        self._work = Work(trainer, recorder, self._listener, play, kept)
        self.finished: threading.Event = self._work.finished
        name = f"daf_nb-run-{self.id}"
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        live.begun(self)
        try:
            self._thread.start()
        except BaseException:
            kept.close()
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
        return self.finished.is_set()

    @property
    def error(self) -> BaseException | None:
        """What the run raised, once it has ended; None where it raised nothing."""
        return self._work.error

    def metrics(self) -> pd.DataFrame:
        """All metrics so far: one row per update, indexed by agent-step."""
        import pandas as pd

        steps, rows = zip(*self.rows, strict=True) if self.rows else ((), ())
        return pd.DataFrame(list(rows), index=pd.Index(steps, name="step"))

    def wait(self, timeout: float | None = None) -> dict[str, Any] | None:
        """Waits for the end; an interrupt (Ctrl-C, the stop button) ends the run first.

        It ends within a step, and can be resumed from the boundary before it. Interrupted once
        more, it ends at once, and the step with it if that is Python's.

        Args:
            timeout: seconds; None for as long as it takes.

        Returns:
            The results as `RlTrainer.train` gives them; None where the timeout came first.

        Raises:
            Exception: what the run raised.
        """
        try:
            self.finished.wait(timeout)
        except KeyboardInterrupt:
            see_out(self)
            raise
        if not self.done:
            return None
        live.settle()
        if self.error is not None:
            raise self.error
        return self._work.results

    def wait_started(self, timeout: float | None = None) -> bool:
        """Waits until training has begun, or the run has ended; False where it has not yet."""
        return self._recorder.wait_started(timeout)

    def pause(self) -> None:
        """Stands still from the next boundary on."""
        self.trainer.gate.pause()

    def resume(self) -> None:
        """Goes on after a pause."""
        self.trainer.gate.resume()

    def stop(self, *, now: bool = False) -> None:
        """Ends at the next boundary, as INTERRUPTED, its policies and its state saved.

        Args:
            now: or within a step: a rollout or update under way is broken off, unless its end is
                near, and is trained again by `resume`.
        """
        self.trainer.gate.stop(now=now)

    def give_up(self, why: str) -> None:
        """Ends the record as INTERRUPTED where the run's thread hangs; nothing where it has ended.

        Args:
            why: what is told of it.
        """
        self._work.give_up(why)
        live.ended(self)

    def checkpoint(self) -> list[Path]:
        """Saves every group's policy at the next boundary, as SB3's own archives; their paths.

        With it the state of the whole training, from which `resume` and `fork` go on.
        """
        paths = self.trainer.gate.ask(self._listener.checkpoint).result()
        if threading.current_thread() is not self._thread:
            self._listener.wait()
        return paths

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

    def replay(self, episode: int | str = "best", **options: Any) -> Replay:
        """A view of an episode that the run kept: play, scrub, rewards, actions and values.

        While the run trains, the values are of its policies as they are at the next boundary.

        Args:
            episode: its number in `load_run(id).tapes`, or "best", "worst", "last".
            **options: of `daf_nb.notebook.replay.replay`: `beside`, a run or policies to play the
                same seed; `seed` or `task`, to play the run's policies anew in place of a tape;
                `deterministic`.

        Raises:
            RecordError: there is no such tape; `seed=0` needs none.
            ConfigError: no such task.
        """
        from daf_nb.notebook.replay import replay

        return replay(self, episode, **options)

    def __repr__(self) -> str:
        total = self.trainer.config.total_timesteps
        metrics = self.trainer.progress.metrics
        parts = [f"run {self.id} {self.name!r}: {self.status}", f"step {self.step:,} of {total:,}"]
        if "rollout/return_mean" in metrics:
            parts.append(f"return {metrics['rollout/return_mean']:.2f}")
        return ", ".join([*parts, str(self.folder)])
