"""`CurriculumManager`: the tasks, which comes next, what came of it, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.adapting import ACTIONS, adapt
from daf_nb.curriculum.assignments import Assignment
from daf_nb.curriculum.book import TaskBook
from daf_nb.curriculum.changes import Change
from daf_nb.curriculum.failures import answer_stagnation, leave_out
from daf_nb.curriculum.levers import set_weight
from daf_nb.curriculum.lifetime import Lifetime
from daf_nb.curriculum.post import check_choice
from daf_nb.curriculum.reports import checked_success, played
from daf_nb.curriculum.sequences import preview
from daf_nb.curriculum.slices import Slices, slice_outcomes
from daf_nb.curriculum.statistics import statistics
from daf_nb.curriculum.tasks import Task, check_weight
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import ConfigError, TaskGenerationError, unknown_name

__all__ = ["CurriculumManager"]


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
            check_choice(self.config, self.config.strategy, self.config.strategy_options)

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
        wanted = check_weight(self.book[task].name, weight)
        return self.life.change(lambda teacher: set_weight(teacher, task, wanted, by))

    # Choosing and learning

    def get_next_task(self) -> Assignment:
        """Draws the next episode's task: its name by `str`, its arguments as attributes.

        From all tasks, whatever is in focus (`curriculum.task`), which is what a run plays.

        Raises:
            ConfigError: the curriculum has no task, or a run trains on it now.
            TaskGenerationError: a function of the difficulty raised.
        """
        return self.life.alone("get_next_task").assign(free=True)

    def generate_task_sequence(
        self, sequence_length: int, difficulty_progression: str = "adaptive"
    ) -> list[Assignment]:
        """A preview of what could be played, with seed 0 before one is known; changes nothing.

        Args:
            sequence_length: how many assignments.
            difficulty_progression: "adaptive" for what the strategy would draw if nothing more were
                learned, "random", or a schedule from the easiest to the hardest task: "linear",
                "exponential", "sqrt", "cosine", "sigmoid", "step".

        Raises:
            ConfigError: an unknown progression, a length below 1, or no task.
        """
        with self.life.look() as teacher:
            chooser, seen = teacher.chooser, teacher.ledger.episodes
            return preview(chooser, sequence_length, difficulty_progression, seen)

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
        success = checked_success(task, performance)
        teacher = self.life.alone("update_task_performance")
        if teacher.record(played(teacher, self.book, task), success):
            self.check()

    def check(self) -> list[Change]:
        """Looks for stagnation, and answers it as `on_failure` says.

        Raises:
            CurriculumStagnationError: found, and `on_failure` is "raise" or can change nothing.
        """
        return answer_stagnation(self.life, self.config)

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
            TaskGenerationError: `on_failure` is "raise", or no other task can be drawn.
        """
        return leave_out(self.life, self.config, error, task)

    # Reading

    def get_curriculum_stats(self) -> dict[str, Any]:
        """The curriculum in numbers.

        Returns:
            `num_custom_tasks`; `avg_performance`, mean success of the newest `window` episodes, or
            None; `adaptation_needed`, recent success is outside of `success_band`, or stagnates;
            `stagnation` in words, or None; `episodes`, `difficulty` (the bound, else the mean by
            shares), `difficulty_bias`, `uniform_share`, `rehearsal` (episodes left of it), `hold`
            (it stands still), `task` (the only one that is drawn, or None), `name`, `strategy` (at
            work); and `tasks`, name -> `episodes`, `success` over its newest `window` episodes, its
            95 % Wilson `interval`, `learning_progress`, `share`, `difficulty`, `weight`, `flags`.
        """
        with self.life.look() as teacher:
            return statistics(teacher, self.config)

    def slices(self, axes: str | Sequence[str], *, bins: int = 5) -> Slices:
        """Success by task parameter, over the newest outcomes; arguments as `slice_outcomes`.

        Raises:
            ConfigError: slice analysis is off, or an unknown axis.
        """
        with self.life.look() as teacher:
            if teacher.log is None:
                raise ConfigError("enable_slice_analysis=False: no outcomes were kept to slice.")
            log = teacher.log
        return slice_outcomes(log, axes, bins=bins)

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
        given = self.config.model_dump()
        return {**given, "seed": self.life.seed, "tasks": self.book.to_plain()}

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
