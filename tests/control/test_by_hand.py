"""The guide's verbs: what each changes, by how much, within which bounds."""

from __future__ import annotations

import json

import pytest

from daf_nb.config import AdaptiveConfig
from daf_nb.control import AdaptiveController
from daf_nb.errors import AdaptiveControllerError, ConfigError
from tests.control.desk import LEARNER, Desk, kl_rule, show, with_rules

KL = "train/approx_kl"


def steered_desk(bound: str = "free", **fields) -> tuple[AdaptiveController, Desk]:
    steered = AdaptiveController(AdaptiveConfig(**fields))
    return steered, Desk(steered, bound=bound)


@pytest.mark.parametrize("bound", ["free", "itself"])
def test_tasks_become_harder_by_a_step_of_the_bound_up_to_1(bound):
    steered, desk = steered_desk(bound, difficulty_step=0.1)
    desk.values["curriculum.difficulty"] = 0.85
    request = steered.increase_task_difficulty()
    assert (request.state, request.by, request.new) == ("applied", "user", pytest.approx(0.95))
    assert steered.increase_task_difficulty(by="ada").new == 1.0
    assert steered.increase_task_difficulty().state == "unchanged"
    assert [entry.by for entry in desk.entries] == ["user", "ada"]


def test_without_a_bound_tasks_become_harder_by_a_quarter_of_the_bias():
    steered, desk = steered_desk("none")
    for _ in range(5):
        steered.increase_task_difficulty()
    assert desk.history("curriculum.difficulty_bias") == [0.25, 0.5, 0.75, 1.0]


def test_the_whole_curriculum_tilts_by_a_quarter_within_its_bounds():
    steered, desk = steered_desk()
    steered.increase_curriculum_difficulty()
    for _ in range(6):
        steered.decrease_curriculum_difficulty()
    assert desk.history("curriculum.difficulty_bias") == [0.25, 0.0, -0.25, -0.5, -0.75, -1.0]
    assert desk.values["curriculum.difficulty"] == 1.0


def test_support_rehearses_and_makes_it_easier():
    for bound, easier in (
        ("free", "curriculum.difficulty"),
        ("none", "curriculum.difficulty_bias"),
    ):
        steered, desk = steered_desk(bound, rehearsal=40)
        requests = steered.provide_curriculum_support()
        assert [request.name for request in requests] == ["curriculum.rehearsal", easier]
        assert desk.values["curriculum.rehearsal"] == 40
        assert desk.values[easier] == {"free": 0.95, "none": -0.25}[bound]


def test_one_task_or_all_of_them():
    class Assigned:
        def __str__(self) -> str:
            return "far"

    steered, desk = steered_desk()
    steered.set_current_task("near")
    assert steered.get_experiment_status()["current_task"] == "near"
    steered.set_current_task(Assigned())
    assert desk.values["curriculum.task"] == "far"
    steered.set_current_task(None)
    assert desk.values["curriculum.task"] is None
    with pytest.raises(ConfigError, match="Did you mean 'near'"):
        steered.set_current_task("neer")


VERBS = [
    AdaptiveController.increase_task_difficulty,
    AdaptiveController.increase_curriculum_difficulty,
    AdaptiveController.decrease_curriculum_difficulty,
    AdaptiveController.provide_curriculum_support,
    lambda steered: steered.set_current_task("near"),
]


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_say_what_is_missing(verb):
    with pytest.raises(AdaptiveControllerError, match="steers no run yet; give it to one first"):
        verb(AdaptiveController())
    steered = AdaptiveController()
    Desk(steered, LEARNER)
    with pytest.raises(AdaptiveControllerError, match="this run has no curriculum; give it one"):
        verb(steered)
    steered, desk = steered_desk(enable_curriculum_learning=False)
    with pytest.raises(AdaptiveControllerError, match="enable_curriculum_learning=False"):
        verb(steered)
    assert desk.entries == []


def test_after_a_change_by_hand_rules_on_success_begin_anew():
    steered, desk = steered_desk(rules="curriculum")
    failed = {"rollout/success": 0.0}
    steered.increase_curriculum_difficulty()
    steered.look(1, failed)
    # No rule had seen anything, so that the first look counts.
    assert desk.history("curriculum.difficulty") == [0.95]
    steered.look(2, failed)
    steered.increase_curriculum_difficulty()
    steered.look(3, failed)
    assert desk.history("curriculum.difficulty") == [0.95]
    steered.look(4, failed)
    assert desk.history("curriculum.difficulty") == [0.95, 0.85]


# Results and evaluations


RESULTS = {
    "episodes": 50,
    "timesteps": 1250,
    "avg_reward": -3.0,
    "best_reward": 1.0,
    "completion_rate": 0.1,
    "task_performance": {"near": 0.1},
}


def test_results_are_looked_at_where_the_run_does_not_look_by_itself():
    steered = AdaptiveController(AdaptiveConfig(rules="curriculum"))
    desk = Desk(steered, looks=False)
    (told,) = steered.update_from_training_results(RESULTS)
    assert (told.rule, told.value, told.step) == ("too hard", 0.1, 1250)
    assert desk.values["curriculum.difficulty"] == 0.95
    assert steered.update_from_training_results(RESULTS) == []
    (again,) = steered.update_from_training_results(RESULTS)
    assert again.number == 2


def test_where_the_run_looks_results_only_ask_what_was_decided():
    steered = with_rules(kl_rule(), kl_rule(name="s", signal="success"))
    desk = Desk(steered, looks=True)
    show(steered, KL, 1.0, 1.0)
    assert [told.number for told in steered.update_from_training_results(RESULTS)] == [1, 2]
    assert steered.update_from_training_results(RESULTS) == []
    assert desk.history("learning_rate") == [0.005, 0.0025]


def test_an_evaluation_is_shown_to_the_rules_on_it_alone():
    rule = kl_rule(name="held out", signal="evaluation/success", low=0.3, high=0.7, cooldown=1)
    steered = with_rules(rule, kl_rule(cooldown=1))
    Desk(steered)
    show(steered, KL, 1.0)
    (told,) = steered.update_from_evaluation({"success": 0.9, "mean_reward": None})
    assert (told.rule, told.value) == ("held out", 0.9)
    assert {state.rule: state.waits for state in steered.signals()} == {"held out": 1, "kl": 1}
    assert steered.update_from_evaluation({"success": 0.9, "mean_reward": 1}) == []
    assert {state.rule: state.waits for state in steered.signals()} == {"held out": 0, "kl": 1}


# The experiment


def test_it_starts_what_it_steers():
    steered, desk = steered_desk()
    assert steered.start_experiment() == {"timesteps": 100}
    assert steered.run_with_environment("world", {"N": 2}) == {"timesteps": 200}
    steered.run_with_environment("world")
    assert desk.asked == ["train", ("world", {"N": 2}), ("world", None)]


def test_without_a_run_it_says_what_to_do():
    for start in (
        AdaptiveController.start_experiment,
        lambda steered: steered.run_with_environment("world"),
    ):
        with pytest.raises(AdaptiveControllerError, match=r"RlTrainer.*adaptive_controller="):
            start(AdaptiveController())


def test_its_status_is_data():
    steered = with_rules(kl_rule(), mode="advise", experiment_id="e")
    Desk(steered)
    show(steered, KL, 1.0, 0.0, 1.0)
    steered.accept(3)
    show(steered, KL, 0.0)
    status = json.loads(json.dumps(steered.get_experiment_status(), allow_nan=False))
    assert (status["experiment_id"], status["mode"]) == ("e", "advise")
    assert status["run"] == {"timesteps": 0, "episodes": 7}
    assert status["decisions"] == {"expired": 2, "accepted": 1, "proposed": 1}
    assert [told["number"] for told in status["newest_decisions"]] == [1, 2, 3, 4]
    assert [told["number"] for told in status["proposals"]] == [4]
    assert status["knobs"]["learning_rate"] == 0.005
    (signal,) = status["signals"]
    assert (signal["rule"], signal["state"], signal["value"]) == ("kl", "below", 0.0)
    bare = AdaptiveController().get_experiment_status()
    assert (bare["run"], bare["knobs"], bare["current_task"]) == (None, {}, None)
