"""Which knobs of a run a rule or a verb means."""

from __future__ import annotations

from collections.abc import Iterable

from daf_nb.config import AdaptiveConfig, Rule
from daf_nb.control.controls import Controls
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["BIAS", "BOUND", "CURRICULUM", "check_knobs", "has_curriculum", "lever", "targets"]

CURRICULUM = "curriculum."
"""How the names of a curriculum's knobs begin."""
BOUND, BIAS = f"{CURRICULUM}difficulty", f"{CURRICULUM}difficulty_bias"


def has_curriculum(controls: Controls) -> bool:
    """The run has a curriculum."""
    return any(name.startswith(CURRICULUM) for name in controls.knobs)


def lever(controls: Controls) -> str:
    """The knob that makes a curriculum harder: its bound where it has one, else its bias."""
    bound = controls.knobs.get(BOUND)
    return BIAS if bound is None or bound.refusal() else BOUND


def targets(name: str, group: str | None, knobs: Iterable[str]) -> list[str]:
    """The knobs that a name means: the group's, else the run's, else those of every group."""
    known = list(knobs)
    for one in ([f"{name}[{group}]"] if group is not None else []) + [name]:
        if one in known:
            return [one]
    return [each for each in known if each.startswith(f"{name}[") and each.endswith("]")]


def check_knobs(rules: Iterable[Rule], controls: Controls, config: AdaptiveConfig) -> None:
    """Refuses rules that move a knob which the run does not have.

    Raises:
        ConfigError: with the nearest name.
    """
    known = {*controls.knobs, *(name.partition("[")[0] for name in controls.knobs)}
    for rule in rules:
        for action in (rule.below, rule.above):
            name = None if action is None else action.knob
            if name is None or name in known:
                continue
            if config.enable_curriculum_learning or not name.startswith(CURRICULUM):
                raise ConfigError(f"rule {rule.name!r}: {unknown_name('knob', name, known)}")
