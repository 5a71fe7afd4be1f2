"""Advice: proposed, kept while it holds, accepted or refused by a person."""

from __future__ import annotations

import pytest

from daf_nb.config import Action
from daf_nb.control import AdaptiveController
from daf_nb.errors import AdaptiveControllerError, ConfigError
from tests.control.desk import Desk, kl_rule, show, with_rules

KL = "train/approx_kl"


def advised(**fields) -> tuple[AdaptiveController, Desk]:
    steered = with_rules(kl_rule(**fields), mode="advise")
    return steered, Desk(steered)


def states(steered: AdaptiveController) -> list[str]:
    return [told.state for told in steered.decisions]


def test_advice_changes_nothing_until_it_is_accepted():
    steered, desk = advised(cooldown=1)
    assert show(steered, KL, 1.0) == [["kl"]]
    (told,) = steered.proposals
    assert (told.state, told.action, told.message) == (
        "proposed",
        "learning_rate x 0.5",
        "0.01 to 0.005",
    )
    assert desk.entries == []
    answer = steered.accept(told.number, by="ada")
    assert (answer.number, answer.state, answer.by) == (told.number, "accepted", "ada")
    (entry,) = desk.entries
    assert (entry.new, entry.by) == (0.005, "rule: kl, accepted by ada")
    assert entry.because == {"signal": KL, "value": 1.0, "low": 0.005, "high": 0.02}
    assert [data["state"] for _, data in desk.told] == ["proposed", "accepted"]
    # It cools as after an action of its own.
    assert show(steered, KL, 1.0, 1.0) == [[], ["kl"]]


def test_the_same_proposal_stays_open_and_another_takes_its_place():
    steered, _ = advised()
    assert show(steered, KL, 1.0, 2.0) == [["kl"], []]
    assert steered.signals()[0].note == "proposal 1 is open"
    show(steered, KL, 0.0)
    assert states(steered) == ["expired", "proposed"]
    assert steered.decisions[0].message == "the signal is below"
    assert [told.number for told in steered.proposals] == [2]


def test_a_proposal_of_another_amount_takes_the_place_of_the_open_one():
    steered, _ = advised(growth=2.0)
    show(steered, KL, 1.0)
    steered.accept(1)
    show(steered, KL, 1.0)
    assert steered.proposals[0].action == "learning_rate x 0.25"
    steered.set_rules([kl_rule(growth=2.0), kl_rule(name="other")])
    assert [told.number for told in steered.proposals] == [2]


def test_a_proposal_expires_when_the_signal_is_inside_or_the_mode_changes():
    steered, desk = advised()
    show(steered, KL, 1.0, 0.01)
    assert states(steered) == ["expired"]
    show(steered, KL, 1.0)
    desk.controls.set("adaptive.mode", "auto", by="panel")
    assert show(steered, KL, 1.0) == [["kl"]]
    assert states(steered) == ["expired", "expired", "applied"]
    assert steered.decisions[1].message == "the mode is auto"
    told = [(data["number"], data["state"]) for _, data in desk.told]
    assert told == [
        (1, "proposed"),
        (1, "expired"),
        (2, "proposed"),
        (2, "expired"),
        (3, "applied"),
    ]


def test_a_proposal_of_a_rule_that_was_changed_expires():
    steered, desk = advised()
    show(steered, KL, 1.0)
    steered.set_rules([kl_rule(high=0.03)])
    assert states(steered) == ["expired"]
    assert [kind for kind, _ in desk.told] == ["decision", "decision", "rules"]


def test_what_was_refused_is_not_proposed_again_before_the_signal_was_inside():
    steered, desk = advised()
    show(steered, KL, 1.0)
    assert (steered.refuse(1, by="ada").state, steered.decisions[0].by) == ("refused", "ada")
    assert show(steered, KL, 1.0, 2.0) == [[], []]
    assert "refused" in steered.signals()[0].note
    # The other way is another matter.
    assert show(steered, KL, 0.0, 1.0) == [["kl"], []]
    assert show(steered, KL, 0.01, 1.0) == [[], ["kl"]]
    assert desk.entries == []


def test_what_is_not_open_cannot_be_answered():
    steered, _ = advised()
    show(steered, KL, 1.0)
    steered.refuse(1)
    for answer in (steered.accept, steered.refuse):
        with pytest.raises(ConfigError, match="decision 1 is refused; open proposals: none"):
            answer(1)
    show(steered, KL, 0.0)
    with pytest.raises(ConfigError, match="decision 7 does not exist; open proposals: 2"):
        steered.accept(7)


def test_a_proposal_is_carried_out_from_the_value_that_the_knob_has_then():
    steered, desk = advised()
    show(steered, KL, 1.0)
    desk.controls.set("learning_rate", 0.2, by="panel")
    assert steered.accept(1).message == "0.2 to 0.1"
    assert desk.values["learning_rate"] == 0.1


def test_what_cannot_be_done_any_more_failed_and_says_why():
    steered, desk = advised(above=Action(knob="learning_rate", factor=0.5, at_least=0.005))
    show(steered, KL, 1.0)
    desk.controls.set("learning_rate", 0.005, by="panel")
    told = steered.accept(1)
    assert (told.state, told.message) == ("failed", "learning_rate is at 0.005 already")
    steered, desk = advised()
    show(steered, KL, 1.0)
    desk.controls.close("the run has ended")
    assert steered.accept(1).message == "learning_rate: the run has ended"


def test_an_accepted_change_that_does_not_live_to_its_boundary_failed():
    steered = with_rules(kl_rule(), mode="advise")
    desk = Desk(steered, held=True)
    show(steered, KL, 1.0)
    assert steered.accept(1).state == "accepted"
    desk.controls.set("learning_rate", 0.3, by="panel")
    desk.boundary()
    show(steered, KL, 0.01)
    assert states(steered) == ["failed"]


def test_an_accepted_verb_is_done():
    steered, desk = advised(above=Action(verb="stop"))
    show(steered, KL, 1.0)
    assert desk.asked == []
    steered.accept(1)
    assert desk.asked == ["stop"]


def test_without_a_run_nothing_can_be_accepted():
    steered, _ = advised()
    show(steered, KL, 1.0)
    steered.detach()
    with pytest.raises(AdaptiveControllerError, match="accept: this controller steers no run"):
        steered.accept(1)
    assert states(steered) == ["proposed"]


def test_groups_are_advised_apart():
    steered = with_rules(kl_rule(), mode="advise")
    desk = Desk(steered, {"learning_rate[a]": 0.1, "learning_rate[b]": 0.1})
    steered.look(1, {"train/a/approx_kl": 1.0, "train/b/approx_kl": 1.0})
    assert [told.group for told in steered.proposals] == ["a", "b"]
    steered.accept(2)
    assert desk.values == {"learning_rate[a]": 0.1, "learning_rate[b]": 0.05}
    assert [told.group for told in steered.proposals] == ["a"]
