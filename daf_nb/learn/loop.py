"""The training loop: boundary, rollout, update, account; and what falls due in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Any

from daf_nb.config import RlConfig
from daf_nb.control import Controls, rules
from daf_nb.envs import EnvDescription, World
from daf_nb.envs.failing import leanly
from daf_nb.learn.advice import Adviser
from daf_nb.learn.breaking import BrokenOff, interrupts
from daf_nb.learn.curriculum import CurriculumCourse
from daf_nb.learn.events import Event, Listeners
from daf_nb.learn.footing import Footing
from daf_nb.learn.gate import Gate
from daf_nb.learn.hooks import Callbacks, Hooks
from daf_nb.learn.learner import Cycle, Learner
from daf_nb.learn.mishaps import Mishaps
from daf_nb.learn.outset import look_at, timed_threads
from daf_nb.learn.private import torch_threads
from daf_nb.learn.progress import Progress
from daf_nb.learn.sampling import Sampler

__all__ = ["TrainingLoop"]


class TrainingLoop:
    """Runs a learner from boundary to boundary and tells listeners what happens.

    Args:
        learner: what is trained.
        config: intervals, threads and the total.
        world: checked by a pre-flight episode before the first rollout.
        curriculum: looked at between cycles; whether it is played is the learner's course.
        controls: their script is followed at boundaries.

    Attributes:
        due: "evaluation" and "checkpoint" -> agent-steps between two, or None for never.
        watcher: told of every update's metrics, after what fell due with it and before the
            boundary; None where nobody watches.
        listeners: who is told.
        mishaps: what is done about worlds that fail.
        sampler: looks at the machine between two updates.
        adviser: follows the rules of the machine, for who asks for advice.
        at_boundary: called at every boundary, when all that was asked before is done, with whether
            training ends or waits there; None where nobody is to.
        footing: the state to which training goes back when a cycle is broken off; set by its owner.
    """

    footing: Footing

    def __init__(
        self,
        learner: Learner,
        config: RlConfig,
        world: World,
        curriculum: CurriculumCourse | None,
        controls: Controls,
    ) -> None:
        self.learner = learner
        self.gate = Gate()
        self.progress = Progress()
        self.threads = None if config.torch_threads == "auto" else config.torch_threads
        self.description: EnvDescription | None = None
        self.controls = controls
        self.watcher: Callable[[int, Mapping[str, float]], object] | None = None
        self.at_boundary: Callable[[bool], object] | None = None
        self._left: tuple[set[str], Mapping[str, float]] | None = None
        self._config, self._world, self._curriculum = config, world, curriculum
        self.sampler = Sampler(learner, curriculum.manager if curriculum else None)
        self.adviser = Adviser(rules("machine"), controls)
        self.listeners, self.mishaps = Listeners(), Mishaps(self)
        self.due: dict[str, int | None] = {
            "evaluation": config.evaluation_interval,
            "checkpoint": config.checkpoint_interval,
        }

    def emit(
        self, kind: str, data: Mapping[str, Any] | None = None, *, step: int | None = None
    ) -> None:
        """Tells all listeners."""
        self.listeners.tell(Event(kind, self.progress.step if step is None else step, data or {}))

    @leanly
    def run(
        self,
        enough: Callable[[], bool],
        *,
        task: str,
        callbacks: Callbacks = None,
        also: Progress | None = None,
        evaluate: Callable[[], bool] | None = None,
        within: AbstractContextManager[object] | None = None,
        elsewhere: str = "",
    ) -> bool:
        """Trains until `enough()`; False if it was stopped, by the gate or by a callback.

        Args:
            enough: asked at every boundary.
            task: what the episodes are credited to.
            callbacks: SB3 callbacks.
            also: a second account, of this stretch alone.
            evaluate: called when an evaluation is due; False where it was stopped, and is to be
                played again when training goes on.
            within: what holds while it trains, and only then; entered once nobody else can.
            elsewhere: the name of the world that is played, where it is another, looked at already.

        Raises:
            ConfigError: it trains already; nothing was changed.
            TrainingEnvironmentError: a world failed; its own error is the cause.
        """
        accounts = [self.progress, *([also] if also else [])]
        finished = False
        with interrupts(self.gate):
            with suppress(BrokenOff), self.gate.guard():
                hooks = Hooks(callbacks, self.learner.models)
                on = self.learner.ground.watch.on()
                with on, within or nullcontext(), torch_threads(self._prepare(elsewhere)):
                    hooks.training_start(self._config.total_timesteps)
                    self.sampler.begin()
                    try:
                        finished = self._cycles(enough, task, hooks, accounts, evaluate)
                    finally:
                        for account in accounts:
                            account.hold()
                    hooks.training_end()
            self.emit("end" if finished else "stop", self.progress.results())
        return finished

    def _prepare(self, elsewhere: str) -> int:
        """Looks at the world, and times the threads, once; so many threads."""
        # Nobody who listens is to be broken off in the middle.
        easily = partial(self.gate.breaking.possible, easily=True)
        if self.description is None and not elsewhere:
            self.description = look_at(
                self._world,
                self._config,
                self.learner.ground.watch,
                note=lambda said: self.emit("note", {"preflight": said}),
                within=easily,
            )
        if self.threads is None:
            with easily():
                self.threads = timed_threads(self.learner.models)
        self.emit(
            "start",
            {
                "device": str(self.learner.device),
                "groups": self.learner.groups,
                "threads": self.threads,
                "world": elsewhere or str(self.description),
            },
        )
        return self.threads

    def _cycles(
        self,
        enough: Callable[[], bool],
        task: str,
        hooks: Hooks,
        accounts: list[Progress],
        evaluate: Callable[[], bool] | None,
    ) -> bool:
        left, self._left = self._left, None
        if left is not None and evaluate is not None and not self._do(*left, accounts, evaluate):
            return False
        while not enough():
            if not self._boundary(accounts):
                return False
            hooks.rollout_start()
            before = self.progress.step
            cycle = self._cycle(hooks)
            if cycle is None:
                return False
            metrics: dict[str, float] = {}
            for account in reversed(accounts):
                metrics = account.add(cycle, task=task)
            self.mishaps.dropped(cycle.rollout.drops)
            # By the intervals of now: who is told of the metrics may change them for later.
            due = self._fell_due(before)
            more = self._look_at_curriculum()
            more |= self.sampler.sample()
            self.progress.metrics |= more
            metrics |= more
            self.adviser.look(metrics)
            self.emit("metrics", metrics)
            if not cycle.rollout.complete:
                return False
            if not self._do(due, metrics, accounts, evaluate):
                return False
        self.controls.boundary()
        self._tell_of_boundary(True)
        return True

    def _cycle(self, hooks: Hooks) -> Cycle | None:
        """One rollout and update; None where it was broken off, and training is back before it."""
        footing = self.footing

        def rolled() -> None:
            hooks.rollout_end()
            footing.rolled()

        try:
            with self.gate.between():
                return self.learner.cycle(
                    self._remaining,
                    hooks.step,
                    rolled,
                    rolling=footing.rolling,
                    updating=footing.updating,
                )
        except BrokenOff:
            footing.go_back()
            footing.tell()
            return None

    def _tell_of_boundary(self, resting: bool) -> None:
        if self.at_boundary is not None:
            self.at_boundary(resting)

    @property
    def cut_short(self) -> bool:
        """An evaluation that fell due was stopped: no boundary's state is one to go on from."""
        return self._left is not None

    def _look_at_curriculum(self) -> dict[str, float]:
        """Its metrics, where it is what is played; it may stagnate, and answer that."""
        curriculum = self._curriculum
        if curriculum is None or self.learner.ground.course is not curriculum:
            return {}
        curriculum.boundary(1.0 - self._remaining(0))
        return curriculum.metrics()

    def _remaining(self, steps: int) -> float:
        """What remains of training, from 1 to 0, once `steps` more are counted."""
        return 1.0 - min(1.0, (self.progress.step + steps) / self._config.total_timesteps)

    def _boundary(self, accounts: list[Progress]) -> bool:
        """Answers, waits, or ends, as the gate says; pauses are not training time."""
        paused = False

        def on_pause() -> None:
            nonlocal paused
            paused = True
            for account in accounts:
                account.hold()
            self.emit("pause")

        self.controls.boundary()
        self._tell_of_boundary(self.gate.paused or self.gate.stopped)
        going_on = self.gate.wait_open(on_pause)
        if paused or not going_on:
            self._tell_of_boundary(True)
        if paused and going_on:
            self.emit("resume")
        if going_on:
            self.footing.leave()
        for account in accounts:
            account.start()
        return going_on

    def _fell_due(self, before: int) -> set[str]:
        """What has an interval that was crossed since step `before`."""
        step = self.progress.step
        return {k for k, every in self.due.items() if every and step // every > before // every}

    def _do(
        self,
        due: set[str],
        metrics: Mapping[str, float],
        accounts: list[Progress],
        evaluate: Callable[[], bool] | None,
    ) -> bool:
        """What falls due with an update, and telling the watcher; False where it is cut short."""
        if "checkpoint" in due:
            self.emit("checkpoint")
        if "evaluation" in due and evaluate:
            for account in accounts:
                account.hold()
            if not evaluate():
                self._left = {"evaluation"}, metrics
                self.footing.tell()
                return False
        if self.watcher is not None:
            self.watcher(self.progress.step, metrics)
        return True
