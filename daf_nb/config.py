"""What a run is told: one frozen model, checked when made, that goes to JSON and back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_serializer,
    model_validator,
)

from daf_nb.errors import ConfigError, unknown_name

__all__ = ["CurriculumConfig", "RlConfig", "Settings"]


class Settings(BaseModel):
    """A frozen model whose errors say what came, what is allowed, and the nearest known name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(_said(type(self), error)) from None


def _said(model: type[BaseModel], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(unknown_name(f"{model.__name__} field", name, model.model_fields))
        else:
            said = problem["msg"].removeprefix("Value error, ").removesuffix(".")
            lines.append(f"{name}={problem['input']!r}: {said}." if name else f"{said}.")
    return " ".join(lines)


def _as_data(value: Any) -> Any:
    """Ranges and choices say themselves how they are told as data."""
    if isinstance(value, dict):
        return {key: _as_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_data(item) for item in value]
    return value.to_plain() if hasattr(value, "to_plain") else value


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
        return _as_data(tasks)

    @model_validator(mode="after")
    def _band_in_order(self) -> CurriculumConfig:
        low, high = self.success_band
        if not 0 <= low < high <= 1:
            raise ValueError(f"success_band={self.success_band}: 0 <= low < high <= 1 is needed")
        return self


class RlConfig(Settings):
    """How to train; the world itself is given beside it.

    Steps are live agent-steps: one agent's action in one copy counts one.
    """

    experiment_name: str = Field(default="experiment", description="what the run is called")
    total_timesteps: int = Field(default=100_000, gt=0, description="agent-steps to train for")
    num_envs: int = Field(default=8, ge=1, description="copies of the world")
    num_workers: int = Field(
        default=0, ge=0, description="worker processes; 0 steps in this process"
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=2**32 - 1,
        description="run seed; None draws one, and the run records it",
    )
    device: str = Field(default="auto", description="torch device; auto times what there is")
    torch_threads: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto",
        description="torch's threads while training; auto times one against all cores",
    )
    algorithm: Literal["PPO", "A2C", "MaskablePPO"] = Field(
        default="PPO", description="MaskablePPO is sb3-contrib's, for worlds with action masks"
    )
    algorithm_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="passed to the algorithm; daf_nb's own default is n_steps=128 for PPO",
    )
    policy_kwargs: dict[str, Any] = Field(default_factory=dict, description="passed to the policy")
    share: Literal["all", "group", "none"] = Field(
        default="group",
        description="which agents share a policy: all, those with equal spaces, or none",
    )
    batch_size: int | None = Field(
        default=None,
        ge=2,
        description="rows per minibatch; must divide a rollout; None takes a quarter of it",
    )
    partial_minibatch: bool = Field(
        default=False,
        description="allow a batch size that leaves a smaller last minibatch, as SB3 does",
    )
    evaluation_interval: int | None = Field(
        default=None, gt=0, description="evaluate every so many agent-steps; None for never"
    )
    evaluation_episodes: int = Field(default=20, ge=1, description="episodes of one evaluation")
    checkpoint_interval: int | None = Field(
        default=None,
        gt=0,
        description="save the policies every so many agent-steps; None for at the end",
    )
    curriculum_config: CurriculumConfig | None = Field(
        default=None, description="train on a curriculum made from this"
    )
