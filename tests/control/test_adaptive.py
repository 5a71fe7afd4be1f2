"""The controller on a run: acts, and says why; follows, fails visibly, goes on from its state."""

from __future__ import annotations

import itertools
import json
import threading
import time
from typing import Any

import pytest

from daf_nb.config import Action, AdaptiveConfig, Rule
from daf_nb.control import AdaptiveController, rules
from daf_nb.errors import AdaptiveControllerError, ConfigError
from tests.control.desk import LEARNER, Desk, kl_rule, show, with_rules

KL = "train/approx_kl"


def test_it_acts_through_the_controls_and_says_why():
    steered = with_rules(kl_rule())
    desk = Desk(steered)
    desk.step = 640
    (told,) = steered.look(640, {KL: 0.05})
    (entry,) = desk.entries
    assert (entry.name, entry.old, entry.new) == ("learning_rate", 0.01, 0.005)
    assert (entry.by, entry.step) == ("rule: kl", 640)
    assert entry.because == {"signal": KL, "value": 0.05, "low": 0.005, "high": 0.02}
    assert told.to_plain() == {
        "number": 1,
        "step": 640,
        "rule": "kl",
        "signal": KL,
        "group": None,
        "value": 0.05,
        "low": 0.005,
        "high": 0.02,
        "side": "above",
        "action": "learning_rate x 0.5",
        "knob": "learning_rate",
        "state": "applied",
        "by": "rule: kl",
        "message": "0.01 to 0.005",
    }
    assert desk.told == [("decision", told.to_plain())]
    assert steered.decisions == [told]


def test_inside_of_the_band_nothing_happens():
    steered = with_rules(kl_rule())
    desk = Desk(steered)
    assert show(steered, KL, 0.005, 0.01, 0.02) == [[], [], []]
    assert (desk.entries, desk.told) == ([], [])


def test_growth_reaches_the_knob():
    steered = with_rules(kl_rule(growth=2.0))
    desk = Desk(steered)
    show(steered, KL, 1.0, 1.0, 1.0)
    assert desk.history("learning_rate") == pytest.approx([0.01 / 2, 0.01 / 8, 0.01 / 128])
    assert steered.decisions[1].action == "learning_rate x 0.25"


def test_every_group_gets_its_own_rate():
    steered = with_rules(kl_rule(cooldown=1))
    desk = Desk(steered, {"learning_rate[wolves]": 0.01, "learning_rate[sheep]": 0.01})
    wolves, sheep = "train/wolves/approx_kl", "train/sheep/approx_kl"
    steered.look(1, {wolves: 0.1, sheep: 0.01})
    (told,) = steered.look(2, {wolves: 0.1, sheep: 0.001})
    assert desk.values == {"learning_rate[wolves]": 0.005, "learning_rate[sheep]": 0.02}
    assert (told.group, told.knob) == ("sheep", "learning_rate[sheep]")
    assert {state.group: state.waits for state in steered.signals()} == {"wolves": 0, "sheep": 1}


def test_off_only_follows_and_the_knob_changes_the_mode():
    steered = with_rules(kl_rule(), mode="off")
    desk = Desk(steered)
    assert show(steered, KL, 1.0) == [[]]
    assert steered.signals()[0].state == "above"
    assert steered.signals()[0].note == "the controller is off"
    desk.controls.set("adaptive.mode", "auto", by="panel")
    assert (steered.mode, desk.controls["adaptive.mode"]) == ("auto", "auto")
    assert show(steered, KL, 1.0) == [["kl"]]
    with pytest.raises(ConfigError, match="Did you mean 'advise'"):
        desk.controls.set("adaptive.mode", "advice", by="panel")


def test_without_a_run_it_only_follows():
    steered = with_rules(kl_rule())
    assert show(steered, KL, 1.0) == [[]]
    assert steered.signals()[0].note == "no run is attached"


def test_an_idle_rule_says_why():
    steered = with_rules(kl_rule(unless={"success": 0.9}))
    desk = Desk(steered)
    steered.look(1, {KL: 1.0, "rollout/success": 0.95})
    assert steered.signals()[0].note == "success is 0.95, at or above 0.9"
    steered.look(2, {KL: 1.0, "rollout/success": 0.5})
    assert desk.history("learning_rate") == [0.005]
    assert steered.signals()[0].note == ""


def test_what_reaches_its_limit_is_no_decision():
    steered = with_rules(kl_rule(above=Action(knob="learning_rate", factor=0.5, at_least=0.004)))
    Desk(steered)
    assert show(steered, KL, *[1.0] * 4) == [["kl"], ["kl"], [], []]
    assert steered.signals()[0].note == "learning_rate is at 0.004 already"


def test_a_limit_that_only_the_writing_knows_is_tried_once():
    easier = kl_rule(name="easier", above=Action(verb="easier"), below=None, low=None)
    steered = with_rules(easier)
    desk = Desk(steered, floor=0.9)
    asked: list[str] = []
    desk.controls.subscribe(lambda request: asked.append(request.state))
    told = show(steered, KL, *[1.0] * 6)
    assert told == [["easier"], ["easier"], [], [], [], []]
    assert asked == ["pending", "applied", "pending", "applied", "pending", "unchanged"]
    assert "in vain" in steered.signals()[0].note
    # Once it was inside, it is tried again.
    show(steered, KL, 0.01, 1.0)
    assert asked[-1] == "unchanged" and len(asked) == 8


def test_what_a_knob_refuses_is_told_once_as_failed():
    steered = with_rules(kl_rule(above=Action(knob="learning_rate", to=0.666)))
    desk = Desk(steered)
    assert show(steered, KL, 1.0, 1.0) == [["kl"], []]
    (told,) = steered.decisions
    assert (told.state, told.message) == ("failed", "not this one")
    assert desk.values["learning_rate"] == 0.01
    desk.controls.close("the run has ended")
    show(steered, KL, 0.01, 0.001)
    assert steered.decisions[-1].message == "learning_rate: the run has ended"


def test_a_request_that_does_not_live_to_its_boundary_failed():
    steered = with_rules(kl_rule(cooldown=1))
    desk = Desk(steered, held=True)
    show(steered, KL, 1.0)
    assert steered.decisions[0].state == "applied"
    desk.controls.set("learning_rate", 0.3, by="panel")
    desk.boundary()
    show(steered, KL, 1.0)
    assert (steered.decisions[0].state, desk.values["learning_rate"]) == ("failed", 0.3)
    assert "superseded" in steered.decisions[0].message
    assert [data["state"] for _, data in desk.told] == ["applied", "failed"]


def test_rules_stop_pause_and_checkpoint():
    made = [kl_rule(name=v, above=Action(verb=v)) for v in ("checkpoint", "pause", "stop")]
    steered = with_rules(*made)
    desk = Desk(steered)
    show(steered, KL, 1.0)
    assert desk.asked == ["checkpoint", "pause", "stop"]
    assert [(told.action, told.knob) for told in steered.decisions] == [
        ("checkpoint", ""),
        ("pause", ""),
        ("stop", ""),
    ]


def test_a_rule_that_fails_is_named():
    steered = with_rules(kl_rule(above=Action(verb="checkpoint")))
    desk = Desk(steered)
    desk.checkpoint = lambda: 1 / 0  # type: ignore[method-assign,assignment] - a broken run
    with pytest.raises(AdaptiveControllerError, match="rule 'kl' failed: division by zero"):
        show(steered, KL, 1.0)
    with pytest.raises(AdaptiveControllerError, match="rule 'kl'"):
        show(steered, KL, "fast")


def test_of_two_rules_on_what_is_played_one_acts_at_a_time():
    easier = {"above": Action(verb="easier"), "below": None, "low": None, "fresh": True}
    steered = with_rules(kl_rule(name="a", **easier), kl_rule(name="b", **easier), kl_rule())
    desk = Desk(steered)
    assert show(steered, KL, 1.0, 1.0) == [["a", "kl"], ["a", "kl"]]
    assert desk.history("curriculum.difficulty") == [0.95, 0.9]


# Rules while it runs


def test_rules_are_changed_while_it_runs_and_the_record_is_told():
    steered = with_rules(kl_rule(cooldown=9))
    desk = Desk(steered)
    show(steered, KL, 1.0)
    steered.set_rules(
        [*steered.rules, kl_rule(name="epochs", above=Action(knob="n_epochs", add=-1))]
    )
    assert show(steered, KL, 1.0) == [["epochs"]]
    kind, data = desk.told[1]
    assert kind == "rules"
    assert json.loads(json.dumps(data))["rules"][1]["above"]["knob"] == "n_epochs"
    assert AdaptiveConfig(**data).rules == tuple(steered.rules)
    steered.set_rules("learner")
    assert steered.rules == list(rules("learner"))


def test_rules_of_unknown_knobs_are_refused_with_the_nearest():
    wrong = kl_rule(above=Action(knob="learning_rat", factor=0.5))
    with pytest.raises(ConfigError, match=r"rule 'kl': unknown knob .* mean 'learning_rate'"):
        Desk(with_rules(wrong))
    steered = with_rules(kl_rule())
    Desk(steered)
    with pytest.raises(ConfigError, match="Did you mean 'learning_rate'"):
        steered.set_rules([wrong])
    with pytest.raises(ConfigError, match="Did you mean 'standard'"):
        steered.set_rules("standart")
    assert steered.rules == [kl_rule()]
    steered.set_rules([kl_rule(above=Action(knob="curriculum.hold", to=True))])


def test_named_sets_fit_runs_that_lack_their_knobs():
    steered = AdaptiveController(AdaptiveConfig(rules="all"))
    desk = Desk(steered, {"learning_rate": 0.01})
    metrics = {KL: 1.0, "rollout/success": 0.0, "rollout/episodes": 100, "system/memory_share": 1}
    steered.look(1, metrics)
    assert [entry.name for entry in desk.entries] == ["learning_rate"]
    notes = {state.rule: state.note for state in steered.signals()}
    assert notes["too hard"] == "this run has no curriculum"
    assert notes["memory"] == "this run has no knob 'batch_size'"


# The run


def test_one_run_at_a_time():
    steered = with_rules(kl_rule())
    desk = Desk(steered)
    steered.attach(desk)
    with pytest.raises(AdaptiveControllerError, match="steers another run"):
        Desk(steered)
    steered.detach()
    assert show(steered, KL, 1.0) == [[]]
    other = Desk(steered)
    show(steered, KL, 1.0)
    assert (desk.history("learning_rate"), other.history("learning_rate")) == ([], [0.005])


def test_it_sets_how_often_checkpoints_are_saved():
    steered = with_rules(kl_rule(), checkpoint_interval=5000)
    desk = Desk(steered)
    assert desk.values["checkpoint_interval"] == 5000
    assert desk.entries[0].by == "adaptive controller"
    assert Desk(with_rules(kl_rule())).entries == []


def test_a_controller_takes_a_config():
    with pytest.raises(ConfigError, match="is no AdaptiveConfig"):
        AdaptiveController("standard")  # type: ignore[arg-type] - what the test is about
    assert AdaptiveController().config == AdaptiveConfig()


# State


def test_its_spec_makes_it_again():
    steered = AdaptiveController(AdaptiveConfig(experiment_id="e", success_band=(0.2, 0.6)))
    again = AdaptiveConfig(**json.loads(json.dumps(steered.spec())))
    assert again == steered.config
    steered.set_rules([kl_rule()])
    assert AdaptiveConfig(**steered.spec()).rules == (kl_rule(),)


@pytest.mark.parametrize("mode", ["auto", "advise"])
def test_it_goes_on_from_its_state_as_if_nothing_had_been(mode):
    def metrics(look: int) -> dict[str, Any]:
        return {
            KL: (look * 7 % 11) / 100,
            "rollout/success": (look * 5 % 13) / 13,
            "rollout/episodes": 17 * look,
            "train/entropy_share": 0.3 / (1 + look % 9),
        }

    config = AdaptiveConfig(mode=mode, rules="all")
    one = AdaptiveController(config)
    desk = Desk(one)
    for look in range(25):
        one.look(look, metrics(look))
    state = json.loads(json.dumps(one.state_dict(), allow_nan=False))
    two = AdaptiveController(config)
    twin = Desk(two, desk.values)
    two.load_state_dict(state)
    assert two.decisions == one.decisions and two.proposals == one.proposals
    assert two.spec() == one.spec()
    for look in range(25, 70):
        assert one.look(look, metrics(look)) == two.look(look, metrics(look))
    assert desk.values == twin.values
    assert one.state_dict() == two.state_dict()
    assert len(one.decisions) > 20


def test_what_a_caller_was_told_is_of_the_state_too():
    one, two = with_rules(kl_rule()), with_rules(kl_rule())
    for steered in (one, two):
        Desk(steered)
    show(one, KL, 1.0)
    results = {"avg_reward": 1.0}
    assert len(one.update_from_training_results(results)) == 1
    two.load_state_dict(one.state_dict())
    assert two.update_from_training_results(results) == []


def test_a_state_that_is_none_is_refused_and_changes_nothing():
    steered = with_rules(kl_rule())
    Desk(steered)
    show(steered, KL, 1.0)
    state = steered.state_dict()
    for wrong in ({}, {**state, "decisions": [{}]}, {**state, "watch": {}}, 3):
        with pytest.raises(ConfigError):
            steered.load_state_dict(wrong)  # type: ignore[arg-type] - what the test is about
    assert steered.state_dict() == state


def test_threads_read_accept_and_change_while_it_looks():
    steered = AdaptiveController(AdaptiveConfig(rules="learner", mode="advise"))
    desk = Desk(steered, LEARNER, held=True)
    # A listener that asks the controller back, under the lock of the controls.
    desk.on_record = lambda entry: steered.get_experiment_status()
    done, failures = threading.Event(), []

    def person() -> None:
        try:
            while not done.is_set():
                json.dumps([steered.get_experiment_status(), steered.state_dict()])
                for told in steered.proposals:
                    try:
                        steered.accept(told.number, by="panel")
                    except ConfigError as error:
                        assert "open proposals" in str(error), error
                steered.set_rules("standard")
                desk.controls.set("learning_rate", 0.01, by="panel")
        except Exception as error:
            failures.append(error)

    people = [threading.Thread(target=person, daemon=True) for _ in range(2)]
    for each in people:
        each.start()
    end = time.monotonic() + 30
    for look in itertools.count():
        accepted = any(told.state == "accepted" for told in steered.decisions)
        if look >= 300 and (accepted or time.monotonic() > end):
            break
        steered.look(look, {KL: (0.0, 1.0)[look % 2]})
        desk.boundary()
    done.set()
    for each in people:
        each.join(timeout=20)
    assert failures == [] and not any(each.is_alive() for each in people)
    assert [told.number for told in steered.decisions] == list(range(1, len(steered.decisions) + 1))
    assert any(told.state == "accepted" for told in steered.decisions)


def test_a_change_of_the_curriculum_by_anybody_lets_fresh_rules_start_anew():
    rule = Rule(
        name="hard",
        signal="success",
        smoothing=0.5,
        low=0.3,
        below=Action(verb="easier"),
        settle=1,
        fresh=True,
    )
    steered = AdaptiveController(AdaptiveConfig(rules=(rule,)))
    desk = Desk(steered)
    steered.look(1, {"rollout/success": 0.5})
    assert steered.signals()[0].smoothed == 0.5
    desk.controls.set("curriculum.difficulty", 0.2, by="panel")
    assert steered.signals()[0].smoothed is None
    steered.look(2, {"rollout/success": 0.0})
    assert steered.signals()[0].smoothed is None, "episodes of before are left out"
    steered.detach(Desk())
    assert steered.get_experiment_status()["knobs"] != {}, "that was another one"
    steered.detach(desk)
    assert steered.get_experiment_status()["run"] == desk.status()
    desk.controls.set("curriculum.difficulty", 0.3, by="panel")
    assert steered.signals()[0].waits == 0
