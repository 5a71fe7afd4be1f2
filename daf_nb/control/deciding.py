"""A look: rules are shown metrics, and those outside of their bands act, or propose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daf_nb.control.decisions import Decision
from daf_nb.control.plans import Plan
from daf_nb.control.steering import Steering, unchanged
from daf_nb.control.tracking import Side, Tracker
from daf_nb.errors import AdaptiveControllerError, ConfigError

__all__ = ["look"]


def look(steering: Steering, step: int, metrics: Mapping[str, Any]) -> list[Decision]:
    """Shows metrics to the rules; the decisions that they come to.

    Args:
        steering: whose rules.
        step: live agent-steps so far.
        metrics: name -> number.

    Raises:
        AdaptiveControllerError: a rule failed; the message names it.
    """
    with steering.looking:
        steering.follow_up()
        with steering.lock:
            steering.step = step
            callers = steering.watch.follow(metrics)
            gone = steering.expired()
        for told in gone:
            steering.tell(told)
        made = []
        for tracker in callers:
            # An action may change what others' signals are of, so that they call no longer.
            if tracker.calls:
                made += _answer(steering, tracker)
        return made


def _answer(steering: Steering, tracker: Tracker) -> list[Decision]:
    """What comes of a rule that calls for action; nothing where it stays idle."""
    side = tracker.side
    assert side in ("below", "above"), "only what is outside calls"
    with steering.lock:
        idle = steering.watch.unless(tracker)
    if steering.mode == "off":
        idle = "the controller is off"
    elif steering.host is None:
        idle = "no run is attached"
    if idle:
        tracker.note = idle
        return []
    try:
        return _decide(steering, tracker, side)
    except Exception as error:
        raise AdaptiveControllerError(f"rule {tracker.rule.name!r} failed: {error}") from error


def _decide(steering: Steering, tracker: Tracker, side: Side) -> list[Decision]:
    made, of = Plan(str(tracker.action_on(side))), _cause(steering, tracker, side)
    try:
        made = steering.plan(tracker, side)
        if made.idle or made.key == tracker.barred:
            tracker.note = made.idle or f"{made.key}: in vain"
            return []
        if steering.mode == "advise":
            return _propose(steering, tracker, made, of)
        because = {key: of[key] for key in ("signal", "value", "low", "high")}
        requests = steering.carry_out(made, tracker, side, by=of["by"], because=because)
    except ConfigError as error:
        tracker.note = str(error)
        if made.key == tracker.barred:
            return []
        tracker.barred = made.key
        return [steering.add(of, made, state="failed", message=str(error))]
    if unchanged(requests):
        tracker.barred, tracker.note = made.key, f"{made.knobs} stays as it is"
        return []
    told = steering.add(of, made, state="applied")
    steering.remember(told.number, requests)
    return [told]


def _propose(
    steering: Steering, tracker: Tracker, made: Plan, of: Mapping[str, Any]
) -> list[Decision]:
    """A new proposal, unless the same is open or was refused."""
    if tracker.refused == of["side"]:
        tracker.note = "refused; it proposes again once the signal has been inside"
        return []
    with steering.lock:
        own = (tracker.rule.name, tracker.group)
        mine = [told for told in steering.decisions.open if (told.rule, told.group) == own]
    for told in mine:
        if (told.action, told.side) == (made.words, of["side"]):
            tracker.note = f"proposal {told.number} is open"
            return []
        steering.change(told.number, state="expired", message="another took its place")
    return [steering.add(of, made, state="proposed")]


def _cause(steering: Steering, tracker: Tracker, side: Side) -> dict[str, Any]:
    """What a decision says of its cause."""
    rule = tracker.rule
    return {
        "step": steering.step,
        "rule": rule.name,
        "signal": rule.signal,
        "group": tracker.group,
        "value": tracker.meter.smoothed,
        "low": rule.low,
        "high": rule.high,
        "side": side,
        "by": f"rule: {rule.name}",
    }
