"""When a curriculum begins, whose it is while a run trains on it, and who hears of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.book import TaskBook
from daf_nb.curriculum.changes import Change
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import ConfigError

__all__ = ["Door", "Lifetime"]

Door = Callable[[Callable[[], list[Change]]], list[Change]]
"""Carries a change out, now or at a run's next boundary; what it changed, if that is known yet."""


def _at_once(work: Callable[[], list[Change]]) -> list[Change]:
    return work()


class Lifetime:
    """A curriculum's moving parts, from the first look to the last run.

    Args:
        config: how tasks are chosen.
        book: which; closed when the curriculum begins.

    Attributes:
        seed: of all that is drawn; None until it is known.
        touched: something was drawn, reported or changed, so that config and tasks alone do not
            tell what comes next.
        leased: a run trains on it now.
        owner: who it is leased to; None for nobody.
    """

    def __init__(self, config: CurriculumConfig, book: TaskBook) -> None:
        self._config, self._book = config, book
        self._teacher: Teacher | None = None
        self._listeners: list[Callable[[Change], None]] = []
        self._door: Door = _at_once
        self.seed = config.seed
        self.touched = self.leased = False
        self.owner: object = None

    @property
    def begun(self) -> bool:
        """An episode was drawn or reported."""
        return self._teacher is not None and self._teacher.begun

    def begin(self, seed: int | None = None) -> Teacher:
        """The moving parts; made when first asked for, from when on no task can be added.

        Args:
            seed: of all that is drawn, where the config has none and nothing was drawn yet; None
                draws one.

        Raises:
            ConfigError: there is no task, or the strategy refuses them.
        """
        if self._teacher is None:
            tasks = self._book.checked()
            if self.seed is None:
                drawn = int(np.random.SeedSequence().generate_state(1)[0])
                self.seed = drawn if seed is None else seed
            self._teacher = Teacher(self._config, tasks, self.seed)
            self._book.closed = True
        elif seed is not None and self._config.seed is None and not self._teacher.begun:
            self.seed = seed
            self._teacher.reseed(seed)
        return self._teacher

    @contextmanager
    def look(self) -> Iterator[Teacher]:
        """The moving parts to read from, standing still; before the beginning, others like them.

        Raises:
            ConfigError: there is no task, or the strategy refuses them.
        """
        teacher = self._teacher
        if teacher is None:
            teacher = Teacher(self._config, self._book.checked(), self.seed or 0)
        with teacher.lock:
            yield teacher

    def alone(self, what: str) -> Teacher:
        """The moving parts, for what only the one who plays may do.

        Raises:
            ConfigError: a run trains on the curriculum now.
        """
        if self.leased:
            raise ConfigError(
                f"{what}: a run trains on curriculum {self._config.name!r}, draws its tasks and "
                "reports their outcomes; wait for it, or preview with generate_task_sequence."
            )
        self.touched = True
        return self.begin()

    def change(self, work: Callable[[Teacher], list[Change]]) -> list[Change]:
        """Carries out a change, at the next boundary where a run trains; tells who listens."""
        return self._door(lambda: self.change_now(work))

    def change_now(self, work: Callable[[Teacher], list[Change]]) -> list[Change]:
        """Carries out a change that the curriculum's own rules ask for; tells who listens."""
        teacher = self.begin()
        with teacher.lock:
            changes = work(teacher)
        self.touched = self.touched or bool(changes)
        for change in changes:
            for listener in list(self._listeners):
                listener(change)
        return changes

    def subscribe(self, listener: Callable[[Change], None]) -> None:
        """Tells `listener` of every change from now on."""
        self._listeners.append(listener)

    @contextmanager
    def lease(
        self, door: Door, listener: Callable[[Change], None], *, owner: object = None
    ) -> Iterator[None]:
        """While it lasts, changes go through a run's door, and the run hears of them.

        Args:
            door: carries changes out.
            listener: told of them.
            owner: what the run is known by.

        Raises:
            ConfigError: another run trains on the curriculum now.
        """
        self.refuse_leased()
        self.leased, self.owner, self._door = True, owner, door
        self._listeners.append(listener)
        try:
            yield
        finally:
            self.leased, self.owner, self._door = False, None, _at_once
            self._listeners.remove(listener)

    def refusal(self, owner: object) -> str:
        """Why `owner` cannot change it now; empty where it can."""
        if self.leased and self.owner is not owner:
            return "another run trains on this curriculum; use that run's controls."
        return ""

    def refuse_leased(self) -> None:
        """Raises ConfigError where a run trains on the curriculum now."""
        if self.leased:
            raise ConfigError(
                f"curriculum {self._config.name!r} is being trained on by another run; make a new "
                "CurriculumManager for this one."
            )
