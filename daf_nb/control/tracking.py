"""One rule on one signal: on which side of its band it is, and whether the rule may act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from daf_nb.config import Action, Rule
from daf_nb.control.signals import Meter
from daf_nb.errors import ConfigError

__all__ = ["Side", "SignalState", "Tracker"]

Side = Literal["below", "above"]

_LONGEST = 64
_GREATEST = 64.0


@dataclass(frozen=True, kw_only=True)
class SignalState:
    """How a rule stands, for a panel.

    Attributes:
        rule: its name.
        signal: what it follows.
        group: whose, where it is followed group by group.
        value: the newest value of the signal, as it came; None before any.
        smoothed: what is compared with the band: measured and smoothed; None before there is
            enough to tell.
        low, high: the band.
        state: "no data", "inside", "above" or "below".
        waits: values of the signal until it may act again.
        note: why it is idle, or empty.
    """

    rule: str
    signal: str
    group: str | None
    value: float | None
    smoothed: float | None
    low: float | None
    high: float | None
    state: Literal["no data", "inside", "above", "below"]
    waits: int = 0
    note: str = ""


class Tracker:
    """Follows one rule's signal, of one group where there are several.

    Args:
        rule: what is followed.
        group: whose signal; None for the run's.

    Attributes:
        meter: the signal, measured.
        side: "inside", "below" or "above" by the newest value; None before there is one.
        calls: the newest look brought a value that calls for action.
        refused: the side on which nothing is proposed until the signal was inside; or empty.
        barred: what could not be done, and is not tried again until the signal was inside or
            something else was done; or empty.
        note: why it is idle; or empty.
    """

    def __init__(self, rule: Rule, group: str | None = None) -> None:
        self.rule, self.group = rule, group
        self.meter = Meter(rule)
        self.side: Literal["inside", "below", "above"] | None = None
        self.calls = False
        self.cooling = self.settling = self.streak = 0
        self.way = self.refused = self.barred = self.note = ""

    def look(self, value: float, ended: float | None) -> None:
        """Takes in a value of the signal.

        Args:
            value: finite.
            ended: episodes that it stands for, where that is known.
        """
        self.calls, self.note = False, ""
        whole = self.meter.gather(value, ended)
        if whole is None:
            return
        ready, settled = self.cooling == 0, self.settling == 0
        self.cooling = max(0, self.cooling - 1)
        self.settling = max(0, self.settling - 1)
        if not settled:
            return
        self.meter.measure(whole)
        if self.meter.smoothed is None:
            return
        self.side = self._side(self.meter.smoothed)
        if self.side == "inside":
            self.streak, self.way, self.refused, self.barred = 0, "", "", ""
        self.calls = ready and self.action is not None

    def _side(self, value: float) -> Literal["inside", "below", "above"]:
        rule, margin = self.rule, self.rule.hysteresis
        if rule.low is not None:
            edge = rule.low + (margin if self.side == "below" else 0.0)
            if _tidy(value) < _tidy(edge):
                return "below"
        if rule.high is not None:
            edge = rule.high - (margin if self.side == "above" else 0.0)
            if _tidy(value) > _tidy(edge):
                return "above"
        return "inside"

    @property
    def action(self) -> Action | None:
        """What the rule does on this side."""
        return self.action_on(self.side)

    def action_on(self, side: str | None) -> Action | None:
        """What the rule does on a side."""
        return {"below": self.rule.below, "above": self.rule.above}.get(side or "")

    def power(self, side: str) -> float:
        """What the amount of an action on this side is multiplied by: its growth so far."""
        steps = self.streak if side == self.way else 0
        return min(_GREATEST, self.rule.growth ** min(steps, _LONGEST))

    def acted(self, side: str) -> None:
        """It has just acted."""
        self.streak = self.streak + 1 if side == self.way else 1
        self.way, self.barred, self.calls = side, "", False
        self.cooling = self.rule.cooldown
        self.settle()

    def settle(self) -> None:
        """What the signal is of has just changed; values to come are of before, others of now."""
        self.settling, self.calls = self.rule.settle, False
        if self.rule.fresh:
            self.meter.clear()
            self.side = None

    @property
    def state(self) -> SignalState:
        """How it stands."""
        meter, rule = self.meter, self.rule
        return SignalState(
            rule=rule.name,
            signal=rule.signal,
            group=self.group,
            value=meter.value,
            smoothed=meter.smoothed,
            low=rule.low,
            high=rule.high,
            state=self.side or "no data",
            waits=max(self.cooling, self.settling),
            note=self.note,
        )

    # State

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as data that JSON holds without loss."""
        own = {name: value for name, value in vars(self).items() if name not in _FIXED}
        meter = {name: value for name, value in vars(self.meter).items() if name != "rule"}
        return {**own, "meter": {**meter, "values": list(self.meter.values)}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues exactly where `state_dict` was taken.

        Raises:
            ConfigError: the state is not one of a tracker.
        """
        mine = self.state_dict()
        if state.keys() != mine.keys() or state["meter"].keys() != mine["meter"].keys():
            raise ConfigError(f"the state of rule {self.rule.name!r} is of another make: {state}.")
        vars(self.meter).update(state["meter"], values=list(state["meter"]["values"]))
        vars(self).update((name, state[name]) for name in mine if name != "meter")


_FIXED = frozenset({"rule", "group", "meter"})


def _tidy(value: float) -> float:
    """Rounded to 12 digits, as ten times .3 has a mean below .3."""
    return float(f"{value:.12g}")
