"""What an action does now: which knobs it moves, how far, and why it does nothing."""

from __future__ import annotations

from typing import Any

import pytest

from daf_nb.config import Action, AdaptiveConfig
from daf_nb.control.moves import plan
from daf_nb.control.plans import Plan
from tests.control.desk import Desk


def planned(
    desk: Desk, action: Action, *, power: float = 1.0, group: str | None = None, **config: Any
) -> Plan:
    return plan(
        action,
        power=power,
        group=group,
        controls=desk.controls,
        config=AdaptiveConfig(**config),
    )


def moves(made: Plan) -> dict[str, Any]:
    assert not (made.idle and made.moves), made
    return {move.knob: move.new for move in made.moves}


HARDER, EASIER, SUPPORT = Action(verb="harder"), Action(verb="easier"), Action(verb="support")


@pytest.mark.parametrize(
    ("fields", "power", "value", "words"),
    [
        ({"factor": 0.5}, 1, 0.005, "learning_rate x 0.5"),
        ({"factor": 0.5}, 2, 0.0025, "learning_rate x 0.25"),
        ({"add": 0.1}, 1, 0.11, "learning_rate + 0.1"),
        ({"add": 0.1}, 3, 0.31, "learning_rate + 0.3"),
        ({"to": 0.5}, 3, 0.5, "learning_rate to 0.5"),
        ({"factor": 0.5, "at_least": 0.008}, 1, 0.008, "learning_rate x 0.5, at least 0.008"),
        ({"factor": 3.0, "at_most": 0.02}, 1, 0.02, "learning_rate x 3, at most 0.02"),
        # The knob has bounds of its own.
        ({"factor": 1000.0}, 1, 1.0, "learning_rate x 1e+03"),
    ],
)
def test_a_knob_is_moved_from_the_value_that_it_has(fields, power, value, words):
    made = planned(Desk(), Action(knob="learning_rate", **fields), power=power)
    assert moves(made) == {"learning_rate": value}
    assert made.words == words
    assert made.message == f"0.01 to {value:.6g}"


def test_a_factor_of_nothing_begins_at_its_least():
    assert moves(planned(Desk(), Action(knob="ent_coef", factor=2.0, at_least=1e-3))) == {
        "ent_coef": 0.001
    }
    idle = planned(Desk(), Action(knob="ent_coef", factor=2.0))
    assert idle.idle == "ent_coef is at 0 already"


def test_a_whole_number_stays_one():
    assert moves(planned(Desk(), Action(knob="n_epochs", factor=0.5, at_least=1))) == {
        "n_epochs": 2
    }


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (Action(knob="learning_rat", factor=2.0), "this run has no knob 'learning_rat'"),
        (Action(knob="target_kl", factor=2.0), "target_kl is off"),
        (Action(knob="curriculum.hold", add=1.0), "curriculum.hold is no number"),
        (Action(knob="n_epochs", to=5), "n_epochs is at 5 already"),
        (Action(knob="batch_size", add=0.25), "batch_size is at 64 already"),
        # Limits do not turn an action round.
        (Action(knob="learning_rate", factor=2.0, at_most=0.001), "at its limit, 0.01"),
        (Action(knob="learning_rate", factor=0.5, at_least=0.1), "at its limit, 0.01"),
        (Action(knob="learning_rate", add=-0.001, at_least=0.1), "at its limit, 0.01"),
    ],
)
def test_what_can_do_nothing_says_why(action, why):
    made = planned(Desk(), action)
    assert why in made.idle
    assert made.moves == ()


def test_a_negative_value_is_moved_away_from_zero_by_a_factor():
    desk = Desk(values={"curriculum.difficulty_bias": -0.25})
    assert moves(planned(desk, Action(knob="curriculum.difficulty_bias", factor=2.0))) == {
        "curriculum.difficulty_bias": -0.5
    }


GROUPS = {"learning_rate[wolves]": 0.1, "learning_rate[sheep]": 0.2, "ent_coef": 0.0}


def test_a_groups_signal_moves_the_groups_knob_and_the_runs_moves_all():
    desk = Desk(values=GROUPS)
    half = Action(knob="learning_rate", factor=0.5)
    assert moves(planned(desk, half, group="sheep")) == {"learning_rate[sheep]": 0.1}
    assert moves(planned(desk, half)) == {
        "learning_rate[wolves]": 0.05,
        "learning_rate[sheep]": 0.1,
    }
    assert planned(desk, half).knobs == "learning_rate[wolves], learning_rate[sheep]"
    assert moves(planned(desk, Action(knob="ent_coef", add=0.1), group="sheep")) == {
        "ent_coef": 0.1
    }
    named = Action(knob="learning_rate[wolves]", factor=0.5)
    assert moves(planned(desk, named, group="sheep")) == {"learning_rate[wolves]": 0.05}


def test_of_several_groups_those_at_their_limit_stay():
    desk = Desk(values=GROUPS)
    made = planned(desk, Action(knob="learning_rate", factor=2.0, at_most=0.15))
    assert moves(made) == {"learning_rate[wolves]": 0.15}


def test_harder_and_easier_move_the_bound_by_the_step():
    desk = Desk(values={"curriculum.difficulty": 0.1, "curriculum.difficulty_bias": 0.0})
    assert moves(planned(desk, HARDER)) == {"curriculum.difficulty": 0.15}
    assert moves(planned(desk, EASIER)) == {"curriculum.difficulty": 0.05}
    assert moves(planned(desk, EASIER, power=2.0)) == {"curriculum.difficulty": 0.0}
    made = planned(desk, HARDER, power=4.0, difficulty_step=0.1)
    assert moves(made) == {"curriculum.difficulty": 0.5}
    assert made.words == "harder: curriculum.difficulty + 0.4"
    desk.values["curriculum.difficulty"] = 0.0
    assert planned(desk, EASIER).idle == "curriculum.difficulty is at 0 already"


def test_without_a_bound_the_bias_is_moved_by_the_step():
    desk = Desk(bound="none")
    assert moves(planned(desk, HARDER)) == {"curriculum.difficulty_bias": 0.05}
    assert moves(planned(desk, EASIER, power=2.0)) == {"curriculum.difficulty_bias": -0.1}


def test_a_bound_that_moves_by_itself_is_left_alone():
    desk = Desk(bound="itself")
    assert planned(desk, EASIER).idle == "the strategy moves its bound by itself"
    assert moves(planned(desk, SUPPORT)) == {"curriculum.rehearsal": 100}


def test_support_rehearses_and_is_a_step_easier():
    made = planned(Desk(), SUPPORT, rehearsal=40)
    assert moves(made) == {"curriculum.rehearsal": 40, "curriculum.difficulty": 0.95}
    assert made.words == "support: curriculum.rehearsal to 40, curriculum.difficulty - 0.05"
    assert moves(planned(Desk(bound="none"), SUPPORT)) == {
        "curriculum.rehearsal": 100,
        "curriculum.difficulty_bias": -0.05,
    }


@pytest.mark.parametrize(
    "action", [HARDER, EASIER, SUPPORT, Action(knob="curriculum.task", to="a")]
)
def test_a_curriculum_is_left_alone_where_there_is_none_or_it_may_not_be_touched(action):
    assert "no curriculum" in planned(Desk(values={"learning_rate": 0.1}), action).idle
    off = planned(Desk(), action, enable_curriculum_learning=False)
    assert off.idle == "enable_curriculum_learning is off"


def test_a_held_curriculum_is_left_alone():
    desk = Desk()
    desk.values["curriculum.hold"] = True
    assert planned(desk, EASIER).idle == "the curriculum is held"


def test_a_request_that_waits_is_not_taken_over():
    desk = Desk(held=True)
    desk.controls.set("learning_rate", 0.5, by="panel")
    made = planned(desk, Action(knob="learning_rate", factor=2.0))
    assert made.idle == "a request of panel waits for learning_rate"
    desk.boundary()
    assert moves(planned(desk, Action(knob="learning_rate", factor=2.0))) == {"learning_rate": 1.0}


def test_verbs_on_the_run_move_no_knob():
    for verb in ("stop", "pause", "checkpoint"):
        desk = Desk()
        made = planned(desk, Action(verb=verb))
        assert made.carry_out(desk, by="rule", because={}) == []
        assert desk.asked == [verb]
    made = planned(Desk(), Action(verb="checkpoint"), enable_checkpointing=False)
    assert made.idle == "enable_checkpointing is off"
