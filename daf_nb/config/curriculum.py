"""How a curriculum chooses, as data."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_serializer, model_validator

from daf_nb.config.settings import Settings, as_data

__all__ = ["CurriculumConfig"]


class CurriculumConfig(Settings):
    """How tasks are chosen; the tasks themselves may be given here or by `add_task`."""

    name: str = Field(default="curriculum", description="what the curriculum is called")
    strategy: str | None = Field(
        default=None,
        description="how tasks are chosen; None: adaptive where a task's difficulty is a range, "
        "else learnability",
    )
    strategy_options: dict[str, Any] = Field(
        default_factory=dict, description="passed to the strategy"
    )
    tasks: tuple[dict[str, Any], ...] = Field(
        default=(), description="arguments of add_task, one dict per task"
    )
    seed: int | None = Field(
        default=None, ge=0, le=2**32 - 1, description="None takes the run's seed"
    )
    uniform_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="u: final shares are (1-u)P + u/K; None takes the strategy's own",
    )
    max_active_tasks: int | None = Field(
        default=None,
        ge=1,
        description="draw from so many tasks at a time, the easiest first; a mastered one gives "
        "its place to the easiest that waits",
    )
    window: int = Field(default=100, ge=2, description="episodes that recent success is over")
    success_band: tuple[float, float] = Field(
        default=(0.3, 0.7),
        description="recent success below it asks for an easier curriculum, above for a harder one",
    )
    mastery: float = Field(
        default=0.9, gt=0, le=1, description="recent success from which a task counts as mastered"
    )
    stats_update_frequency: int = Field(
        default=100,
        ge=1,
        description="episodes between looks at which tasks are active and at stagnation",
    )
    enable_learning_progress: bool = Field(
        default=True, description="keep every task's learning progress, whatever the strategy"
    )
    enable_slice_analysis: bool = Field(
        default=True, description="keep the newest outcomes with their parameters, for slices"
    )
    stagnation_window: int | None = Field(
        default=None,
        ge=20,
        description="W: stagnation is no move of the bound and no change of success in so many "
        "episodes, which should be more than the strategy takes between two moves (adaptive: 200); "
        "None never looks",
    )
    stagnation_tolerance: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="mean success of the two halves of W may differ by so much",
    )
    on_failure: Literal["raise", "reduce_difficulty", "rehearse"] = Field(
        default="raise",
        description="raise, or answer stagnation so and leave out tasks that cannot be made",
    )
    target: tuple[str, ...] = Field(
        default=(), description="tasks that evaluation plays; none named: the hardest"
    )
    pad_spaces: bool = Field(
        default=False, description="pad observations and actions that differ between tasks"
    )
    goal: Literal["task", "parameters"] | None = Field(
        default=None,
        description="append to observations: which task it is (one of K), or its parameters",
    )

    @field_serializer("tasks", when_used="json")
    def _tasks_as_data(self, tasks: tuple[dict[str, Any], ...]) -> Any:
        return as_data(tasks)

    @model_validator(mode="after")
    def _band_in_order(self) -> CurriculumConfig:
        low, high = self.success_band
        if not 0 <= low < high <= 1:
            raise ValueError(f"success_band={self.success_band}: 0 <= low < high <= 1 is needed")
        return self
