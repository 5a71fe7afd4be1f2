"""From an action to what it moves now: which knobs, from which value to which, or why nothing."""

from __future__ import annotations

from typing import Any

from daf_nb.config import Action, AdaptiveConfig
from daf_nb.control.controls import Controls
from daf_nb.control.knobs import Knob
from daf_nb.control.naming import BOUND, CURRICULUM, has_curriculum, lever, targets
from daf_nb.control.plans import Move, Plan
from daf_nb.control.requests import shown

__all__ = ["plan"]


class _Idle(Exception):
    """Nothing can be done now; the message says why."""


def plan(
    action: Action,
    *,
    power: float,
    group: str | None,
    controls: Controls,
    config: AdaptiveConfig,
) -> Plan:
    """What a rule's action does now.

    Args:
        action: a rule's.
        power: what its amount (the exponent of its factor) is multiplied by.
        group: whose signal calls for it.
        controls: the run's.
        config: the steps of verbs, and what may not be touched.
    """
    if action.verb in ("stop", "pause", "checkpoint"):
        idle = ""
        if action.verb == "checkpoint" and not config.enable_checkpointing:
            idle = "enable_checkpointing is off"
        return Plan(action.verb, verb=action.verb, idle=idle)
    reasons, parts, moves = [], [], []
    for part in _parts(action, power, controls, config):
        try:
            moves += _moves(part, group, controls, config)
            parts.append(str(part))
        except _Idle as idle:
            reasons.append(str(idle))
    words = ", ".join(parts)
    if action.verb is not None:
        words = f"{action.verb}: {words}" if words else action.verb
    return Plan(
        words or str(action), tuple(moves), idle="" if moves else "; ".join(dict.fromkeys(reasons))
    )


def _parts(
    action: Action, power: float, controls: Controls, config: AdaptiveConfig
) -> list[Action]:
    """The action as movements of knobs, grown."""
    if action.verb is None:
        if power == 1.0 or action.to is not None:
            return [action]
        if action.factor is not None:
            return [action.model_copy(update={"factor": action.factor**power})]
        assert action.add is not None, "what is no factor and no value is an amount"
        return [action.model_copy(update={"add": action.add * power})]
    step = config.difficulty_step * (power if action.verb == "harder" else -power)
    tilt = Action(knob=lever(controls), add=step)
    if action.verb == "support":
        return [Action(knob=f"{CURRICULUM}rehearsal", to=config.rehearsal), tilt]
    return [tilt]


def _moves(
    action: Action, group: str | None, controls: Controls, config: AdaptiveConfig
) -> list[Move]:
    assert action.knob is not None, "verbs were resolved"
    if action.knob.startswith(CURRICULUM):
        _leave_curriculum(controls, config)
    names = targets(action.knob, group, controls.knobs)
    if not names:
        raise _Idle(f"this run has no knob {action.knob!r}")
    moves, reasons = [], []
    for name in names:
        try:
            moves.append(_move(controls.knobs[name], action, controls))
        except _Idle as idle:
            reasons.append(str(idle))
    if not moves:
        raise _Idle("; ".join(dict.fromkeys(reasons)))
    return moves


def _leave_curriculum(controls: Controls, config: AdaptiveConfig) -> None:
    if not has_curriculum(controls):
        raise _Idle("this run has no curriculum")
    if not config.enable_curriculum_learning:
        raise _Idle("enable_curriculum_learning is off")
    hold = controls.knobs.get(f"{CURRICULUM}hold")
    if hold is not None and hold.read():
        raise _Idle("the curriculum is held")


def _move(knob: Knob, action: Action, controls: Controls) -> Move:
    reason = knob.refusal()
    if reason:
        raise _Idle(reason)
    if knob.moves_itself():
        its = "the strategy moves its bound" if knob.name == BOUND else f"{knob.name} moves"
        raise _Idle(f"{its} by itself")
    waiting = controls.pending.get(knob.name)
    if waiting is not None:
        # Nobody's request is taken over by a rule: it acts after the next update.
        raise _Idle(f"a request of {waiting.by} waits for {knob.name}")
    old = knob.read()
    new = action.to if action.to is not None else _moved(knob, action, old)
    new = knob.check(new, clip=True)
    if new == old:
        raise _Idle(f"{knob.name} is at {shown(old)} already")
    if action.to is None and (new > old) != _rises(action, old):
        raise _Idle(f"{knob.name} is at its limit, {shown(old)}")
    return Move(knob.name, old, new)


def _moved(knob: Knob, action: Action, old: Any) -> float:
    """The value that a factor or an amount asks for, within the action's own limits."""
    if old is None or not knob.numeric:
        what = f"is {knob.off}" if old is None else "is no number"
        raise _Idle(f"{knob.name} {what}")
    new = old * action.factor if action.factor is not None else old + (action.add or 0.0)
    if action.at_least is not None:
        new = max(new, action.at_least)
    if action.at_most is not None:
        new = min(new, action.at_most)
    # Rounded, so that steps of .05 from .1 reach .15 and not its neighbour.
    return float(f"{new:.12g}")


def _rises(action: Action, old: float) -> bool:
    """Whether the action is meant to make a value greater; limits must not turn it round."""
    if action.factor is None:
        return (action.add or 0.0) > 0
    return (action.factor > 1) == (old >= 0)
