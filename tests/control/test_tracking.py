"""One rule on one signal: sides, hysteresis, waiting, growth, starting anew."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daf_nb.config import Action, Rule
from daf_nb.control.tracking import Tracker
from daf_nb.errors import ConfigError

UP, DOWN = Action(knob="k", add=1.0), Action(knob="k", add=-1.0)


def tracker(**fields: Any) -> Tracker:
    told = {"name": "r", "signal": "s", "low": 0.3, "high": 0.7, "below": UP, "above": DOWN}
    return Tracker(Rule(**{**told, **fields}))


def sides(tracker: Tracker, *values: float) -> str:
    """The side at each value, by its first letter; nothing is done."""
    told = ""
    for value in values:
        tracker.look(value, None)
        told += (tracker.side or "?")[0]
    return told


def acts(tracker: Tracker, *values: float) -> str:
    """Where it calls for action, which it then takes: b and a; elsewhere a dot."""
    told = ""
    for value in values:
        tracker.look(value, None)
        side = tracker.side
        if tracker.calls and side in ("below", "above"):
            tracker.acted(side)
            told += side[0]
        else:
            told += "."
    return told


def test_the_edges_belong_to_the_inside():
    assert sides(tracker(), 0.3, 0.7, 0.2999, 0.7001, 0.5) == "iibai"
    assert sides(tracker(), sum([0.3] * 10) / 10, 0.1 + 0.2, 0.1 * 7) == "iii"


def test_one_bound_is_a_band_too():
    assert sides(tracker(high=None, above=None), -1e9, 0.3, 1e9) == "bii"
    assert sides(tracker(low=None, below=None), -1e9, 0.7, 1e9) == "iia"


def test_with_hysteresis_it_is_inside_again_only_by_the_margin():
    assert sides(tracker(hysteresis=0.1), 0.29, 0.31, 0.39, 0.4, 0.31, 0.29) == "bbbiib"
    assert sides(tracker(hysteresis=0.1), 0.71, 0.69, 0.61, 0.6, 0.69, 0.71) == "aaaiia"
    assert sides(tracker(hysteresis=0.1), 0.29, 0.71, 0.65, 0.29, 0.35) == "baabb"
    assert sides(tracker(), 0.29, 0.3) == "bi"


def test_it_acts_again_and_again_while_outside():
    assert acts(tracker(), 0.1, 0.1, 0.5, 0.9, 0.9, 0.1) == "bb.aab"


def test_a_side_without_action_is_outside_and_calls_for_nothing():
    one = tracker(above=None)
    assert acts(one, 0.9, 0.1, 0.9) == ".b."
    assert one.side == "above"


def test_cooldown_is_values_without_action_after_an_action():
    assert acts(tracker(cooldown=2), *[0.1] * 8) == "b..b..b."
    assert acts(tracker(cooldown=2), 0.1, 0.5, 0.9, 0.9) == "b..a"


def test_values_that_settle_are_left_out_of_what_is_measured():
    one = tracker(settle=2, smoothing=0.5)
    assert acts(one, 0.0, 100.0, 100.0, 0.4) == "b..b"
    # Smoothed from 0 and .4 alone.
    assert one.meter.smoothed == pytest.approx(0.2)


def test_cooldown_and_settling_pass_together():
    assert acts(tracker(cooldown=3, settle=1), *[0.1] * 9) == "b...b...b"
    assert acts(tracker(cooldown=1, settle=3), *[0.1] * 9) == "b...b...b"


def test_a_fresh_rule_knows_nothing_of_before_its_action():
    one = tracker(fresh=True, smoothing=0.9, hysteresis=0.2)
    assert acts(one, 0.0) == "b"
    assert (one.side, one.meter.smoothed, one.state.state) == (None, None, "no data")
    # Without fresh, .35 would be smoothed to .035, and hysteresis would ask for .5.
    assert sides(one, 0.35) == "i"
    stale = tracker(smoothing=0.9, hysteresis=0.2)
    acts(stale, 0.0)
    assert sides(stale, 0.35) == "b"


def test_a_fresh_rule_fills_its_window_again():
    one = tracker(measure="gain", window=4, fresh=True)
    assert acts(one, *[0.5] * 9) == "...b...b."
    assert acts(tracker(measure="gain", window=4), *[0.5] * 6) == "...bbb"


def test_growth_is_with_each_action_in_a_row_the_same_way():
    one, powers = tracker(growth=2.0), []
    for value in (0.1, 0.1, 0.1, 0.9, 0.9, 0.5, 0.9, 0.1):
        one.look(value, None)
        if one.calls:
            assert one.side in ("below", "above")
            powers.append(one.power(one.side))
            one.acted(one.side)
    # Anew when the way changes, and after it was inside.
    assert powers == [1, 2, 4, 1, 2, 1, 1]


def test_growth_survives_a_fresh_start_and_has_an_end():
    one = tracker(growth=2.0, fresh=True)
    assert acts(one, *[0.1] * 4) == "bbbb"
    assert one.power("below") == 16
    acts(one, *[0.1] * 100)
    assert one.power("below") == 64
    assert one.power("above") == 1


def test_values_count_once_enough_episodes_stand_behind_them():
    one, told = tracker(episodes=10, settle=1), ""
    for _ in range(8):
        one.look(0.1, 5)
        told += "b" if one.calls else "."
        if one.calls:
            one.acted("below")
    # Two looks are a value; the value after an action is left out.
    assert told == ".b...b.."


def test_it_tells_how_it_stands():
    one = tracker(cooldown=3, settle=1)
    assert (one.state.state, one.state.value, one.state.waits) == ("no data", None, 0)
    acts(one, 0.1)
    assert (one.state.state, one.state.value, one.state.smoothed) == ("below", 0.1, 0.1)
    assert one.state.waits == 3
    one.look(0.9, None)
    assert (one.state.value, one.state.smoothed, one.state.waits) == (0.9, 0.1, 2)


def test_refusals_and_vain_attempts_are_forgotten_inside():
    one = tracker()
    acts(one, 0.1)
    one.refused = one.barred = "below"
    sides(one, 0.1, 0.9, 0.1)
    assert (one.refused, one.barred) == ("below", "below")
    sides(one, 0.5)
    assert (one.refused, one.barred) == ("", "")


@pytest.mark.parametrize("measure", ["value", "relative", "gain"])
def test_it_goes_on_from_its_state_in_json_as_if_nothing_had_been(measure):
    fields = {"measure": measure, "window": 4, "smoothing": 0.3, "growth": 1.5, "episodes": 7}
    fields |= {"cooldown": 1, "settle": 1, "hysteresis": 0.1, "fresh": True}
    values = [((i * 37) % 11) / 10 for i in range(120)]
    for cut in range(0, 60, 7):
        one, other = tracker(**fields), tracker(**fields)
        for value in values[:cut]:
            one.look(value, 4)
            if one.calls:
                one.acted(one.side or "")
        other.load_state_dict(json.loads(json.dumps(one.state_dict(), allow_nan=False)))
        for value in values[cut:]:
            for each in (one, other):
                each.look(value, 4)
                if each.calls:
                    each.acted(each.side or "")
            assert one.state == other.state
        assert one.state_dict() == other.state_dict()


def test_a_state_is_a_copy():
    one = tracker(measure="gain", window=4)
    acts(one, 0.1, 0.2)
    state = one.state_dict()
    before = json.dumps(state)
    acts(one, 0.3)
    assert json.dumps(state) == before


def test_a_state_of_another_make_is_refused():
    state = tracker().state_dict()
    with pytest.raises(ConfigError, match="rule 'r' is of another make"):
        tracker().load_state_dict({**state, "more": 1})
    with pytest.raises(ConfigError, match="rule 'r' is of another make"):
        tracker().load_state_dict({**state, "meter": {}})
