"""One knob as a widget: what is asked, what is shown, and that showing asks for nothing."""

from __future__ import annotations

import math
import threading
from types import SimpleNamespace
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.notebook.panels.knob import KnobWidget, said_of
from daf_nb.notebook.panels.knobs import Knobs
from daf_nb.notebook.source import source_of
from tests.notebook.helpers import Desk, ask, start, until


@pytest.fixture
def desk():
    desk = Desk(rate=3e-4, clip=None, size=64, held=False, how="fast")
    desk.attach(
        desk.knob("rate", low=1e-6, high=1.0, log=True, description="the rate"),
        desk.knob("clip", optional=True, low=0.1, high=10.0, off="no clipping"),
        desk.knob("size", "int", low=2, high=512, out_of_range="clip", fit=lambda v: v // 64 * 64),
        desk.knob("held", "bool"),
        desk.knob("how", "choice", choices=lambda: ["fast", "slow"]),
        desk.knob("free"),
    )
    desk.values["free"] = 5.0
    return desk


def widget(desk: Desk, name: str) -> KnobWidget:
    return KnobWidget(desk.source, name)


def journal(desk: Desk) -> list[tuple[str, object, object, str]]:
    return [(entry.name, entry.old, entry.new, entry.by) for entry in desk.controls.journal]


def test_it_says_what_a_view_needs(desk):
    rate, clip, how, free = (widget(desk, name) for name in ("rate", "clip", "how", "free"))
    assert (rate.value, rate.low, rate.high, rate.log) == (3e-4, 1e-6, 1.0, True)
    assert (rate.kind, rate.label, rate.description) == ("float", "rate", "the rate")
    assert (clip.value, clip.optional, clip.off) == (None, True, "no clipping")
    assert (how.value, how.choices) == ("fast", ["fast", "slow"])
    assert (free.low, free.high) == (None, None)
    assert (rate.state, rate.said, rate.frozen) == ("", "", False)


def test_setting_the_value_does_what_moving_the_slider_does(desk):
    by_cell, by_slider = widget(desk, "rate"), widget(desk, "size")
    by_cell.value = 1e-3
    ask(by_slider, {"ask": 256, "id": "view:1"})
    for one, value in ((by_cell, 1e-3), (by_slider, 256)):
        assert (one.value, one.state, one.said) == (
            value,
            "pending",
            "pending, for the next boundary",
        )
    assert by_slider.heard == "view:1"
    desk.boundary(1_200)
    for one, value in ((by_cell, 1e-3), (by_slider, 256)):
        one.look()
        assert (one.value, one.state, one.said) == (value, "applied", "applied at step 1,200")
    assert journal(desk) == [("rate", 3e-4, 1e-3, "panel"), ("size", 64, 256, "panel")]


@pytest.mark.parametrize(
    ("name", "value"), [("clip", 0.5), ("held", True), ("how", "slow"), ("free", -1e9)]
)
def test_every_kind_can_be_set(desk, name, value):
    one = widget(desk, name)
    ask(one, {"ask": value, "id": "a"})
    desk.boundary(1)
    assert desk.values[name] == value


def test_what_is_optional_can_be_switched_off(desk):
    one = widget(desk, "clip")
    one.value = 0.5
    desk.boundary(1)
    one.value = None
    desk.boundary(2)
    assert desk.values["clip"] is None


def test_a_refusal_says_why_and_shows_what_is_in_effect(desk):
    one = widget(desk, "rate")
    ask(one, {"ask": 5.0, "id": "a"})
    assert (one.value, one.state) == (3e-4, "refused")
    assert one.said == "refused: rate=5.0: from 1e-06 to 1 is allowed."
    assert desk.controls.pending == {}
    one.look()
    assert one.state == "refused", "it stays until something else is asked"
    one.value = 0.5
    assert one.state == "pending"


def test_a_value_that_was_brought_into_bounds_is_shown_as_it_is(desk):
    one = widget(desk, "size")
    ask(one, {"ask": 1000, "id": "a"})
    assert one.value == 512
    desk.boundary(8)
    one.look()
    assert (one.value, one.said) == (512, "applied at step 8 (1000 became 512)")


def test_showing_asks_for_nothing(desk):
    one = widget(desk, "rate")
    told: list[object] = []
    desk.controls.subscribe(told.append)
    desk.values["rate"] = 0.25
    one.look()
    assert one.value == 0.25
    assert told == [] and desk.controls.pending == {}


def test_what_others_ask_is_shown_and_whose_it_is(desk):
    one = widget(desk, "rate")
    desk.controls.nudge("rate", factor=0.5, by="rule: kl")
    one.look()
    assert one.value == 3e-4, "what a nudge leads to is known when its turn comes"
    assert one.said == "pending, for the next boundary by rule: kl (times 0.5)"
    desk.boundary(5)
    one.look()
    assert (one.value, one.said) == (1.5e-4, "applied at step 5 by rule: kl")


def test_the_same_value_again_is_asked_for_by_a_view(desk):
    one = widget(desk, "rate")
    ask(one, {"ask": 3e-4, "id": "a"})
    desk.boundary(1)
    one.look()
    assert (one.state, one.heard) == ("unchanged", "a")


def test_what_is_withdrawn_leaves_no_word(desk):
    one = widget(desk, "rate")
    one.value = 0.5
    desk.controls.undo(by="user")
    one.look()
    assert (one.value, one.state, one.said) == (3e-4, "", "")


def test_a_closed_run_freezes_and_refuses(desk):
    one = widget(desk, "rate")
    desk.controls.close("run 3 has ended.")
    one.look()
    assert (one.frozen, one.said) == (True, "")
    one.value = 0.5
    assert (one.value, one.said) == (3e-4, "refused: rate: run 3 has ended.")


def test_a_knob_that_cannot_be_set_now_says_why():
    other = Desk(bound=None)
    other.attach(other.knob("bound", refusal=lambda: "there is no bound"))
    one = widget(other, "bound")
    assert (one.frozen, one.said, one.value) == (True, "there is no bound", None)


def test_what_is_so_can_be_shown_though_it_cannot_be_chosen():
    other = Desk(how="gone")
    other.attach(other.knob("how", "choice", choices=lambda: ["a", "b"]))
    assert widget(other, "how").choices == ["a", "b", "gone"]


def test_what_json_cannot_hold_is_not_sent():
    desk = Desk(norm=math.inf)
    desk.attach(desk.knob("norm"))
    assert widget(desk, "norm").value is None


def test_a_look_and_a_cell_do_not_take_each_other_for_themselves(desk):
    one, over = widget(desk, "rate"), threading.Event()

    def look() -> None:
        while not over.is_set():
            one.look()

    looking = threading.Thread(target=look)
    looking.start()
    for turn in range(1, 101):
        one.value = turn / 1_000
        desk.boundary(turn)
    over.set()
    looking.join()
    assert [new for _, _, new, _ in journal(desk)] == [turn / 1_000 for turn in range(1, 101)]


def test_it_knows_what_came_of_its_own_request_though_nobody_watches(desk):
    unwatched: Any = SimpleNamespace(controls=desk.controls, newest={})
    one = KnobWidget(unwatched, "rate")
    one.value = 0.5
    desk.boundary(7)
    one.look()
    assert (one.state, one.said) == ("applied", "applied at step 7")


def test_words_of_a_request(desk):
    assert said_of(None) == ("", "")
    desk.values["rate"] = 0.5
    request = desk.controls.nudge("rate", -0.1, by="panel")
    assert said_of(request)[1] == "pending, for the next boundary (minus 0.1)"


def test_widgets_are_made_once_and_for_knobs_only(desk):
    knobs = Knobs(desk.source, asked=lambda: None)
    assert knobs.names == ["rate", "clip", "size", "held", "how", "free"]
    assert knobs["rate"] is knobs["rate"]
    desk.values["rate"] = 0.125
    assert knobs["rate"].value == 0.125, "who takes it sees what is so now"
    with pytest.raises(daf.ConfigError, match="Did you mean 'rate'"):
        knobs["rat"]


def test_a_real_run_takes_what_is_asked_at_its_boundaries(tmp_path):
    run = start(tmp_path)
    one = Knobs(source_of(run), asked=lambda: None)["learning_rate"]
    one.value = 0.0625
    until(lambda: run.controls["learning_rate"] == 0.0625)
    (entry,) = run.controls.journal
    assert (entry.new, entry.by) == (0.0625, "panel")
    run.stop()
    run.wait()
