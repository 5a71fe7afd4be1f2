"""What an adaptive controller watches and may do, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from daf_nb.config.rules import Rule
from daf_nb.config.settings import Settings
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["RULE_SETS", "AdaptiveConfig"]

RULE_SETS = ("all", "curriculum", "epochs", "learner", "machine", "standard", "stopping")
"""The named sets; `daf_nb.control.rule_sets` holds their rules."""


class AdaptiveConfig(Settings):
    """What an adaptive controller watches, and what it may do."""

    experiment_id: str = Field(default="adaptive", description="what the experiment is called")
    mode: Literal["auto", "advise", "off"] = Field(
        default="auto",
        description="auto acts; advise proposes, and a person accepts or refuses; off only follows "
        "the signals. A knob, adaptive.mode, while it trains",
    )
    rules: str | tuple[Rule, ...] = Field(
        default="standard", description=f"rules, or a set of them: {', '.join(RULE_SETS)}"
    )
    success_band: tuple[float, float] = Field(
        default=(0.3, 0.7), description="the band of the rules on success in named sets"
    )
    difficulty_step: float = Field(
        default=0.05, gt=0, le=1, description="what harder and easier move the difficulty by"
    )
    rehearsal: int = Field(
        default=100, ge=1, description="episodes of which support lets half repeat earlier tasks"
    )
    enable_curriculum_learning: bool = Field(
        default=True, description="False: neither rules nor verbs touch the curriculum"
    )
    enable_checkpointing: bool = Field(
        default=True, description="False: it asks for no checkpoints"
    )
    checkpoint_interval: int | None = Field(
        default=None,
        gt=0,
        description="agent-steps between two checkpoints; None leaves the run's own",
    )
    wandb_project: str | None = Field(
        default=None,
        min_length=1,
        description="a run that it steers is told to Weights & Biases too, in this project",
    )

    @property
    def integrate_with_wandb(self) -> bool:
        """A run is told to Weights & Biases too."""
        return self.wandb_project is not None

    @field_validator("rules", mode="before")
    @classmethod
    def _known_or_made(cls, rules: Any) -> str | tuple[Rule, ...]:
        if isinstance(rules, str):
            if rules not in RULE_SETS:
                raise ValueError(unknown_name("set of rules", rules, RULE_SETS))
            return rules
        if not isinstance(rules, Iterable) or isinstance(rules, (Mapping, Settings)):
            raise ValueError(f"a set's name or several rules are needed; {rules!r} came")
        made = tuple(map(_rule, rules))
        names = [rule.name for rule in made]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each rule needs a name of its own; twice: {', '.join(twice)}")
        return made

    @model_validator(mode="after")
    def _agrees(self) -> AdaptiveConfig:
        low, high = self.success_band
        if not 0 <= low < high <= 1:
            raise ValueError(f"success_band={self.success_band}: 0 <= low < high <= 1 is needed")
        if self.checkpoint_interval is not None and not self.enable_checkpointing:
            raise ValueError(
                f"checkpoint_interval={self.checkpoint_interval} needs enable_checkpointing=True"
            )
        return self


def _rule(given: Any) -> Rule:
    if isinstance(given, Rule):
        return given
    if isinstance(given, Mapping):
        return Rule(**given)
    raise ConfigError(f"{given!r} is no Rule")
