"""A curriculum at work: draws assignments, takes in outcomes, and looks at itself now and then."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.chooser import Chooser
from daf_nb.curriculum.ledger import Ledger
from daf_nb.curriculum.slices import OutcomeLog
from daf_nb.curriculum.stagnation import Stagnation
from daf_nb.curriculum.strategies import LearningProgress
from daf_nb.curriculum.strategy import Outcome, make_strategy
from daf_nb.curriculum.tasks import Assignment, Task
from daf_nb.errors import ConfigError

__all__ = ["Teacher"]

_STREAM = 0xC0


class Teacher:
    """The moving parts of one curriculum.

    Args:
        config: how tasks are chosen.
        tasks: which.
        seed: of everything that is drawn.

    Attributes:
        episodes: outcomes taken in.
        chooser, strategy, ledger: what draws, what decides, what is known.
        tracker: every task's learning progress, where enabled.
        log: the newest outcomes with their parameters, where enabled.
        recent: successes of the newest episodes.
        stagnation: the watch for it, where enabled.
        lock: held while something changes, and by who reads while another thread may change it.
    """

    def __init__(self, config: CurriculumConfig, tasks: Sequence[Task], seed: int) -> None:
        choose, draw, track = _generators(seed)
        name = config.strategy or default_strategy(tasks)
        self.name = name
        self.strategy = make_strategy(name, tasks, choose, config.strategy_options)
        if self.strategy.keeps_order and config.max_active_tasks is not None:
            raise ConfigError(
                f"strategy {name!r} decides itself which tasks are due; leave max_active_tasks "
                f"({config.max_active_tasks}) out."
            )
        self.chooser = Chooser(
            tasks,
            self.strategy,
            draw,
            uniform_share=config.uniform_share,
            limit=config.max_active_tasks,
            window=config.window,
        )
        self.ledger = Ledger(len(tasks), window=config.window, mastery=config.mastery)
        self.episodes = self.adapted_at = 0
        self.recent: deque[float] = deque(maxlen=config.window)
        self.tracker: LearningProgress | None = None
        if isinstance(self.strategy, LearningProgress):
            self.tracker = self.strategy
        elif config.enable_learning_progress:
            self.tracker = LearningProgress(tasks, track)
        self.log = OutcomeLog() if config.enable_slice_analysis else None
        self.stagnation: Stagnation | None = None
        if config.stagnation_window is not None:
            self.stagnation = Stagnation(
                config.stagnation_window,
                tolerance=config.stagnation_tolerance,
                mastery=config.mastery,
            )
        self._every = config.stats_update_frequency
        self.lock = threading.RLock()

    @property
    def begun(self) -> bool:
        """An episode was drawn or reported."""
        return bool(self.episodes or self.chooser.drawn)

    def reseed(self, seed: int) -> None:
        """Draws from another seed; before anything was drawn."""
        self.strategy.rng, self.chooser.rng, track = _generators(seed)
        if self.tracker is not None and self.tracker is not self.strategy:
            self.tracker.rng = track

    def assign(self) -> Assignment:
        """The next episode's task, everything drawn."""
        with self.lock:
            return self.chooser.choose(self.ledger.episodes)

    def record(self, assignment: Assignment, success: float) -> bool:
        """Takes in one episode; True where it is time to look at the whole.

        Args:
            assignment: what it was played with.
            success: in [0, 1].
        """
        with self.lock:
            return self._record(assignment, success)

    def score(self, assignment: Assignment, value: float) -> None:
        """Tells the strategy the mean absolute advantage of an episode's live rows."""
        with self.lock:
            self.strategy.score(assignment.index, value)

    def _record(self, assignment: Assignment, success: float) -> bool:
        index = assignment.index
        outcome = Outcome(index, success, assignment.difficulty, assignment.probe, assignment.point)
        self.strategy.update(outcome)
        if self.tracker is not None and self.tracker is not self.strategy:
            self.tracker.update(outcome)
        self.ledger.add(index, success)
        self.recent.append(success)
        if self.log is not None:
            self.log.add(assignment.values, success)
        if self.stagnation is not None:
            self.stagnation.add(success, self.strategy.bound)
        self.episodes += 1
        if self.episodes % self._every:
            return False
        if not self.chooser.active.all():
            self.chooser.rotate(self.ledger.mastered)
        return True

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as data that JSON holds without loss."""
        return {
            "strategy_name": self.name,
            "tasks": list(self.strategy.names),
            "episodes": self.episodes,
            "adapted_at": self.adapted_at,
            "recent": list(self.recent),
            **{name: part.state_dict() for name, part in self._parts().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues exactly where `state_dict` was taken.

        Raises:
            ConfigError: the state is one of another curriculum; nothing was changed.
        """
        parts = self._parts()
        own = {"strategy_name", "tasks", "episodes", "adapted_at", "recent"}
        if not isinstance(state, Mapping) or "strategy_name" not in state:
            raise ConfigError("the state is not one of a curriculum.")
        if state.keys() != own | parts.keys() or state["strategy_name"] != self.name:
            raise ConfigError(
                f"the state is not one of this curriculum: strategy "
                f"{state['strategy_name']!r} with {', '.join(sorted(state.keys() - own))}; "
                f"this one has strategy {self.name!r} with {', '.join(sorted(parts))}."
            )
        if state["tasks"] != list(self.strategy.names):
            raise ConfigError(
                f"the state is one of other tasks, {len(state['tasks'])} of them; the tasks must "
                f"be the same {len(self.strategy.names)}, in the same order."
            )
        before = self.state_dict()
        try:
            self._load(state)
        except ConfigError:
            self._load(before)
            raise

    def _load(self, state: Mapping[str, Any]) -> None:
        try:
            episodes, adapted_at = int(state["episodes"]), int(state["adapted_at"])
            recent = [float(success) for success in state["recent"]]
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the state cannot be read: {error}") from error
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.episodes, self.adapted_at = episodes, adapted_at
        self.recent = deque(recent, maxlen=self.recent.maxlen)

    def _parts(self) -> dict[str, Any]:
        parts = {
            "strategy": self.strategy,
            "chooser": self.chooser,
            "ledger": self.ledger,
            "tracker": None if self.tracker is self.strategy else self.tracker,
            "log": self.log,
            "stagnation": self.stagnation,
        }
        return {name: part for name, part in parts.items() if part is not None}


def _generators(seed: int) -> list[np.random.Generator]:
    """Of the strategy, of the draws, and of the tracker."""
    children = np.random.SeedSequence([seed, _STREAM]).spawn(3)
    return [np.random.default_rng(child) for child in children]


def default_strategy(tasks: Sequence[Task]) -> str:
    """`adaptive` where a difficulty is a range, else `learnability`."""
    return "adaptive" if any(task.continuous for task in tasks) else "learnability"
