"""Which strategy is at work: the configured one, one that took its place, or that of a state."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.moving import approach, movable
from daf_nb.curriculum.strategies import LearningProgress
from daf_nb.curriculum.strategy import Strategy, check_strategy, known_strategies, make_strategy
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError

__all__ = ["Post", "check_choice", "default_strategy"]


class Post:
    """The strategy at work, and the tracker of learning progress beside it.

    Args:
        config: how tasks are chosen.
        tasks: which.
        choose: the strategy's source of chance.
        track: the tracker's.

    Attributes:
        configured: the name of the strategy that the config asks for.
        name: of the strategy at work.
        options: what it was made with; None for those of the config where it is the configured
            strategy, and for its defaults elsewhere.
        strategy: at work.
        tracker: every task's learning progress, where enabled; the strategy itself, where that is
            what it goes by.
        switches: how often another strategy came to work.

    Raises:
        ConfigError: the configured strategy is unknown, or refuses the tasks.
    """

    def __init__(
        self,
        config: CurriculumConfig,
        tasks: Sequence[Task],
        choose: np.random.Generator,
        track: np.random.Generator,
    ) -> None:
        self._config, self._tasks = config, tasks
        self.configured = self.name = config.strategy or default_strategy(tasks)
        self.options: dict[str, Any] | None = None
        self.switches = 0
        self.strategy = self._make(self.name, None, choose)
        self.tracker: LearningProgress | None = None
        if type(self.strategy) is LearningProgress:
            self.tracker = self.strategy
        elif config.enable_learning_progress:
            self.tracker = LearningProgress(tasks, track)

    @property
    def beside(self) -> LearningProgress | None:
        """The tracker, where it is not the strategy itself."""
        return None if self.tracker is self.strategy else self.tracker

    @property
    def usable(self) -> list[str]:
        """Names of the known strategies that `switch` takes without options."""
        return [name for name in sorted(known_strategies()) if self._takes(name)]

    def reseed(self, choose: np.random.Generator, track: np.random.Generator) -> None:
        """Draws from other sources of chance; before anything was drawn."""
        for _ in range(self.switches):
            choose = _following(choose)
        self.strategy.rng = choose
        if self.beside is not None:
            self.beside.rng = track

    def switch(self, name: str, options: Mapping[str, Any] | None, *, level: float | None) -> None:
        """Puts another strategy to work; `Teacher.switch` says how it begins.

        Args:
            name: its name.
            options: None for those of the config, or for its defaults.
            level: to which its bound is moved, where it can be; None leaves it.

        Raises:
            ConfigError: it is unknown, or refuses this curriculum; nothing was changed.
        """
        old, tracker = self.strategy, self.tracker
        strategy = self._make(name, options, _following(old.rng))
        strategy.progress = old.progress
        if level is not None and movable(strategy):
            approach(strategy, level)
        if type(strategy) is LearningProgress:
            if tracker is not None and tracker.settings == strategy.settings:
                tracker.rng, tracker.progress = strategy.rng, strategy.progress
                strategy = tracker
            tracker = strategy
        self.name, self.options = name, None if options is None else dict(options)
        self.strategy, self.tracker = strategy, tracker
        self.switches += 1

    def parts(self) -> dict[str, Strategy]:
        """The strategy, and the tracker where it is another."""
        parts: dict[str, Strategy] = {"strategy": self.strategy}
        if self.beside is not None:
            parts["tracker"] = self.beside
        return parts

    def state_dict(self) -> dict[str, Any]:
        """Which strategy is at work; its parts have states of their own."""
        return {
            "configured": self.configured,
            "strategy_name": self.name,
            "options": copy.deepcopy(self.options),
            "switches": self.switches,
        }

    def like(self, state: Mapping[str, Any]) -> Post:
        """Another post with the strategy of such a state at work, new in all of its parts.

        Raises:
            ConfigError: the strategy is unknown, or refuses this curriculum.
        """
        name, options, switches = (state[key] for key in ("strategy_name", "options", "switches"))
        if not (
            isinstance(name, str)
            and (options is None or isinstance(options, dict))
            and (isinstance(switches, int) and switches >= 0)
        ):
            raise ConfigError(
                f"the state cannot be read: strategy {name!r} with options {options!r}, after "
                f"{switches!r} switches."
            )
        other, chance = copy.copy(self), np.random.default_rng(0)
        other.name, other.options, other.switches = name, copy.deepcopy(options), switches
        other.strategy = self._make(name, options, chance)
        if type(other.strategy) is LearningProgress:
            other.tracker = other.strategy
        elif self.tracker is not None:
            other.tracker = LearningProgress(self._tasks, chance)
        return other

    def _make(
        self, name: str, options: Mapping[str, Any] | None, rng: np.random.Generator
    ) -> Strategy:
        if options is None:
            options = self._config.strategy_options if name == self.configured else {}
        check_choice(self._config, name, options)
        strategy = make_strategy(name, self._tasks, rng, options)
        if strategy.keeps_order and self._config.max_active_tasks is not None:
            raise ConfigError(
                f"strategy {name!r} decides itself which tasks are due; leave max_active_tasks "
                f"({self._config.max_active_tasks}) out."
            )
        return strategy

    def _takes(self, name: str) -> bool:
        try:
            self._make(name, None, np.random.default_rng(0))
        except Exception:  # a user's strategy may refuse tasks by any error
            return False
        return True


def check_choice(config: CurriculumConfig, name: str, options: Mapping[str, Any]) -> None:
    """Whether a curriculum of this config may have such a strategy, whatever its tasks.

    Raises:
        ConfigError: an unknown strategy or option, or one that the config leaves nothing to go by.
    """
    if check_strategy(name, options) is LearningProgress and not config.enable_learning_progress:
        raise ConfigError(f"strategy {name!r} needs enable_learning_progress=True.")


def default_strategy(tasks: Sequence[Task]) -> str:
    """`adaptive` where a difficulty is a range, else `learnability`."""
    return "adaptive" if any(task.continuous for task in tasks) else "learnability"


def _following(rng: np.random.Generator) -> np.random.Generator:
    """A generator that follows from the state of `rng`, which stays as it is.

    Not by `rng.spawn`: what a generator spawns is no part of its state, and would be another after
    a state was restored.
    """
    words = copy.deepcopy(rng).integers(2**32, size=8)
    return np.random.default_rng(words.tolist())
