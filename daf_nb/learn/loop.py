"""The training loop: boundary, rollout, update, account; and what falls due in between."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from daf_nb.config import RlConfig
from daf_nb.control import Controls, rules
from daf_nb.envs import EnvDescription, World, preflight
from daf_nb.errors import DafWarning
from daf_nb.learn.advice import Adviser
from daf_nb.learn.curriculum import CurriculumCourse
from daf_nb.learn.events import Event, Listener
from daf_nb.learn.gate import Gate
from daf_nb.learn.hooks import Callbacks, Hooks
from daf_nb.learn.learner import Learner
from daf_nb.learn.private import torch_threads
from daf_nb.learn.progress import Progress
from daf_nb.learn.sampling import Sampler
from daf_nb.learn.timing import choose_threads

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
        sampler: looks at the machine between two updates.
        adviser: follows the rules of the machine, for who asks for advice.
    """

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
        self._config, self._world, self._curriculum = config, world, curriculum
        self.sampler = Sampler(learner, curriculum.manager if curriculum else None)
        self.adviser = Adviser(rules("machine"), controls)
        self._listeners: list[Listener] = []
        self.due: dict[str, int | None] = {
            "evaluation": config.evaluation_interval,
            "checkpoint": config.checkpoint_interval,
        }

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tells `listener` of every event from now on; what ends it is returned."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def emit(
        self, kind: str, data: Mapping[str, Any] | None = None, *, step: int | None = None
    ) -> None:
        """Tells all listeners."""
        event = Event(kind, self.progress.step if step is None else step, data or {})
        for listener in list(self._listeners):
            listener(event)

    def run(
        self,
        enough: Callable[[], bool],
        *,
        task: str,
        callbacks: Callbacks = None,
        also: Progress | None = None,
        evaluate: Callable[[], Any] | None = None,
        within: AbstractContextManager[object] | None = None,
        elsewhere: str = "",
    ) -> bool:
        """Trains until `enough()`; False if it was stopped, by the gate or by a callback.

        Args:
            enough: asked at every boundary.
            task: what the episodes are credited to.
            callbacks: SB3 callbacks.
            also: a second account, of this stretch alone.
            evaluate: called when an evaluation is due.
            within: what holds while it trains, and only then; entered once nobody else can.
            elsewhere: the name of the world that is played, where it is another, looked at already.

        Raises:
            ConfigError: it trains already; nothing was changed.
        """
        accounts = [self.progress, *([also] if also else [])]
        with self.gate.guard():
            hooks = Hooks(callbacks, self.learner.models)
            with within or nullcontext(), torch_threads(self._prepare(elsewhere)):
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
        if self.description is None and not elsewhere:
            self.description = preflight(self._world, strict=self._config.strict)
            for finding in self.description.findings:
                self.emit("note", {"preflight": finding})
                warnings.warn(f"{self._world.name}: {finding}", DafWarning, stacklevel=2)
        if self.threads is None:
            self.threads = max(choose_threads(m) for m in self.learner.models.values())
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
        evaluate: Callable[[], Any] | None,
    ) -> bool:
        while not enough():
            if not self._boundary(accounts):
                return False
            hooks.rollout_start()
            before = self.progress.step
            with self.gate.between():
                cycle = self.learner.cycle(self._remaining, hooks.step, hooks.rollout_end)
            metrics: dict[str, float] = {}
            for account in reversed(accounts):
                metrics = account.add(cycle, task=task)
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
            self._do(due, accounts, evaluate)
            if self.watcher is not None:
                self.watcher(self.progress.step, metrics)
        self.controls.boundary()
        return True

    def _look_at_curriculum(self) -> dict[str, float]:
        """Its metrics, where it is what is played; it may stagnate, and answer that."""
        curriculum = self._curriculum
        if curriculum is None or self.learner.course is not curriculum:
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
        going_on = self.gate.wait_open(on_pause)
        if paused and going_on:
            self.emit("resume")
        for account in accounts:
            account.start()
        return going_on

    def _fell_due(self, before: int) -> set[str]:
        """What has an interval that was crossed since step `before`."""
        step = self.progress.step
        return {k for k, every in self.due.items() if every and step // every > before // every}

    def _do(
        self, due: set[str], accounts: list[Progress], evaluate: Callable[[], Any] | None
    ) -> None:
        """Checkpoints and evaluations that fell due."""
        if "checkpoint" in due:
            self.emit("checkpoint")
        if "evaluation" in due and evaluate:
            for account in accounts:
                account.hold()
            evaluate()
