"""The named sets of rules: what they hold, and what they do to known sequences."""

from __future__ import annotations

from typing import Any

import pytest

from daf_nb.config import RULE_SETS, AdaptiveConfig, Rule
from daf_nb.control import AdaptiveController, rule_sets, rules
from daf_nb.errors import ConfigError
from tests.control.desk import Desk


def controller(name: str, **fields: Any) -> AdaptiveController:
    return AdaptiveController(AdaptiveConfig(rules=name, **fields))


def played(success: float, episodes: int) -> dict[str, float]:
    return {"rollout/success": success, "rollout/episodes": episodes}


def test_the_sets_are_those_that_a_config_knows():
    assert tuple(rule_sets()) == RULE_SETS
    with pytest.raises(ConfigError, match="Did you mean 'standard'"):
        rules("standart")


def test_standard_is_curriculum_and_learner_and_all_is_every_rule():
    sets = rule_sets()
    assert sets["standard"] == sets["curriculum"] + sets["learner"]
    others = [rule for name, each in sets.items() if name != "all" for rule in each]
    assert {rule.name for rule in sets["all"]} == {rule.name for rule in others}


@pytest.mark.parametrize("name", RULE_SETS)
def test_a_set_makes_a_config_says_what_each_rule_is_for_and_is_a_copy(name):
    made = rules(name)
    assert AdaptiveConfig(rules=made).rules == made
    assert all(rule.description for rule in made)
    for rule in made:
        rule.unless["changed"] = 0.0
    assert all("changed" not in rule.unless for rule in rules(name))


def test_a_success_band_takes_the_place_of_the_bands_on_success():
    by_name = {rule.name: rule for rule in rules("all", success_band=(0.2, 0.9))}
    assert (by_name["too hard"].low, by_name["too easy"].high) == (0.2, 0.9)
    assert by_name["plateau"].unless == by_name["entropy"].unless == {"success": 0.9}
    steered = controller("standard", success_band=(0.2, 0.9))
    assert steered.rules == list(rules("standard", success_band=(0.2, 0.9)))


def test_difficulty_falls_fast_and_rises_step_by_step():
    steered = controller("curriculum")
    desk = Desk(steered)
    for look in range(1, 41):
        # Whoever plays it succeeds below a difficulty of .5 only.
        desk.step += 1
        success = 0.9 if desk.values["curriculum.difficulty"] < 0.5 else 0.0
        steered.look(look, played(success, 80 * look))
    fall = desk.history("curriculum.difficulty")[:4]
    assert fall == [0.95, 0.85, 0.65, 0.25]
    assert desk.history("curriculum.difficulty")[4:9] == [0.3, 0.35, 0.4, 0.45, 0.5]
    # The look after each change still shows what was before it.
    assert [entry.step for entry in desk.entries[:5]] == [1, 3, 5, 7, 9]
    assert {entry.by for entry in desk.entries} == {"rule: too hard", "rule: too easy"}


def test_after_the_fall_the_way_down_begins_with_one_step_again():
    steered = controller("curriculum")
    desk = Desk(steered, {"curriculum.difficulty": 0.5})
    for look, success in enumerate((0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.0), start=1):
        steered.look(look, played(success, 80 * look))
    assert desk.history("curriculum.difficulty") == [0.45, 0.35, 0.3]


def test_few_episodes_do_not_move_difficulty():
    steered = controller("curriculum")
    desk = Desk(steered)
    for look in range(1, 31):
        steered.look(look, played(float(look % 2), look))
    # Thirty episodes, half of them successes: inside of the band.
    assert desk.entries == []
    for look in range(31, 61):
        steered.look(look, played(0.0, look))
    assert desk.history("curriculum.difficulty") == [0.95]


def test_a_plateau_inside_of_the_band_gets_support_and_high_success_does_not():
    for success, supported in ((0.5, True), (0.7, False)):
        steered = controller("curriculum")
        desk = Desk(steered)
        for look in range(1, 21):
            steered.look(look, played(success, 80 * look))
        assert desk.history("curriculum.rehearsal") == ([100] if supported else [])
        assert desk.values["curriculum.difficulty"] == (0.95 if supported else 1.0)


def test_no_plateau_is_seen_across_a_change_of_difficulty():
    steered = controller("curriculum")
    desk = Desk(steered, {"curriculum.difficulty": 0.1, "curriculum.rehearsal": 0})
    for look in range(1, 60):
        steered.look(look, played(0.75 if look % 15 == 0 else 0.5, 80 * look))
    assert desk.history("curriculum.difficulty") == [0.15, 0.2, 0.25]
    assert desk.history("curriculum.rehearsal") == []


def test_the_learning_rate_follows_the_divergence_within_its_limits():
    steered = controller("learner")
    desk = Desk(steered, {"learning_rate": 0.01, "ent_coef": 0.0})
    divergences = [0.3, 0.1, 0.03, 0.02, 0.005, 0.004, *[0.0] * 20]
    for look, divergence in enumerate(divergences):
        steered.look(look, {"train/approx_kl": divergence})
    rates = desk.history("learning_rate")
    assert rates[:4] == pytest.approx([0.01 / 1.5, 0.01 / 1.5**2, 0.01 / 1.5**3, 0.01 / 1.5**2])
    assert rates[-1] == 0.01
    for look in range(40):
        steered.look(look, {"train/approx_kl": 1.0})
    assert desk.values["learning_rate"] == 1e-5


def test_a_rate_beyond_the_limits_is_not_turned_round_by_them():
    steered = controller("learner")
    desk = Desk(steered, {"learning_rate": 0.1, "ent_coef": 0.0})
    steered.look(1, {"train/approx_kl": 0.0})
    assert desk.values["learning_rate"] == 0.1
    desk.values["learning_rate"] = 1e-6
    steered.look(2, {"train/approx_kl": 1.0})
    assert desk.values["learning_rate"] == 1e-6


def test_a_collapse_of_entropy_is_answered_unless_success_is_high():
    for success, weights in ((0.1, [0.001, 0.002]), (0.8, [])):
        steered = controller("learner")
        desk = Desk(steered)
        for look in range(5):
            steered.look(look, {"train/entropy_share": 0.02, "rollout/success": success})
        assert desk.history("ent_coef") == weights


def test_epochs_answer_in_place_of_the_learning_rate():
    steered = controller("epochs")
    desk = Desk(steered)
    for look, divergence in enumerate([0.1] * 12 + [0.001] * 3):
        steered.look(look, {"train/approx_kl": divergence})
    assert desk.history("n_epochs") == [4, 3, 2, 1, 2, 3]
    assert desk.history("learning_rate") == []


def test_minibatches_answer_to_speed_and_to_memory():
    steered = controller("machine")
    desk = Desk(steered)
    for look, speed in enumerate([1000.0] * 10 + [100.0] * 3):
        steered.look(look, {"time/agent_steps_per_second": speed})
    assert desk.history("batch_size") == [128]
    for look in range(13, 16):
        steered.look(look, {"system/memory_share": 0.95})
    assert desk.history("batch_size") == [128, 64]


MACHINE: dict[str, Any] = {"n_steps": 128, "max_grad_norm": None, "mixed_precision": False}


def test_buffers_larger_than_what_is_left_are_halved_down_to_sixteen_steps():
    steered = controller("machine")
    desk = Desk(steered, MACHINE)
    for look in range(30):
        desk.step = look
        steered.look(look, {"memory/buffers_share": 0.4 if look < 3 else 0.6})
    assert desk.history("n_steps") == [64, 32, 16]
    assert [entry.step for entry in desk.entries] == [3, 7, 11]


def test_long_gradients_are_clipped_unless_they_are():
    for clipped, norm, history in ((0.0, 40.0, [0.5]), (1.0, 40.0, []), (0.0, 9.0, [])):
        steered = controller("machine")
        desk = Desk(steered, MACHINE)
        metrics = {"train/gradient_norm": norm, "train/gradient_clipped_share": clipped}
        for look in range(15):
            steered.look(look, metrics)
        assert desk.history("max_grad_norm") == history


def test_a_group_with_long_gradients_is_clipped_alone():
    steered = controller("machine")
    desk = Desk(steered, {"max_grad_norm[wolf]": 100.0, "max_grad_norm[sheep]": 0.5})
    metrics = {
        "train/wolf/gradient_norm": 40.0,
        "train/wolf/gradient_clipped_share": 0.0,
        "train/sheep/gradient_norm": 40.0,
        "train/sheep/gradient_clipped_share": 1.0,
    }
    for look in range(3):
        steered.look(look, metrics)
    assert [(entry.name, entry.new) for entry in desk.entries] == [("max_grad_norm[wolf]", 0.5)]


def test_policies_of_more_than_a_gibibyte_get_mixed_precision_once():
    steered = controller("machine")
    desk = Desk(steered, MACHINE)
    for look, size in enumerate((2.0**29, 2.0**31, 2.0**31)):
        desk.step = look
        steered.look(look, {"memory/policy_bytes": size})
    assert [(entry.step, entry.name, entry.new) for entry in desk.entries] == [
        (1, "mixed_precision", True)
    ]


def test_a_return_that_stands_still_stops_a_run_without_curriculum():
    for metrics, stops in (({}, True), ({"curriculum/episodes": 100.0}, False)):
        steered = controller("stopping")
        desk = Desk(steered)
        for look in range(60):
            steered.look(look, {"rollout/return_mean": 1.0 + look % 2, **metrics})
        assert ("stop" in desk.asked) is stops


def test_a_return_that_rises_stops_nothing():
    steered = controller("stopping")
    desk = Desk(steered)
    for look in range(200):
        steered.look(look, {"rollout/return_mean": look + 5.0 * (look % 2)})
    assert desk.asked == []


def test_evaluations_that_stand_still_stop_a_run():
    steered = controller("stopping")
    desk = Desk(steered)
    for _ in range(12):
        assert desk.asked == []
        steered.update_from_evaluation({"mean_reward": 3.0, "success": None})
    assert desk.asked == ["stop"]


def test_rules_of_a_set_are_rules_to_be_changed():
    kept = [rule for rule in rules("learner") if rule.name == "kl"]
    milder = kept[0].changed(cooldown=5)
    assert isinstance(milder, Rule)
    steered = AdaptiveController(AdaptiveConfig(rules=(milder,)))
    desk = Desk(steered)
    for look in range(7):
        steered.look(look, {"train/approx_kl": 1.0})
    assert len(desk.history("learning_rate")) == 2
