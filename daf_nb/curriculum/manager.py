"""`CurriculumManager`: the tasks, which comes next, what came of it, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.adapting import ACTIONS, Change, adapt
from daf_nb.curriculum.book import TaskBook
from daf_nb.curriculum.lifetime import Lifetime
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
    unknown_name,
)

__all__ = ["CurriculumManager"]


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
        book: the tasks, with the targets and goal vectors that the config asks for.
        life: the moving parts, and whose they are; for the run that plays.

    Raises:
        ConfigError: an unknown strategy, or a task that cannot be.
    """

    def __init__(self, config: CurriculumConfig | None = None) -> None:
        if not (config is None or isinstance(config, CurriculumConfig)):
            raise ConfigError(
                f"{config!r} is no CurriculumConfig; CurriculumConfig(strategy=...) chooses a "
                "strategy by name."
            )
        self.config = config or CurriculumConfig()
        self.book = TaskBook(self.config)
        self.life = Lifetime(self.config, self.book)
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
        return {task.name: task for task in self.book}

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
        return self.book.add(
            Task(name, difficulty, env_kwargs or {}, config or {}, success, weight, apply)
        )

    def add_tasks(self, tasks: Iterable[Task]) -> list[Task]:
        """Adds tasks, as `grid` and `buckets` make them; errors as `add_task`."""
        return [self.book.add(task) for task in tasks]

    def set_weight(self, task: str, weight: float, *, by: str = "user") -> list[Change]:
        """Wants more or less of a task; 0 leaves it out.

        Raises:
            ConfigError: an unknown task, a weight outside of 0 to 1e9, or no task would be left.
        """
        place, wanted = self.book.place(task), check_weight(task, weight)
        return self.life.change(lambda teacher: _weigh(teacher, task, place, wanted, by))

    # Choosing and learning

    def get_next_task(self) -> Assignment:
        """Draws the next episode's task: its name by `str`, its arguments as attributes.

        Raises:
            ConfigError: the curriculum has no task, or a run trains on it now.
            TaskGenerationError: a function of the difficulty raised.
        """
        return self.life.alone("get_next_task").assign()

    def generate_task_sequence(
        self, sequence_length: int, difficulty_progression: str = "adaptive"
    ) -> list[Assignment]:
        """A preview of what could be played; nothing is changed or committed by looking.

        Before a seed is known, it is that of seed 0.

        Args:
            sequence_length: how many assignments.
            difficulty_progression: "adaptive" for what the strategy would draw if nothing more were
                learned, "random", or a schedule from the easiest to the hardest task: "linear",
                "exponential", "sqrt", "cosine", "sigmoid", "step".

        Raises:
            ConfigError: an unknown progression, a length below 1, or no task.
        """
        with self.life.look() as teacher:
            seen = teacher.ledger.episodes
            return preview(teacher.chooser, sequence_length, difficulty_progression, seen)

    def update_task_performance(self, task: str | Assignment, performance: float) -> None:
        """Reports one episode's success.

        Args:
            task: the assignment that was played; or a task's name, which stands for an episode at
                the difficulty that the curriculum has come to.
            performance: success in [0, 1]; never a raw reward.

        Raises:
            ConfigError: an unknown task, one of another curriculum, a success outside of [0, 1], or
                a run trains on the curriculum now and reports by itself.
            CurriculumStagnationError: stagnation was found, and `on_failure` is "raise".
        """
        if not _is_success(performance):
            raise ConfigError(
                f"performance={performance!r} of task {str(task)!r}: success in [0, 1] is needed; "
                "scale a return between declared bounds first."
            )

        teacher = self.life.alone("update_task_performance")
        played = self._own(task) if isinstance(task, Assignment) else self._as_played(task)
        if teacher.record(played, float(performance)):
            self.check()

    def check(self) -> list[Change]:
        """Looks for stagnation, and answers it as `on_failure` says.

        Raises:
            CurriculumStagnationError: it was found, and `on_failure` is "raise" or can change
                nothing more.
        """
        with self.life.look() as teacher:
            found = teacher.stagnation.found() if teacher.stagnation is not None else None
        if found is None:
            return []
        answer = self.config.on_failure
        if answer == "raise":
            raise CurriculumStagnationError(
                f"curriculum {self.config.name!r} stagnates: {found}. Try "
                "adapt_curriculum('reduce_difficulty') or 'rehearse', easier tasks, or "
                "on_failure='reduce_difficulty', which does so by itself."
            )
        by = f"stagnation: {found}"
        changes = self.life.change_now(lambda teacher: adapt(teacher, self.config, answer, by))
        if not changes:
            raise CurriculumStagnationError(
                f"curriculum {self.config.name!r} stagnates: {found}, and on_failure={answer!r} "
                "can change nothing more. Add easier tasks, or look at success and reward."
            )
        return changes

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
            What was changed; nothing where a limit was reached or nothing was called for, or where
            a callback asks in the middle of a rollout, and it is yet to come.

        Raises:
            ConfigError: an unknown action.
        """
        if action not in ACTIONS:
            raise ConfigError(unknown_name("action", action, ACTIONS))
        return self.life.change(lambda teacher: adapt(teacher, self.config, action, by))

    def leave_out(self, error: TaskGenerationError, task: str) -> list[Change]:
        """Answers a task that cannot be made as `on_failure` says.

        Raises:
            TaskGenerationError: `on_failure` is "raise", or it is the last task.
        """
        if self.config.on_failure == "raise":
            raise error
        by = f"task generation: {error}"
        try:
            place = self.book.place(task)
            return self.life.change_now(lambda teacher: _weigh(teacher, task, place, 0.0, by))
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
        with self.life.look() as teacher:
            return statistics(teacher, self.config)

    def slices(self, axes: str | Sequence[str], *, bins: int = 5) -> Slices:
        """Success by task parameter, over the newest outcomes; arguments as `slice_outcomes`.

        Raises:
            ConfigError: slice analysis is off, or an unknown axis.
        """
        with self.life.look() as teacher:
            outcomes = None if teacher.log is None else list(teacher.log)
        if outcomes is None:
            raise ConfigError("enable_slice_analysis=False: no outcomes were kept to slice.")
        return slice_outcomes(outcomes, axes, bins=bins)

    def subscribe(self, listener: Callable[[Change], None]) -> None:
        """Tells `listener` of every change from now on."""
        self.life.subscribe(listener)

    # State

    @property
    def begun(self) -> bool:
        """An episode was drawn or reported."""
        return self.life.begun

    @property
    def teacher(self) -> Teacher:
        """The moving parts, for those who go below the verbs; from then on no task can be added.

        Raises:
            ConfigError: the curriculum has no task, or its strategy refuses them.
        """
        return self.life.begin()

    def spec(self) -> dict[str, Any]:
        """Config and tasks as data: what a record holds. Functions are told by their names."""
        return {
            **self.config.model_dump(),
            "seed": self.life.seed,
            "tasks": self.book.to_plain(),
        }

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as data that JSON holds without loss."""
        with self.life.look() as teacher:
            return teacher.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues exactly where `state_dict` was taken; the tasks must be the same.

        Raises:
            ConfigError: the state is one of another curriculum, or a run trains on this one now.
        """
        self.life.alone("load_state_dict").load_state_dict(state)

    def _own(self, assignment: Assignment) -> Assignment:
        if self.book.place(assignment.task) != assignment.index:
            raise ConfigError(
                f"the assignment of task {assignment.task!r} is one of another curriculum; report "
                "it there, or by the task's name."
            )
        return assignment

    def _as_played(self, name: str) -> Assignment:
        """An episode of a task at the level of the curriculum, for reports that name no more.

        What would have been drawn is not known, and left out.
        """
        teacher, task, index = self.life.begin(), self.book[name], self.book.place(name)
        chooser, bound = teacher.chooser, teacher.strategy.bound
        level = chooser.level if bound is None else bound
        return Assignment(
            name,
            index,
            min(max(level, task.low), task.high),
            {name: value for name, value in task.env_kwargs.items() if not is_drawn(value)},
            {name: value for name, value in task.config.items() if not is_drawn(value)},
            probe=bound is not None and bool(chooser.nearest_ones(bound)[index]),
        )


def _weigh(teacher: Teacher, task: str, place: int, weight: float, by: str) -> list[Change]:
    old = float(teacher.chooser.weights[place])
    teacher.chooser.set_weight(place, weight)
    return [Change(f"curriculum.weight[{task}]", old, weight, by)] if old != weight else []
