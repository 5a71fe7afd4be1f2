"""Rules as data: refused where they cannot be, with the nearest name; kept without loss."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from daf_nb.config import RULE_SETS, Action, AdaptiveConfig, Rule
from daf_nb.errors import ConfigError

STOP = Action(verb="stop")
RULE: dict[str, Any] = {"name": "r", "signal": "kl", "low": 0.1, "below": STOP}


def refused(make: Any, **fields: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        make(**fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"verb": "easier"}, "easier"),
        ({"knob": "learning_rate", "factor": 1 / 1.5}, "learning_rate x 0.667"),
        ({"knob": "n_epochs", "add": -1, "at_least": 1}, "n_epochs - 1, at least 1"),
        ({"knob": "d", "add": 0.05, "at_most": 0.9}, "d + 0.05, at most 0.9"),
        ({"knob": "curriculum.strategy", "to": "uniform"}, "curriculum.strategy to uniform"),
        ({"knob": "curriculum.hold", "to": False}, "curriculum.hold to False"),
    ],
)
def test_an_action_says_itself_in_words(fields, words):
    assert str(Action(**fields)) == words


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "with none of them came"),
        ({"knob": "a"}, "one of factor, add and to"),
        ({"factor": 2.0}, "knob=None with factor"),
        ({"knob": "a", "factor": 2.0, "add": 1.0}, "with factor, add came"),
        ({"knob": "a", "verb": "stop"}, "not both"),
        ({"verb": "stop", "to": 3}, "not both"),
        ({"verb": "hardr"}, "Did you mean 'harder'?"),
        ({"knob": "a", "factor": 1.0}, "moves nothing"),
        ({"knob": "a", "add": 0.0}, "moves nothing"),
        ({"knob": "a", "factor": -1.0}, "greater than 0"),
        ({"knob": "a", "add": float("nan")}, "finite"),
        ({"knob": "a", "to": 1, "at_least": 0.0}, "go with factor or add"),
        ({"verb": "easier", "at_most": 0.0}, "go with factor or add"),
        ({"knob": "a", "add": 1.0, "at_least": 2.0, "at_most": 1.0}, "at_least=2.0 is above"),
        ({"knob": "a", "ad": 1.0}, "Did you mean 'add'?"),
    ],
)
def test_an_action_is_one_thing(fields, said):
    assert said in refused(Action, **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"below": None}, "rule 'r' does nothing"),
        ({"low": None}, "below needs low"),
        ({"above": STOP}, "above needs high"),
        ({"high": 0.1}, "low=0.1 is not below high=0.1"),
        ({"high": 0.3, "hysteresis": 0.11}, "leaves no inside"),
        ({"measure": "gain", "window": 3}, "at least 4 values"),
        ({"measure": "gains"}, "'value', 'relative' or 'gain'"),
        ({"smoothing": 1.0}, "less than 1"),
        ({"growth": 0.5}, "greater than or equal to 1"),
        ({"cooldown": -1}, "greater than or equal to 0"),
        ({"low": float("nan")}, "finite"),
        ({"name": ""}, "at least 1 character"),
        ({"cool_down": 3}, "Did you mean 'cooldown'?"),
        ({"below": {"verb": "stopp"}}, "Did you mean 'stop'?"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_what_can(fields, said):
    assert said in refused(Rule, **{**RULE, **fields})


def test_half_of_a_band_may_be_hysteresis():
    assert Rule(**RULE, high=0.3, hysteresis=0.1, above=STOP).hysteresis == 0.1


def test_a_changed_rule_is_checked_and_leaves_the_old_one():
    rule = Rule(**RULE, unless={"success": 0.9})
    other = rule.changed(low=0.2, growth=2.0)
    assert (other.low, other.growth, other.unless) == (0.2, 2.0, {"success": 0.9})
    assert (rule.low, rule.growth) == (0.1, 1.0)
    assert "does nothing" in refused(rule.changed, below=None)
    assert "Did you mean 'growth'?" in refused(rule.changed, grwth=2.0)
    with pytest.raises(ValidationError, match="frozen"):
        rule.low = 0.3  # type: ignore[misc] - what the test is about


def test_changed_rules_do_not_share_their_thresholds():
    rule = Rule(**RULE, unless={"success": 0.9})
    rule.changed(low=0.2).unless["success"] = 0.1
    assert rule.unless == {"success": 0.9}


def test_a_config_goes_to_json_and_back_without_loss():
    config = AdaptiveConfig(
        experiment_id="naïve <b>",
        mode="advise",
        rules=(
            Rule(**RULE, unless={"success": 0.1 + 0.2}),
            Rule(
                name="other",
                signal="x",
                measure="gain",
                window=8,
                high=1e-300,
                above=Action(knob="curriculum.hold", to=True),
            ),
            Rule(name="third", signal="x", low=0.0, below=Action(knob="n_epochs", to=1)),
        ),
        success_band=(0.1 + 0.2, 0.9),
        checkpoint_interval=100,
    )
    again = AdaptiveConfig.model_validate_json(config.model_dump_json())
    assert again == config == AdaptiveConfig(**json.loads(config.model_dump_json()))
    assert isinstance(again.rules[1], Rule) and again.rules[1].above == config.rules[1].above  # type: ignore[union-attr]
    assert [type(rule.above or rule.below) for rule in again.rules] == [Action] * 3  # type: ignore[union-attr]


def test_true_stays_true_and_one_stays_one_in_json():
    for value in (True, 1, 1.5, "1"):
        action = Action.model_validate_json(Action(knob="a", to=value).model_dump_json())
        assert action.to == value and type(action.to) is type(value)


@pytest.mark.parametrize("name", RULE_SETS)
def test_sets_go_by_name(name):
    assert AdaptiveConfig(rules=name).rules == name


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rules": "standart"}, "Did you mean 'standard'?"),
        ({"rules": 3}, "a set's name or several rules"),
        ({"rules": Rule(**RULE)}, "a set's name or several rules"),
        ({"rules": [3]}, "3 is no Rule"),
        ({"rules": [Rule(**RULE), Rule(**RULE)]}, "twice: r"),
        ({"rules": [{**RULE, "cool_down": 3}]}, "Did you mean 'cooldown'?"),
        ({"mode": "on"}, "'auto', 'advise' or 'off'"),
        ({"success_band": (0.7, 0.3)}, "0 <= low < high <= 1 is needed"),
        ({"difficulty_step": 0.0}, "greater than 0"),
        ({"rehearsal": 0}, "greater than or equal to 1"),
        ({"enable_checkpointing": False, "checkpoint_interval": 5}, "needs enable_checkpointing"),
        ({"experiment": "x"}, "Did you mean 'experiment_id'?"),
        ({"wandb_projekt": "x"}, "Did you mean 'wandb_project'"),
    ],
)
def test_a_config_that_cannot_be_is_refused_with_what_can(fields, said):
    assert said in refused(AdaptiveConfig, **fields)


@pytest.mark.parametrize("config", [Action, Rule, AdaptiveConfig])
def test_every_field_is_described(config):
    assert [name for name, field in config.model_fields.items() if not field.description] == []
