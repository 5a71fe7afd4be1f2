"""Live values of a run: knobs, the journal of their changes, adaptive rules."""

from daf_nb.control.adaptive import AdaptiveController
from daf_nb.control.controls import Controls
from daf_nb.control.decisions import Decision
from daf_nb.control.host import Host
from daf_nb.control.journal import Entry
from daf_nb.control.knobs import Knob
from daf_nb.control.requests import Request
from daf_nb.control.rule_sets import rule_sets, rules
from daf_nb.control.tracking import SignalState

__all__ = [
    "AdaptiveController",
    "Controls",
    "Decision",
    "Entry",
    "Host",
    "Knob",
    "Request",
    "SignalState",
    "rule_sets",
    "rules",
]
