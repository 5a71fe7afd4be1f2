"""`CurriculumManager`: the tasks, which comes next, what came of it, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.adapting import Change, adapt
from daf_nb.curriculum.book import TaskBook
from daf_nb.curriculum.parameters import is_drawn
from daf_nb.curriculum.sequences import preview
from daf_nb.curriculum.slices import Slices, slice_outcomes
from daf_nb.curriculum.statistics import statistics
from daf_nb.curriculum.strategy import check_strategy
from daf_nb.curriculum.tasks import Assignment, Task, check_weight
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import (
    ConfigError,
    CurriculumStagnationError,
    TaskGenerationError,
)

__all__ = ["CurriculumManager"]


def _at_once(work: Callable[[], Any]) -> Any:
    return work()


def _is_success(value: Any) -> bool:
    try:
        return bool(0 <= value <= 1)
    except (TypeError, ValueError):
        return False


class CurriculumManager:
    """A curriculum: tasks, a strategy that chooses among them, and what is known of each.

    Give it to `RlTrainer(curriculum_manager=...)` or `train(curriculum=...)`, which play and report
    every episode; or ask for tasks and report success by hand. While a run trains on it, whatever
    others ask of it takes effect at the run's next boundary.

    Args:
        config: how tasks are chosen; its `tasks` are added.

    Attributes:
        config: as given.

    Raises:
        ConfigError: an unknown strategy, or a task that cannot be.
    """

    def __init__(self, config: CurriculumConfig | None = None) -> None:
        self.config = config or CurriculumConfig()
        self._book = TaskBook(self.config)
        self._teacher: Teacher | None = None
        self._listeners: list[Callable[[Change], None]] = []
        self._through: Callable[[Callable[[], Any]], Any] = _at_once
        self._leased = False
        self._seed = self.config.seed
        if self.config.strategy is not None:
            check_strategy(self.config.strategy, self.config.strategy_options)
            if self.config.strategy == "learning_progress" and not (
                self.config.enable_learning_progress
            ):
                raise ConfigError(
                    "strategy 'learning_progress' needs enable_learning_progress=True."
                )

    # Tasks

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Name -> task, in the order in which they were added."""
        return {task.name: task for task in self._book}

    def add_task(
        self,
        name: str,
        *,
        difficulty: float | tuple[float, float],
        env_kwargs: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        success: Callable[..., float] | tuple[float, float] | None = None,
        weight: float = 1.0,
        apply: Callable[[Any, Any], Any] | None = None,
    ) -> Task:
        """Adds a task; arguments as the fields of `Task`.

        Raises:
            ConfigError: a name that is taken, a value outside of what is allowed, or a curriculum
                that has already begun.
        """
        return self._book.add(
            Task(name, difficulty, env_kwargs or {}, config or {}, success, weight, apply)
        )

    def add_tasks(self, tasks: Iterable[Task]) -> list[Task]:
        """Adds tasks, as `grid` and `buckets` make them; errors as `add_task`."""
        return [self._book.add(task) for task in tasks]

    def set_weight(self, task: str, weight: float, *, by: str = "user") -> list[Change]:
        """Wants more or less of a task; 0 leaves it out.

        Raises:
            ConfigError: an unknown task, a weight outside of 0 to 1e9, or no task would be left.
        """
        place, wanted = self._book.place(task), check_weight(task, weight)

        def work() -> list[Change]:
            chooser = self.teacher.chooser
            old = float(chooser.weights[place])
            chooser.set_weight(place, wanted)
            changed = [Change(f"curriculum.weight[{task}]", old, wanted, by)]
            return self._tell(changed if old != wanted else [])

        return self._through(work)

    # Choosing and learning

    def get_next_task(self) -> Assignment:
        """Draws the next episode's task: its name by `str`, its arguments as attributes.

        Raises:
            ConfigError: the curriculum has no task.
            TaskGenerationError: a function of the difficulty raised.
        """
        return self._through(self.teacher.assign)

    def generate_task_sequence(
        self, sequence_length: int, difficulty_progression: str = "adaptive"
    ) -> list[Assignment]:
        """A preview of what could be played; nothing is changed or committed by looking.

        Args:
            sequence_length: how many assignments.
            difficulty_progression: "adaptive" for what the strategy would draw if nothing more were
                learned, "random", or a schedule from the easiest to the hardest task: "linear",
                "exponential", "sqrt", "cosine", "sigmoid", "step".

        Raises:
            ConfigError: an unknown progression, a length below 1, or no task.
        """
        teacher = self.teacher
        return self._through(
            lambda: preview(
                teacher.chooser, sequence_length, difficulty_progression, teacher.ledger.episodes
            )
        )

    def update_task_performance(self, task: str | Assignment, performance: float) -> None:
        """Reports one episode's success.

        Args:
            task: the assignment that was played; or a task's name, which stands for an episode at
                the difficulty that the curriculum has come to.
            performance: success in [0, 1]; never a raw reward.

        Raises:
            ConfigError: an unknown task, one of another curriculum, or a success outside of [0, 1].
            CurriculumStagnationError: stagnation was found, and `on_failure` is "raise".
        """
        if not _is_success(performance):
            raise ConfigError(
                f"performance={performance!r} of task {str(task)!r}: success in [0, 1] is needed; "
                "scale a return between declared bounds first."
            )

        def work() -> None:
            played = self._own(task) if isinstance(task, Assignment) else self._as_played(task)
            if self.teacher.record(played, float(performance)):
                self.check()

        self._through(work)

    def check(self) -> list[Change]:
        """Looks for stagnation, and answers it as `on_failure` says.

        Raises:
            CurriculumStagnationError: it was found, and `on_failure` is "raise".
        """
        stagnation = self.teacher.stagnation
        found = stagnation.found() if stagnation is not None else None
        if found is None:
            return []
        if self.config.on_failure == "raise":
            raise CurriculumStagnationError(
                f"curriculum {self.config.name!r} stagnates: {found}. Try "
                "adapt_curriculum('reduce_difficulty') or 'rehearse', easier tasks, or "
                "on_failure='reduce_difficulty', which does so by itself."
            )
        return self.adapt_curriculum(self.config.on_failure, by=f"stagnation: {found}")

    def adapt_curriculum(self, action: str, *, by: str = "user") -> list[Change]:
        """Makes the curriculum easier or harder, or repeats earlier tasks.

        Args:
            action: "reduce_difficulty" and "raise_difficulty" shift the bound by .05 (or a lesson);
                a strategy without bound gets its difficulty bias shifted by .25. Both within their
                limits. "adjust_difficulty" does either if recent success is outside of
                `success_band`. "rehearse" repeats earlier tasks in half of the next `window`
                episodes.
            by: who asks, for the journal.

        Returns:
            What was changed; nothing where a limit was reached or nothing was called for.

        Raises:
            ConfigError: an unknown action.
        """
        return self._through(lambda: self._tell(adapt(self.teacher, self.config, action, by)))

    def leave_out(self, error: TaskGenerationError, task: str) -> list[Change]:
        """Answers a task that cannot be made as `on_failure` says.

        Raises:
            TaskGenerationError: `on_failure` is "raise", or it is the last task.
        """
        if self.config.on_failure == "raise":
            raise error
        try:
            return self.set_weight(task, 0.0, by=f"task generation: {error}")
        except ConfigError:
            raise error from None

    # Reading

    def get_curriculum_stats(self) -> dict[str, Any]:
        """The curriculum in numbers.

        Returns:
            `num_custom_tasks`; `avg_performance`, mean success of the newest `window` episodes, or
            None; `adaptation_needed`, recent success is outside of `success_band`, or stagnates;
            `stagnation` in words, or None; `episodes`, `difficulty` (the bound, else the mean by
            shares), `difficulty_bias`, `uniform_share`, `rehearsal` (episodes left of it), `name`,
            `strategy`; and `tasks`, name -> `episodes`, `success` over its newest `window`
            episodes, its 95 % Wilson `interval`, `learning_progress`, `share`, `difficulty`,
            `weight`, `flags`.
        """
        return statistics(self.teacher, self.config)

    def slices(self, axes: str | Sequence[str], *, bins: int = 5) -> Slices:
        """Success by task parameter, over the newest outcomes; arguments as `slice_outcomes`.

        Raises:
            ConfigError: slice analysis is off, or an unknown axis.
        """
        if self.teacher.log is None:
            raise ConfigError("enable_slice_analysis=False: no outcomes were kept to slice.")
        return slice_outcomes(self.teacher.log, axes, bins=bins)

    def subscribe(self, listener: Callable[[Change], None]) -> None:
        """Tells `listener` of every change from now on."""
        self._listeners.append(listener)

    # State

    @property
    def teacher(self) -> Teacher:
        """The moving parts; made when first needed, from when on no task can be added.

        Raises:
            ConfigError: the curriculum has no task.
        """
        return self.begin()

    def begin(self, seed: int | None = None) -> Teacher:
        """Closes the list of tasks and makes the moving parts, unless that was done.

        Args:
            seed: of everything drawn, where the config has none; None draws one.

        Raises:
            ConfigError: the curriculum has no task, or its strategy refuses them.
        """
        if self._teacher is None:
            tasks = self._book.close()
            if self._seed is None:
                drawn = int(np.random.SeedSequence().generate_state(1)[0])
                self._seed = drawn if seed is None else seed
            self._teacher = Teacher(self.config, tasks, self._seed)
        return self._teacher

    @property
    def begun(self) -> bool:
        """An episode was drawn or reported."""
        return self._teacher is not None

    @contextmanager
    def lease(self, through: Callable[[Callable[[], Any]], Any]) -> Iterator[None]:
        """While it lasts, what others ask goes `through` a run, to its next boundary.

        Args:
            through: runs what it is given, and returns its result.

        Raises:
            ConfigError: another run trains on this curriculum now.
        """
        if self._leased:
            raise ConfigError(
                f"curriculum {self.config.name!r} is being trained on by another run; make a new "
                "CurriculumManager for this one."
            )
        self._leased, self._through = True, through
        try:
            yield
        finally:
            self._leased, self._through = False, _at_once

    @property
    def book(self) -> TaskBook:
        """The tasks, with the targets and goal vectors that the config asks for."""
        return self._book

    def spec(self) -> dict[str, Any]:
        """Config and tasks as data: what a record holds. Functions are told by their names."""
        return {
            **self.config.model_dump(),
            "seed": self._seed,
            "tasks": self._book.to_plain(),
        }

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as data that JSON holds without loss."""
        return self._through(self.teacher.state_dict)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues exactly where `state_dict` was taken; the tasks must be the same.

        Raises:
            ConfigError: the state is one of another curriculum.
        """
        self._through(lambda: self.teacher.load_state_dict(state))

    def _own(self, assignment: Assignment) -> Assignment:
        if self._book.place(assignment.task) != assignment.index:
            raise ConfigError(
                f"the assignment of task {assignment.task!r} is one of another curriculum; report "
                "it there, or by the task's name."
            )
        return assignment

    def _as_played(self, name: str) -> Assignment:
        """An episode of a task at the level of the curriculum, for reports that name no more.

        What would have been drawn is not known, and left out.
        """
        chooser, task, index = self.teacher.chooser, self._book[name], self._book.place(name)
        bound = self.teacher.strategy.bound
        level = chooser.level if bound is None else bound
        return Assignment(
            name,
            index,
            min(max(level, task.low), task.high),
            {name: value for name, value in task.env_kwargs.items() if not is_drawn(value)},
            {name: value for name, value in task.config.items() if not is_drawn(value)},
            probe=bound is not None and bool(chooser.nearest_ones(bound)[index]),
        )

    def _tell(self, changes: list[Change]) -> list[Change]:
        for change in changes:
            for listener in self._listeners:
                listener(change)
        return changes
