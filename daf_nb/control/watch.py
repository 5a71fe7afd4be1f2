"""All rules of a controller at work: each follows its signal, and those that call are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from daf_nb.config import Rule
from daf_nb.control.signals import EPISODES, nearest, readings
from daf_nb.control.tracking import SignalState, Tracker
from daf_nb.errors import AdaptiveControllerError, ConfigError

__all__ = ["Watch"]


class Watch:
    """Rules, and how each stands.

    Args:
        rules: of different names.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: dict[str, Rule] = {}
        self._trackers: dict[tuple[str, str | None], Tracker] = {}
        self._newest: dict[str, dict[str | None, float]] = {}
        self._episodes = 0.0
        self._metrics: set[str] = set()
        self.set(rules)

    @property
    def rules(self) -> list[Rule]:
        """The rules, in the order in which they act."""
        return list(self._rules.values())

    def set(self, rules: Iterable[Rule]) -> None:
        """Other rules from now on; those that are the same go on as they stand."""
        before, self._rules = self._rules, {rule.name: rule for rule in rules}
        same = {name for name, rule in self._rules.items() if before.get(name) == rule}
        self._trackers = {key: value for key, value in self._trackers.items() if key[0] in same}

    def follow(self, metrics: Mapping[str, Any]) -> list[Tracker]:
        """Shows the metrics to all rules; those that call for action, in order.

        Args:
            metrics: name -> number, of one look.

        Raises:
            AdaptiveControllerError: a metric that a rule follows is no number; the rule is named.
        """
        self._metrics.update(metrics)
        ended = self._ended(metrics)
        for rule in self._rules.values():
            try:
                for signal in rule.unless:
                    self._newest.setdefault(signal, {}).update(readings(signal, metrics))
                seen = readings(rule.signal, metrics)
            except (TypeError, ValueError) as error:
                raise AdaptiveControllerError(f"rule {rule.name!r}: {error}") from error
            for tracker in self._of(rule):
                tracker.calls = False
            for group, value in seen.items():
                key = rule.name, group
                if key not in self._trackers:
                    self._trackers[key] = Tracker(rule, group)
                self._trackers[key].look(value, ended)
        return [each for rule in self._rules.values() for each in self._of(rule) if each.calls]

    def _ended(self, metrics: Mapping[str, Any]) -> float | None:
        """Episodes that ended since the last look; None where the metrics do not say."""
        count = readings(EPISODES, metrics).get(None)
        if count is None:
            return None
        before, self._episodes = self._episodes, count
        # Another run's count begins anew.
        return count - before if count >= before else count

    def _of(self, rule: Rule) -> list[Tracker]:
        return [each for (name, _), each in self._trackers.items() if name == rule.name]

    def unless(self, tracker: Tracker) -> str:
        """Why the tracker's rule is idle by its `unless`; empty where it is not."""
        for signal, threshold in tracker.rule.unless.items():
            known = self._newest.get(signal, {})
            values = [known[tracker.group]] if tracker.group in known else list(known.values())
            if values and min(values) >= threshold:
                return f"{signal} is {min(values):.3g}, at or above {threshold:.3g}"
        return ""

    def tracker(self, rule: str, group: str | None) -> Tracker:
        """How a rule stands that a decision was made by."""
        return self._trackers[rule, group]

    def has(self, rule: str, group: str | None) -> bool:
        """The rule is still followed."""
        return (rule, group) in self._trackers

    def curriculum_changed(self) -> None:
        """What is played has changed: rules with `fresh` start anew."""
        for tracker in self._trackers.values():
            if tracker.rule.fresh:
                tracker.settle()

    def states(self) -> list[SignalState]:
        """How each rule stands, group by group."""
        states = []
        for rule in self._rules.values():
            followed = [tracker.state for tracker in self._of(rule)]
            states += followed or [
                SignalState(
                    rule=rule.name,
                    signal=rule.signal,
                    group=None,
                    value=None,
                    smoothed=None,
                    low=rule.low,
                    high=rule.high,
                    state="no data",
                    note=nearest(rule.signal, self._metrics),
                )
            ]
        return states

    # State

    def state_dict(self) -> dict[str, Any]:
        """All that changes, and the rules, as data that JSON holds without loss."""
        return {
            "rules": [rule.model_dump(mode="json") for rule in self._rules.values()],
            "trackers": [
                {"rule": name, "group": group, "state": tracker.state_dict()}
                for (name, group), tracker in self._trackers.items()
            ],
            "newest": [
                [signal, [[group, value] for group, value in values.items()]]
                for signal, values in self._newest.items()
            ],
            "episodes": self._episodes,
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Watch:
        """One that continues exactly where `state_dict` was taken.

        Raises:
            ConfigError: the state cannot be read.
        """
        try:
            watch = cls(Rule(**row) for row in state["rules"])
            for row in state["trackers"]:
                tracker = Tracker(watch._rules[row["rule"]], row["group"])
                tracker.load_state_dict(row["state"])
                watch._trackers[row["rule"], row["group"]] = tracker
            watch._newest = {signal: dict(values) for signal, values in state["newest"]}
            watch._episodes = float(state["episodes"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the state of the rules cannot be read: {error}") from error
        return watch
