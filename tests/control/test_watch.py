"""All rules at work: groups, thresholds, looks that bring only some signals, other rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daf_nb.config import Action, Rule
from daf_nb.control.watch import Watch
from daf_nb.errors import AdaptiveControllerError, ConfigError

STOP = Action(verb="stop")


def rule(name: str, signal: str, **fields: Any) -> Rule:
    return Rule(**{"name": name, "signal": signal, "low": 0.5, "below": STOP, **fields})


def called(watch: Watch, metrics: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(each.rule.name, each.group) for each in watch.follow(metrics)]


def test_rules_call_in_their_order():
    watch = Watch([rule("b", "y"), rule("a", "x")])
    assert called(watch, {"x": 0.0, "y": 0.0}) == [("b", None), ("a", None)]
    assert called(watch, {"x": 0.0, "y": 1.0}) == [("a", None)]


def test_a_group_has_a_state_of_its_own():
    watch = Watch([rule("a", "kl")])
    sheep, wolves = "train/sheep/approx_kl", "train/wolves/approx_kl"
    assert called(watch, {sheep: 0.1, wolves: 0.9}) == [("a", "sheep")]
    assert called(watch, {sheep: 0.9, wolves: 0.1}) == [("a", "wolves")]
    told = {state.group: (state.state, state.value) for state in watch.states()}
    assert told == {"sheep": ("inside", 0.9), "wolves": ("below", 0.1)}


def test_a_look_without_the_signal_leaves_a_rule_as_it_is():
    watch = Watch([rule("a", "x", cooldown=1), rule("b", "y")])
    (tracker,) = watch.follow({"x": 0.0})
    tracker.acted("below")
    for nothing in ({"y": 0.0}, {"x": float("nan")}, {"x": None}, {}):
        assert ("a", None) not in called(watch, nothing)
    assert tracker.state.waits == 1
    assert called(watch, {"x": 0.0}) == []
    assert called(watch, {"x": 0.0}) == [("a", None)]
    assert called(watch, {}) == []


def test_what_was_never_seen_has_no_data_and_a_hint():
    watch = Watch([rule("a", "train/aprox_kl")])
    watch.follow({"train/approx_kl": 1.0})
    (state,) = watch.states()
    assert (state.state, state.value, state.group) == ("no data", None, None)
    assert "'train/approx_kl' is like it" in state.note


def test_unless_holds_by_the_newest_value_of_another_signal():
    watch = Watch([rule("a", "x", unless={"success": 0.9})])
    tracker = watch.follow({"x": 0.0})[0]
    assert watch.unless(tracker) == ""
    watch.follow({"x": 0.0, "rollout/success": 0.9})
    assert watch.unless(tracker) == "success is 0.9, at or above 0.9"
    watch.follow({"x": 0.0})
    assert watch.unless(tracker) != ""
    watch.follow({"x": 0.0, "rollout/success": 0.89})
    assert watch.unless(tracker) == ""


def test_unless_is_of_the_rules_own_group_where_there_is_one():
    watch = Watch([rule("a", "kl", unless={"train/loss": 1.0})])
    metrics = {"train/a/approx_kl": 0.0, "train/b/approx_kl": 0.0}
    first, second = watch.follow({**metrics, "train/a/loss": 0.0, "train/b/loss": 2.0})
    assert (watch.unless(first) == "", watch.unless(second) == "") == (True, False)


def test_episodes_are_counted_from_one_look_to_the_next():
    watch = Watch([rule("a", "x", episodes=10)])
    for count, calls in ((6, False), (9, False), (10, True), (19, False), (21, True)):
        assert bool(called(watch, {"x": 0.0, "rollout/episodes": count})) is calls
    # Another run counts anew.
    assert called(watch, {"x": 0.0, "rollout/episodes": 9}) == []
    assert called(watch, {"x": 0.0, "rollout/episodes": 10}) == [("a", None)]
    # Who does not count, brings a value that stands by itself.
    assert called(watch, {"x": 0.0}) == [("a", None)]


def test_other_rules_leave_those_that_are_the_same_as_they_stand():
    kept, changed = rule("kept", "x", cooldown=5), rule("changed", "x", cooldown=5)
    watch = Watch([kept, changed])
    for tracker in watch.follow({"x": 0.0}):
        tracker.acted("below")
    watch.set([changed.changed(low=0.6), rule("new", "x"), rule("kept", "x", cooldown=5)])
    assert [each.name for each in watch.rules] == ["changed", "new", "kept"]
    assert called(watch, {"x": 0.0}) == [("changed", None), ("new", None)]
    assert not watch.has("gone", None)


def test_a_change_of_the_curriculum_begins_fresh_rules_anew_and_others_not():
    watch = Watch([rule("a", "x", fresh=True, settle=1), rule("b", "x")])
    trackers = watch.follow({"x": 0.0})
    watch.curriculum_changed()
    assert [each.calls for each in trackers] == [False, True]
    assert [state.state for state in watch.states()] == ["no data", "below"]
    assert called(watch, {"x": 0.0}) == [("b", None)]
    assert called(watch, {"x": 0.0}) == [("a", None), ("b", None)]


def test_a_metric_that_is_no_number_names_the_rule():
    watch = Watch([rule("a", "x"), rule("b", "y")])
    with pytest.raises(AdaptiveControllerError, match="rule 'b'"):
        watch.follow({"x": 0.0, "y": "fast"})


def test_it_goes_on_from_its_state_in_json():
    made = [rule("a", "kl", smoothing=0.5, unless={"x": 0.5}), rule("b", "x", episodes=5)]
    one = Watch(made)
    for look in range(5):
        one.follow({"train/g/approx_kl": look / 9, "x": look / 3, "rollout/episodes": 3 * look})
    other = Watch.of_state(json.loads(json.dumps(one.state_dict(), allow_nan=False)))
    assert other.rules == made
    assert other.states() == one.states()
    for look in range(5, 25):
        metrics = {"train/g/approx_kl": (look * 7 % 5) / 5, "rollout/episodes": 3.0 * look}
        metrics |= {"x": (look * 3 % 7) / 7} if look % 2 else {}
        assert called(one, metrics) == called(other, metrics)
        assert one.state_dict() == other.state_dict()
        for tracker in (one.tracker("a", "g"), other.tracker("a", "g")):
            assert one.unless(tracker) == other.unless(tracker)


@pytest.mark.parametrize("state", [{}, {"rules": 3}, {"rules": [{}]}])
def test_a_state_that_cannot_be_read_is_refused(state):
    with pytest.raises(ConfigError, match=r"the state of the rules cannot be read|Field required"):
        Watch.of_state(state)
