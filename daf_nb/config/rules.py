"""A rule as data: a signal, the band that it belongs in, and what is done outside of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from daf_nb.config.settings import Settings
from daf_nb.errors import unknown_name

__all__ = ["VERBS", "Action", "Rule"]

VERBS = ("harder", "easier", "support", "stop", "pause", "checkpoint")
"""What an action may be, other than a knob that is moved."""


class Action(Settings):
    """What a rule does: a knob that is moved in one of three ways, or a verb."""

    verb: str | None = Field(
        default=None, description="harder, easier, support, stop, pause or checkpoint"
    )
    knob: str | None = Field(
        default=None,
        description="a knob of the run; every group's, or the one of the group that the rule's "
        "signal is of, where it has one for each group",
    )
    factor: float | None = Field(
        default=None, gt=0, le=1e4, description="multiplies the knob's value"
    )
    add: float | None = Field(
        default=None, allow_inf_nan=False, description="is added to the knob's value"
    )
    to: bool | int | float | str | None = Field(
        default=None, description="becomes the knob's value"
    )
    at_least: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="least result of factor or add, so that a factor can begin at 0",
    )
    at_most: float | None = Field(
        default=None, allow_inf_nan=False, description="greatest result of factor or add"
    )

    @model_validator(mode="after")
    def _one_thing(self) -> Action:
        moves = [name for name in ("factor", "add", "to") if getattr(self, name) is not None]
        if self.verb is not None:
            if self.verb not in VERBS:
                raise ValueError(unknown_name("verb", self.verb, VERBS))
            if self.knob is not None or moves:
                raise ValueError(f"an action is the verb {self.verb!r} or moves a knob, not both")
        elif self.knob is None or len(moves) != 1:
            raise ValueError(
                "an action is a verb, or a knob with one of factor, add and to; "
                f"knob={self.knob!r} with {', '.join(moves) or 'none of them'} came"
            )
        if self.factor == 1 or self.add == 0:
            raise ValueError(f"{self} moves nothing; give another factor or amount")
        limits = [limit for limit in (self.at_least, self.at_most) if limit is not None]
        if limits and not {"factor", "add"} & {*moves}:
            raise ValueError("at_least and at_most go with factor or add")
        if limits != sorted(limits):
            raise ValueError(f"at_least={self.at_least} is above at_most={self.at_most}")
        return self

    def __str__(self) -> str:
        if self.verb is not None:
            return self.verb
        if self.to is not None:
            return f"{self.knob} to {self.to}"
        if self.factor is not None:
            said = f"{self.knob} x {self.factor:.3g}"
        else:
            add = self.add or 0.0
            said = f"{self.knob} {'-' if add < 0 else '+'} {abs(add):.3g}"
        limits = (("at least", self.at_least), ("at most", self.at_most))
        return said + "".join(
            f", {word} {limit:.6g}" for word, limit in limits if limit is not None
        )


class Rule(Settings):
    """Follows one signal, and acts while it is outside of a band.

    A look counts for a rule where it brings a value of its signal; one that is missing or not
    finite changes nothing.
    """

    name: str = Field(min_length=1, description="what it is called in the journal")
    signal: str = Field(
        min_length=1,
        description="a metric, or success, success_rate, return, kl, entropy, throughput, memory "
        "or difficulty; one of train/ is followed group by group where there are several",
    )
    measure: Literal["value", "relative", "gain"] = Field(
        default="value",
        description="value; relative: value / mean of the first `window` values; gain: (mean of "
        "the newer half of the newest `window` values - mean of the older half) / their standard "
        "deviation. Nothing before `window` values",
    )
    window: int = Field(default=10, ge=1, description="values that relative or gain is over")
    smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="weight of the old in exponential smoothing"
    )
    episodes: int = Field(
        default=0,
        ge=0,
        description="values are gathered until they stand for so many finished episodes, whose "
        "mean counts as one value; 0 takes every value as it comes",
    )
    low: float | None = Field(
        default=None, allow_inf_nan=False, description="least value inside of the band"
    )
    high: float | None = Field(
        default=None, allow_inf_nan=False, description="greatest value inside of the band"
    )
    hysteresis: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="once outside, the signal is inside again only by this margin",
    )
    cooldown: int = Field(default=0, ge=0, description="values without action after an action")
    settle: int = Field(
        default=0,
        ge=0,
        description="values left out after an action, which come of what was before it",
    )
    growth: float = Field(
        default=1.0,
        ge=1,
        le=10,
        description="what the amount of an action (the exponent of a factor) is multiplied by with "
        "each in a row the same way; anew where the way changes or the signal comes inside",
    )
    fresh: bool = Field(
        default=False,
        description="smoothing, windows and gathering start anew after its own action, and after "
        "the controller changed the curriculum",
    )
    below: Action | None = Field(default=None, description="what is done below the band")
    above: Action | None = Field(default=None, description="what is done above the band")
    unless: dict[str, float] = Field(
        default_factory=dict,
        description="signal -> threshold: idle while the signal is at or above it",
    )
    description: str = Field(default="", description="what it is for")

    @model_validator(mode="after")
    def _can_act(self) -> Rule:
        said = f"rule {self.name!r}"
        if self.below is None and self.above is None:
            raise ValueError(f"{said} does nothing; give it below or above, an Action")
        for side, bound in (("below", "low"), ("above", "high")):
            if getattr(self, side) is not None and getattr(self, bound) is None:
                raise ValueError(f"{said}: {side} needs {bound}, where the band ends")
        if self.low is not None and self.high is not None:
            if self.low >= self.high:
                raise ValueError(f"{said}: low={self.low} is not below high={self.high}")
            # Rounded, as .1 and twice .1 are more than .3.
            if round(self.high - self.low - 2 * self.hysteresis, 12) < 0:
                raise ValueError(
                    f"{said}: hysteresis={self.hysteresis} leaves no inside between low={self.low} "
                    f"and high={self.high}; at most half of the band is allowed"
                )
        if self.measure == "gain" and self.window < 4:
            raise ValueError(f"{said}: window={self.window}: gain needs at least 4 values")
        return self

    def changed(self, **fields: Any) -> Rule:
        """The rule with other fields, checked.

        Raises:
            ConfigError: an unknown field, or a rule that cannot be.
        """
        own = {name: getattr(self, name) for name in Rule.model_fields}
        return Rule(**{**own, "unless": dict(self.unless), **fields})
