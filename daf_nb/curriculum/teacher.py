"""A curriculum at work: draws assignments, takes in outcomes, and looks at itself now and then."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.assignments import Assignment
from daf_nb.curriculum.chooser import Chooser
from daf_nb.curriculum.ledger import Ledger
from daf_nb.curriculum.post import Post
from daf_nb.curriculum.slices import OutcomeLog
from daf_nb.curriculum.snapshot import check_state, load_parts
from daf_nb.curriculum.stagnation import Stagnation
from daf_nb.curriculum.strategies import LearningProgress
from daf_nb.curriculum.strategy import Outcome, Strategy
from daf_nb.curriculum.tasks import Task

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
        post: which strategy is at work.
        chooser, ledger: what draws, what is known.
        hold: the curriculum stands still. The strategy learns nothing, and neither does its time go
            on; no task gives way to another, and stagnation is not looked for. Tasks are drawn as
            ever, and outcomes noted: in the ledger, the log, `recent`, and the tracker, unless that
            is the strategy.
        log: the newest outcomes with their parameters, where enabled.
        recent: successes of the newest episodes.
        stagnation: the watch for it, where enabled.
        lock: held while something changes, and by who reads while another thread may change it.
    """

    def __init__(self, config: CurriculumConfig, tasks: Sequence[Task], seed: int) -> None:
        choose, draw, track = _generators(seed)
        self.post = Post(config, tasks, choose, track)
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
        self.hold = False
        self.log = OutcomeLog() if config.enable_slice_analysis else None
        self.stagnation: Stagnation | None = None
        if config.stagnation_window is not None:
            self.stagnation = Stagnation(
                config.stagnation_window,
                tolerance=config.stagnation_tolerance,
                mastery=config.mastery,
            )
        self._every = config.stats_update_frequency
        self._strategys_share = config.uniform_share is None
        self.lock = threading.RLock()

    @property
    def name(self) -> str:
        """The name of the strategy at work."""
        return self.post.name

    @property
    def strategy(self) -> Strategy:
        """What decides."""
        return self.post.strategy

    @property
    def tracker(self) -> LearningProgress | None:
        """Every task's learning progress, where enabled; perhaps the strategy itself."""
        return self.post.tracker

    @property
    def usable(self) -> list[str]:
        """Names of the strategies that `switch` takes without options, in alphabetical order."""
        return self.post.usable

    @property
    def focus(self) -> str | None:
        """The name of the only task that is drawn; None for no such task."""
        place = self.chooser.focus
        return None if place is None else self.chooser.tasks[place].name

    @property
    def begun(self) -> bool:
        """An episode was drawn or reported."""
        return bool(self.episodes or self.chooser.drawn)

    def reseed(self, seed: int) -> None:
        """Draws from another seed; before anything was drawn."""
        choose, self.chooser.rng, track = _generators(seed)
        self.post.reseed(choose, track)

    def switch(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        """Lets another strategy choose from now on; it is made anew, and knows nothing yet.

        What it begins with: the time that is gone (`progress`); its bound, where it can be moved,
        as near as it goes to the `level` that the curriculum had come to, whatever its options say
        of a start (its own start, if the one before had no bound and nothing was drawn yet); chance
        that follows from that of the strategy before, so that the same seed and the same switches
        give the same tasks; and its own uniform share, where the one before had its own.
        `learning_progress` is the tracker, if that has the same options, with all that it knows;
        and remains the tracker when another strategy follows. Stagnation is counted anew.

        Args:
            name: of a known strategy.
            options: of the strategy, as JSON holds them; None for those of the config if it is the
                configured strategy, else for its defaults.

        Raises:
            ConfigError: an unknown strategy, one that refuses these tasks or options, or one with
                an order of its own where `max_active_tasks` is set; nothing was changed.
        """
        with self.lock:
            chooser, before = self.chooser, self.strategy
            stands = self.begun or before.bound is not None
            self.post.switch(name, options, level=chooser.level if stands else None)
            chooser.strategy = self.strategy
            if self._strategys_share and chooser.uniform_share == before.uniform_share:
                chooser.uniform_share = self.strategy.uniform_share
            if self.stagnation is not None:
                self.stagnation.clear()

    def advance(self, progress: float) -> None:
        """Tells the strategy how much of the training is over; while held, nothing.

        Args:
            progress: agent-steps trained so far as a part of all, in [0, 1]. A strategy that goes
                by the time is where it says as soon as it is told after a hold.
        """
        with self.lock:
            if not self.hold:
                self.strategy.progress = progress

    def adapted(self) -> None:
        """It was made easier or harder: adaptation and stagnation are judged by what comes."""
        self.adapted_at = self.episodes
        if self.stagnation is not None:
            self.stagnation.clear()

    def stagnant(self) -> str | None:
        """What stagnates, in words; None where nothing does, and where nobody looks."""
        return None if self.stagnation is None or self.hold else self.stagnation.found()

    def assign(self, *, free: bool = False) -> Assignment:
        """The next episode's task, everything drawn.

        Args:
            free: from all tasks, whatever is in focus.
        """
        with self.lock:
            roster = self.chooser.roster
            focus, roster.focus = roster.focus, None if free else roster.focus
            try:
                return self.chooser.choose(self.ledger.episodes)
            finally:
                roster.focus = focus

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
            if not self.hold:
                self.strategy.score(assignment.index, value)

    def _record(self, assignment: Assignment, success: float) -> bool:
        index = assignment.index
        outcome = Outcome(index, success, assignment.difficulty, assignment.probe, assignment.point)
        if not self.hold:
            self.strategy.update(outcome)
        if self.post.beside is not None:
            self.post.beside.update(outcome)
        self.ledger.add(index, success)
        self.recent.append(success)
        if self.log is not None:
            self.log.add(assignment.values, success)
        if self.stagnation is not None and not self.hold:
            self.stagnation.add(success, self.strategy.bound)
        self.episodes += 1
        if self.hold or self.episodes % self._every:
            return False
        if not self.chooser.roster.active.all():
            self.chooser.roster.rotate(self.ledger.mastered)
        return True

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as data that JSON holds without loss."""
        return {
            **self._own(),
            **{name: part.state_dict() for name, part in self._parts(self.post).items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues exactly where `state_dict` was taken, with the strategy that was at work there.

        Raises:
            ConfigError: the state is one of another curriculum; nothing was changed.
        """
        check_state(state, self._own())
        post = self.post.like(state)
        load_parts(state, self._own(), self._parts(post))
        self.episodes, self.adapted_at = state["episodes"], state["adapted_at"]
        self.recent = deque(map(float, state["recent"]), maxlen=self.recent.maxlen)
        self.hold = state["hold"]
        self.post, self.chooser.strategy = post, post.strategy

    def _own(self) -> dict[str, Any]:
        return {
            **self.post.state_dict(),
            "tasks": list(self.strategy.names),
            "episodes": self.episodes,
            "adapted_at": self.adapted_at,
            "recent": list(self.recent),
            "hold": self.hold,
        }

    def _parts(self, post: Post) -> dict[str, Any]:
        parts = {
            **post.parts(),
            "chooser": self.chooser,
            "ledger": self.ledger,
            "log": self.log,
            "stagnation": self.stagnation,
        }
        return {name: part for name, part in parts.items() if part is not None}


def _generators(seed: int) -> list[np.random.Generator]:
    """Of the strategy, of the draws, and of the tracker."""
    children = np.random.SeedSequence([seed, _STREAM]).spawn(3)
    return [np.random.default_rng(child) for child in children]
