"""What a run could do better on its machine: rules as advice, with or without a controller."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import Any

from daf_nb.config import AdaptiveConfig, Rule
from daf_nb.control import Controls
from daf_nb.control.moves import plan
from daf_nb.control.tracking import Tracker
from daf_nb.control.watch import Watch

__all__ = ["Advice", "AdviceList", "Adviser"]


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One piece of advice: a rule whose signal is outside of its band.

    Attributes:
        name: the rule's; `rules("machine")` has it for an adaptive controller to act on.
        group: whose signal, where it is followed group by group.
        why: the signal, its value and the band, in words.
        action: what would be done, in words.
        knob: what would be moved, several with commas; empty where nothing can be.
        change: from which value to which.
        not_now: why it cannot be done now; empty where it can.
        signal, value, low, high: the same as numbers, for programs.
        description: what the rule is for.
    """

    name: str
    group: str | None
    why: str
    action: str
    knob: str
    change: str
    not_now: str
    signal: str
    value: float
    low: float | None
    high: float | None
    description: str

    def to_plain(self) -> dict[str, Any]:
        """All fields, as data that JSON holds."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        whose = f" of {self.group}" if self.group is not None else ""
        done = f"not now: {self.not_now}" if self.not_now else f"{self.action} ({self.change})"
        return f"{self.name}{whose}: {self.why}. {done}"


class AdviceList(list[Advice]):
    """Advice that a notebook shows as a table."""

    _NOTHING = "Nothing to advise."

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or self._NOTHING

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{self._NOTHING}</p>"
        head = "".join(f"<th>{name}</th>" for name in ("advice", "why", "what", "what for"))
        rows = "".join(f"<tr>{''.join(map(_cell, _cells(one)))}</tr>" for one in self)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(one: Advice) -> tuple[str, ...]:
    name = one.name if one.group is None else f"{one.name} ({one.group})"
    what = f"{one.action}: {one.change}" if one.change else one.action
    if one.not_now:
        what += f"; not now: {one.not_now}"
    return name, one.why, what, one.description


def _cell(words: str) -> str:
    return f'<td style="text-align:left">{escape(words)}</td>'


class Adviser:
    """Follows the signals of rules without acting. Thread-safe.

    Args:
        rules: of different names.
        controls: the run's, for what their actions would come to; nothing is asked of them.
    """

    def __init__(self, rules: Sequence[Rule], controls: Controls) -> None:
        self._watch, self._controls = Watch(rules), controls
        self._lock = threading.Lock()

    def look(self, metrics: Mapping[str, float]) -> None:
        """Takes in the metrics of an update."""
        with self._lock:
            self._watch.follow(metrics)

    def advice(self) -> AdviceList:
        """The rules that call for something now."""
        with self._lock:
            found = []
            for state in self._watch.states():
                if state.state not in ("above", "below"):
                    continue
                tracker = self._watch.tracker(state.rule, state.group)
                if tracker.action is not None and not self._watch.unless(tracker):
                    found.append(self._advice(tracker))
        return AdviceList(found)

    def _advice(self, tracker: Tracker) -> Advice:
        rule, action, value = tracker.rule, tracker.action, tracker.meter.smoothed
        assert action is not None and value is not None, "its side is known"
        made = plan(
            action,
            power=1.0,
            group=tracker.group,
            controls=self._controls,
            config=AdaptiveConfig(rules=()),
        )
        return Advice(
            name=rule.name,
            group=tracker.group,
            why=_why(rule, value, str(tracker.side)),
            action=made.words,
            knob=made.knobs,
            change=made.message,
            not_now=made.idle,
            signal=rule.signal,
            value=value,
            low=rule.low,
            high=rule.high,
            description=rule.description,
        )


def _why(rule: Rule, value: float, side: str) -> str:
    what = {
        "value": "",
        "relative": f" times its mean over the first {rule.window} values",
        "gain": f" standard deviations of gain over {rule.window} values",
    }[rule.measure]
    bound = rule.low if side == "below" else rule.high
    return f"{rule.signal} is {value:,.4g}{what}, {side} {bound:,.4g}"
