"""Named sets of rules, as data to be used, read and changed."""

from __future__ import annotations

from collections.abc import Callable

from daf_nb.config import RULE_SETS, Action, AdaptiveConfig, Rule
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["resolved", "rule_sets", "rules"]

_Band = tuple[float, float]
_BAND: _Band = (0.3, 0.7)
_TARGET_KL = 0.01
_KL = (_TARGET_KL / 2, _TARGET_KL * 2)
_FASTER, _SLOWER = 1.5, 1 / 1.5


def rules(name: str, *, success_band: _Band = _BAND) -> tuple[Rule, ...]:
    """A named set.

    Args:
        name: "curriculum" keeps success in its band by difficulty, and supports where it stands
            still; "learner" keeps the policy's step in its band by the learning rate, and its
            entropy from collapse; "epochs" does the former by epochs; "machine" answers to
            speed, memory and gradients; "stopping" ends what gains nothing more; "standard" is
            curriculum and learner; "all" is every rule.
        success_band: the band of the rules on success.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in _SETS:
        raise ConfigError(unknown_name("set of rules", name, _SETS))
    return _SETS[name](success_band)


def rule_sets(*, success_band: _Band = _BAND) -> dict[str, tuple[Rule, ...]]:
    """Name -> set, all of them; see `rules`."""
    return {name: rules(name, success_band=success_band) for name in RULE_SETS}


def resolved(config: AdaptiveConfig) -> tuple[Rule, ...]:
    """The rules of a config, where it names a set those of the set, with its success band."""
    if isinstance(config.rules, str):
        return rules(config.rules, success_band=config.success_band)
    return config.rules


def _curriculum(band: _Band) -> tuple[Rule, ...]:
    low, high = band
    # Episodes under way and their successors, which are chosen beforehand, are of before a change.
    success = {"signal": "success", "episodes": 30, "settle": 1, "fresh": True}
    return (
        Rule(
            **success,
            name="too hard",
            low=low,
            below=Action(verb="easier"),
            growth=2.0,
            description="hardly any success: easier, by more each time until there is",
        ),
        Rule(
            **success,
            name="too easy",
            high=high,
            above=Action(verb="harder"),
            description="success is high: harder, step by step",
        ),
        Rule(
            **success,
            name="plateau",
            measure="gain",
            window=20,
            smoothing=0.5,
            low=0.25,
            below=Action(verb="support"),
            unless={"success": high},
            description="no more success than before, at one difficulty: rehearse, a step easier",
        ),
    )


def _learner(band: _Band) -> tuple[Rule, ...]:
    return (
        Rule(
            name="kl",
            signal="kl",
            low=_KL[0],
            high=_KL[1],
            below=Action(knob="learning_rate", factor=_FASTER, at_most=1e-2),
            above=Action(knob="learning_rate", factor=_SLOWER, at_least=1e-5),
            description="the policy moves too far in an update, or hardly: a learning rate that "
            "holds its KL divergence near .01 (Schulman et al. 2017, arXiv:1707.06347, section 4, "
            "on the learning rate, with the factors and limits of rsl_rl)",
        ),
        Rule(
            name="entropy",
            signal="entropy",
            smoothing=0.5,
            low=0.1,
            hysteresis=0.05,
            cooldown=3,
            below=Action(knob="ent_coef", factor=2.0, at_least=1e-3, at_most=0.02),
            unless={"success": band[1]},
            description="the policy has all but stopped to explore, without success: a greater "
            "weight of its entropy",
        ),
    )


def _epochs(band: _Band) -> tuple[Rule, ...]:
    return (
        Rule(
            name="kl epochs",
            signal="kl",
            low=_KL[0],
            high=_KL[1],
            cooldown=1,
            below=Action(knob="n_epochs", add=1, at_most=20),
            above=Action(knob="n_epochs", add=-1, at_least=1),
            description="the policy moves too far in an update, or hardly: fewer or more passes "
            "over a rollout, where the learning rate shall stay",
        ),
    )


def _machine(band: _Band) -> tuple[Rule, ...]:
    return (
        Rule(
            name="throughput",
            signal="throughput",
            measure="relative",
            smoothing=0.5,
            low=0.5,
            hysteresis=0.1,
            cooldown=10,
            below=Action(knob="batch_size", factor=2.0),
            description="half as fast as in its first ten updates: larger minibatches",
        ),
        Rule(
            name="memory",
            signal="memory",
            high=0.9,
            hysteresis=0.05,
            cooldown=10,
            above=Action(knob="batch_size", factor=0.5, at_least=32),
            description="memory is almost full: smaller minibatches",
        ),
        Rule(
            name="buffers",
            signal="memory/buffers_share",
            high=0.5,
            cooldown=3,
            above=Action(knob="n_steps", factor=0.5, at_least=16),
            description="the buffers of rollouts hold more than what memory is left: shorter ones",
        ),
        Rule(
            name="gradient clipping",
            signal="train/gradient_norm",
            smoothing=0.5,
            high=10.0,
            cooldown=10,
            above=Action(knob="max_grad_norm", to=0.5),
            unless={"train/gradient_clipped_share": 0.01},
            description="gradients 20 times as long as what PPO lets through by default, hardly "
            "any clipped: clip them there",
        ),
        Rule(
            name="mixed precision",
            signal="memory/policy_bytes",
            high=float(1 << 30),
            above=Action(knob="mixed_precision", to=True),
            description="policies of more than 1 GiB: their networks in bfloat16, where they are "
            "on a GPU that has it",
        ),
    )


def _stopping(band: _Band) -> tuple[Rule, ...]:
    return (
        Rule(
            name="return plateau",
            signal="return",
            measure="gain",
            window=60,
            smoothing=0.8,
            low=0.1,
            below=Action(verb="stop"),
            unless={"curriculum/episodes": 1.0},
            description="the return has gained nothing in 60 updates: stop. Idle with a "
            "curriculum, where the return may stand still because the tasks become harder",
        ),
        Rule(
            name="evaluation plateau",
            signal="evaluation/return_mean",
            measure="gain",
            window=12,
            smoothing=0.5,
            low=0.1,
            below=Action(verb="stop"),
            description="the return on held-out seeds has gained nothing in 12 evaluations: stop",
        ),
    )


_SETS: dict[str, Callable[[_Band], tuple[Rule, ...]]] = {
    "curriculum": _curriculum,
    "learner": _learner,
    "epochs": _epochs,
    "machine": _machine,
    "stopping": _stopping,
    "standard": lambda band: _curriculum(band) + _learner(band),
    "all": lambda band: sum((_SETS[name](band) for name in _PARTS), ()),
}
_PARTS = ("curriculum", "learner", "epochs", "machine", "stopping")
