"""What a controller knows and does: rules, decisions, and the run that it acts on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from daf_nb.config import AdaptiveConfig, Rule
from daf_nb.control.controls import Controls
from daf_nb.control.decisions import Decision, Decisions
from daf_nb.control.host import Host
from daf_nb.control.knobs import Knob
from daf_nb.control.moves import plan
from daf_nb.control.naming import CURRICULUM, check_knobs, has_curriculum
from daf_nb.control.plans import Plan
from daf_nb.control.requests import Request
from daf_nb.control.rule_sets import resolved
from daf_nb.control.tracking import Side, Tracker
from daf_nb.control.watch import Watch
from daf_nb.errors import AdaptiveControllerError

__all__ = ["Steering", "unchanged"]


class Steering:
    """The rules and decisions of a controller, and the way to its host. Thread-safe.

    The lock guards what is remembered here. It is never held while controls or host are called:
    they have locks of their own, under which they may ask for what is remembered.

    Args:
        config: rules, mode and steps.

    Attributes:
        watch: the rules, and how each stands.
        given: the rules as they were given, perhaps a set's name.
        decisions: all of them.
        mode: "auto", "advise" or "off".
        host: the run; None where none is attached.
        last: how the run stood that was detached; None before.
        step: live agent-steps at the newest look.
        lock: of what is remembered.
        looking: held during a look, so that there is one at a time.
        told: how many decisions a caller was told of, who asks now and then.
    """

    def __init__(self, config: AdaptiveConfig) -> None:
        self.config, self.watch = config, Watch(resolved(config))
        self.given: str | tuple[Rule, ...] = config.rules
        self.decisions = Decisions()
        self.mode: str = config.mode
        self.host: Host | None = None
        self.step = self.told = 0
        self.lock = threading.RLock()
        self.looking = threading.RLock()
        self.last: dict[str, Any] | None = None
        self._asked: list[tuple[int, list[Request]]] = []
        self._unsubscribe: Callable[[], None] = lambda: None

    def attached(self, what: str) -> Host:
        """The host.

        Raises:
            AdaptiveControllerError: there is none; `what` was asked for.
        """
        if self.host is None:
            raise AdaptiveControllerError(
                f"{what}: this controller steers no run yet; give it to one first, as in "
                "RlTrainer(..., adaptive_controller=controller)."
            )
        return self.host

    def course(self, what: str) -> Controls:
        """The controls of a run whose curriculum may be touched.

        Raises:
            AdaptiveControllerError: no run, no curriculum, or it may not; `what` was asked for.
        """
        controls = self.attached(what).controls
        if not has_curriculum(controls):
            raise AdaptiveControllerError(
                f"{what}: this run has no curriculum; give it one, as in "
                "RlTrainer(..., curriculum_manager=...) or train(..., curriculum=...)."
            )
        if not self.config.enable_curriculum_learning:
            raise AdaptiveControllerError(
                f"{what}: enable_curriculum_learning=False keeps this controller from the "
                "curriculum; change it by the run's controls, or make a controller that may."
            )
        return controls

    def since_told(self) -> list[Decision]:
        """The decisions since the last call."""
        with self.lock:
            made = self.decisions.since(self.told)
            self.told += len(made)
        return made

    def add(self, of: Mapping[str, Any], made: Plan, **more: Any) -> Decision:
        """A new decision, told.

        Args:
            of: which rule, and what caused it.
            made: what it does.
            more: its other fields.
        """
        said = {"action": made.words, "knob": made.knobs, "message": made.message}
        with self.lock:
            told = self.decisions.add(**{**of, **said, **more})
        return self.tell(told)

    def change(self, number: int, **fields: Any) -> Decision:
        """What became of a decision, told."""
        with self.lock:
            told = self.decisions.change(number, **fields)
        return self.tell(told)

    def attach(self, host: Host) -> None:
        """The run from now on.

        Raises:
            AdaptiveControllerError: it has another.
            ConfigError: a rule that was given moves a knob that the run does not have.
        """
        if self.host is not None and self.host is not host:
            raise AdaptiveControllerError(
                "this controller steers another run; make a new AdaptiveController for this one, "
                "or detach it first."
            )
        if not isinstance(self.given, str):
            check_knobs(self.given, host.controls, self.config)
        self.host = host
        self._unsubscribe = host.controls.subscribe(self._hear)
        if self.config.checkpoint_interval is not None:
            host.controls.set(
                "checkpoint_interval", self.config.checkpoint_interval, by="adaptive controller"
            )

    def detach(self) -> None:
        """No run any more; what is known stays, how it stood among it."""
        if self.host is not None:
            self.last = dict(self.host.status())
        self._unsubscribe()
        self._unsubscribe, self.host = lambda: None, None

    def _hear(self, request: Request) -> None:
        """Whoever else changes the curriculum: signals of before say nothing of now."""
        own = request.by.startswith("rule: ")
        if request.state == "applied" and request.name.startswith(CURRICULUM) and not own:
            self.curriculum_changed()

    def set_rules(self, rules: str | Iterable[Rule | Mapping[str, Any]]) -> None:
        """Other rules from now on; proposals of those that were changed are withdrawn.

        Raises:
            ConfigError: an unknown set, a rule that cannot be, or one of a knob that is not there.
        """
        fields: dict[str, Any] = {"rules": rules}
        given = AdaptiveConfig(**fields).rules
        if self.host is not None and not isinstance(given, str):
            check_knobs(given, self.host.controls, self.config)
        with self.lock:
            self.given = given
            self.watch.set(resolved(self.config.model_copy(update={"rules": given})))
            gone = self.expired()
        for told in gone:
            self.tell(told)
        if self.host is not None:
            plain = [rule.model_dump(mode="json") for rule in self.watch.rules]
            self.host.tell("rules", {"rules": plain})

    def knob(self) -> Knob:
        """The mode, for the run's controls."""
        return Knob(
            name="adaptive.mode",
            kind="choice",
            read=lambda: self.mode,
            write=lambda value, by: setattr(self, "mode", value),
            choices=lambda: ("auto", "advise", "off"),
            description="rules act (auto), propose (advise), or only follow (off)",
        )

    def curriculum_changed(self) -> None:
        """What is played was changed by hand: rules with `fresh` start anew."""
        with self.lock:
            self.watch.curriculum_changed()

    def plan(self, tracker: Tracker, side: Side) -> Plan:
        """What the tracker's rule does now on a side where it has an action."""
        action = tracker.action_on(side)
        assert action is not None, "a rule calls where it has an action"
        return plan(
            action,
            power=tracker.power(side),
            group=tracker.group,
            controls=self.attached(tracker.rule.name).controls,
            config=self.config,
        )

    def carry_out(
        self, made: Plan, tracker: Tracker, side: Side, *, by: str, because: Mapping[str, Any]
    ) -> list[Request]:
        """Does what was planned; the tracker starts to cool, unless nothing was changed by it.

        Raises:
            ConfigError: it was refused.
        """
        requests = made.carry_out(self.attached(tracker.rule.name), by=by, because=because)
        with self.lock:
            if not unchanged(requests):
                tracker.acted(side)
                if made.knobs.startswith(CURRICULUM):
                    self.watch.curriculum_changed()
        return requests

    def remember(self, number: int, requests: list[Request]) -> None:
        """Looks later at what became of a decision's requests."""
        with self.lock:
            self._asked.append((number, requests))

    # Inside

    def expired(self) -> list[Decision]:
        """Withdraws the proposals whose reason is gone, untold; the lock is held."""
        reasons = {told.number: self._outdated(told) for told in self.decisions.open}
        return [
            self.decisions.change(number, state="expired", message=reason)
            for number, reason in reasons.items()
            if reason
        ]

    def _outdated(self, told: Decision) -> str:
        """Why a proposal is no longer called for; empty where it is."""
        if self.mode != "advise":
            return f"the mode is {self.mode}"
        if not self.watch.has(told.rule, told.group):
            return "the rule was changed"
        side = self.watch.tracker(told.rule, told.group).side
        return "" if side in (None, told.side) else f"the signal is {side}"

    def follow_up(self) -> None:
        """Decisions whose requests ended otherwise than they were meant."""
        with self.lock:
            asked, self._asked = self._asked, []
        for number, requests in asked:
            states = {request.state for request in requests}
            if "pending" in states:
                self.remember(number, requests)
            elif states & {"refused", "superseded", "withdrawn"}:
                self.change(number, state="failed", message="; ".join(map(repr, requests)))

    def tell(self, told: Decision) -> Decision:
        if self.host is not None:
            self.host.tell("decision", told.to_plain())
        return told


def unchanged(requests: list[Request]) -> bool:
    """All was asked for in vain: the knobs are at limits of their own."""
    return bool(requests) and all(request.state == "unchanged" for request in requests)
