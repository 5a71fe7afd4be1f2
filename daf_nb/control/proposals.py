"""A person's answer to what a rule proposed."""

from __future__ import annotations

from daf_nb.control.decisions import Decision
from daf_nb.control.plans import Plan
from daf_nb.control.steering import Steering
from daf_nb.errors import ConfigError

__all__ = ["accept", "refuse"]


def accept(steering: Steering, number: int, *, by: str) -> Decision:
    """Does what was proposed, by the value that the knob has now.

    Returns:
        The decision, "accepted"; "failed" where it cannot be done now.

    Raises:
        ConfigError: no such proposal is open.
        AdaptiveControllerError: no run is attached.
    """
    steering.attached("accept")
    with steering.lock:
        told = steering.decisions.proposed(number)
        tracker = steering.watch.tracker(told.rule, told.group)
        # Nobody else answers it from now on.
        steering.decisions.change(number, state="accepted", by=by)
    made = Plan(told.action)
    try:
        made = steering.plan(tracker, told.side)
        if made.idle:
            raise ConfigError(made.idle)
        who = f"rule: {told.rule}, accepted by {by}"
        requests = steering.carry_out(made, tracker, told.side, by=who, because=told.because)
    except ConfigError as error:
        return steering.change(number, state="failed", message=str(error))
    steering.remember(number, requests)
    return steering.change(
        number, action=made.words, knob=made.knobs, message=made.message, state="accepted"
    )


def refuse(steering: Steering, number: int, *, by: str) -> Decision:
    """Leaves it; the rule proposes nothing that way again before its signal was inside.

    Raises:
        ConfigError: no such proposal is open.
    """
    with steering.lock:
        told = steering.decisions.proposed(number)
        steering.watch.tracker(told.rule, told.group).refused = told.side
    return steering.change(number, state="refused", by=by)
