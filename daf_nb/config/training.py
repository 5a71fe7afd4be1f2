"""How policies are trained, as data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from daf_nb.config.curriculum import CurriculumConfig
from daf_nb.config.settings import Settings

__all__ = ["RlConfig"]


class RlConfig(Settings):
    """How to train; the world itself is given beside it.

    Steps are live agent-steps: one agent's action in one copy counts one.
    """

    experiment_name: str = Field(default="experiment", description="what the run is called")
    total_timesteps: int = Field(default=100_000, gt=0, description="agent-steps to train for")
    num_envs: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default=8, description="copies of the world; auto times a step of it"
    )
    num_workers: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        default=0,
        description="worker processes, which change nothing but the speed; 0 steps in this "
        "process, auto times a step of the world",
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
        description="save the policies, and all that resume needs, every so many agent-steps; None "
        "for the policies at the end, and what resume needs every ten seconds or more",
    )
    tape_interval: int | None = Field(
        default=100,
        gt=0,
        description="keep the tape of every so many episodes, of all copies together (of long runs "
        "every second of those, and so on), beside the best, the worst and those of evaluations; "
        "None for these alone",
    )
    strict: bool = Field(
        default=False,
        description="what the pre-flight episode finds, such as an observation outside its Box, "
        "ends the run before its first step, in place of a warning",
    )
    on_failure: Literal["stop", "drop"] = Field(
        default="stop",
        description="where a world raises, hangs, gives NaN or breaks its contract in an episode: "
        "stop the run, or drop the episode, with a row in the journal, and make the copy anew",
    )
    step_deadline: float | None = Field(
        default=60.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds that one step or reset of one copy may take before it counts as "
        "hanging; None for ever",
    )
    curriculum_config: CurriculumConfig | None = Field(
        default=None, description="train on a curriculum made from this"
    )
    integrate_with_adaptive: bool = Field(
        default=True,
        description="an adaptive controller looks after every update; False leaves it to calls of "
        "its update_from_training_results",
    )
