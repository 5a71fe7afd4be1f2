"""The adaptive controller: its rules against their bands, its proposals, its decisions."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from daf_nb.errors import AdaptiveControllerError, ConfigError
from daf_nb.notebook.panels.bands import band_cell, band_words
from daf_nb.notebook.panels.knobs import Knobs
from daf_nb.notebook.panels.panel import Panel
from daf_nb.notebook.panels.table import Row, Table, column
from daf_nb.notebook.source import Source
from daf_nb.notebook.state import RunState, one_line

if TYPE_CHECKING:
    from daf_nb.control.tracking import SignalState
    from daf_nb.session import Run

__all__ = ["AdaptivePanel"]

_MODE = "adaptive.mode"
_MOST = 50
"""Decisions that are shown."""
_SIGNALS = (
    column("Rule"),
    column("Signal"),
    column("Value", "number", "what is compared with the band: measured and smoothed"),
    column("Band", "band"),
    column("State"),
    column("Waits", "number", "values of the signal until it may act again"),
)
_PROPOSALS = (
    column("No.", "number"),
    column("Rule"),
    column("Because"),
    column("Would do"),
    column("Answer", "buttons"),
)
_DECISIONS = (
    column("No.", "number"),
    column("Step", "number"),
    column("Rule"),
    column("Because"),
    column("Action"),
    column("State"),
)


class AdaptivePanel(Panel):
    """Mode, rules with their signals and bands, open proposals to answer, and all decisions.

    Of a record there are the decisions alone.

    Args:
        run: what to show; it has an adaptive controller.
        interval: seconds between two looks.
        knobs: widgets that other panels of the run show too.

    Attributes:
        signals, proposals, decisions: the tables.
    """

    def __init__(
        self, run: Run | Source, *, interval: float = 1.0, knobs: Knobs | None = None
    ) -> None:
        super().__init__(run, interval=interval)
        if not self.source.has_decisions:
            raise ConfigError(f"run {self.source.id} has no adaptive controller.")
        self._knobs = knobs or Knobs(self.source, asked=self.refresh)
        self._refused = ""
        self._seen: object = None
        self._told = widgets.HTML()
        self.signals = Table("Rules", _SIGNALS, empty="There are no rules.")
        self.proposals = Table(
            "Proposals",
            _PROPOSALS,
            heard=self._answered,
            empty="None is open; rules propose in mode advise.",
        )
        self.decisions = Table("Decisions", _DECISIONS, empty="Nothing was decided.", tall=True)
        parts: list[widgets.Widget] = [self._told]
        if self.source.controller is not None:
            if _MODE in self._knobs.names:
                parts.insert(0, self._knobs[_MODE])
            parts += [self.signals, self.proposals]
        self.body.children = [*parts, self.decisions]

    def show(self, state: RunState) -> None:
        controller = self.source.controller
        if controller is not None:
            self._knobs.look([_MODE])
            self.signals.fill([_signal_row(one) for one in controller.signals()])
            answerable = self.source.controls is not None and not self.source.controls.closed
            self.proposals.fill(
                [_proposal_row(one.to_plain(), answerable) for one in controller.proposals]
            )
        said = escape(self._refused)
        self._told.value = f'<div class="daf-view daf-warn" role="status">{said}</div>'
        count, made = self.source.decisions(_MOST)
        note = f"{count:,} in all, the newest {_MOST} are shown" if count > _MOST else ""
        self.decisions.fill([_decision_row(row) for row in made], note=note)

    def _answered(self, content: Mapping[str, Any]) -> None:
        controller = self.source.controller
        assert controller is not None, "a record has no proposals to answer"
        answer = {"accept": controller.accept, "refuse": controller.refuse}[content["action"]]
        try:
            answer(int(content["key"]), by="panel")
            self._refused = ""
        except (AdaptiveControllerError, ConfigError) as error:
            self._refused = one_line(str(error), limit=300)
        self.refresh()


def _signal_row(state: SignalState) -> Row:
    whose = f" of {one_line(state.group)}" if state.group else ""
    note = f": {one_line(state.note, limit=160)}" if state.note else ""
    cells = [
        one_line(state.rule),
        f"{one_line(state.signal)}{whose}",
        "" if state.smoothed is None else f"{state.smoothed:.3g}",
        band_cell(state.smoothed, state.low, state.high, state.state),
        f"{state.state}{note}",
        f"{state.waits:,}" if state.waits else "",
    ]
    return {"key": f"{state.rule}\n{state.group or ''}", "cells": cells}


def _because(row: Mapping[str, Any]) -> str:
    whose = f" of {one_line(str(row['group']))}" if row.get("group") else ""
    value, low, high = (row.get(name) for name in ("value", "low", "high"))
    return f"{one_line(str(row.get('signal')))}{whose} {band_words(value, low, high)}"


def _proposal_row(row: Mapping[str, Any], answerable: bool) -> Row:
    number = row["number"]
    answers = [
        {"text": text, "action": text.lower(), "name": f"{text} proposal {number}"}
        for text in ("Accept", "Refuse")
    ]
    cells = [
        str(number),
        one_line(str(row.get("rule"))),
        _because(row),
        _action(row),
        answers if answerable else [],
    ]
    return {"key": str(number), "cells": cells}


def _decision_row(row: Mapping[str, Any]) -> Row:
    step, state = row.get("step"), one_line(str(row.get("state")))
    by = one_line(str(row.get("by")))
    rule = one_line(str(row.get("rule")))
    cells = [
        str(row.get("number", "")),
        f"{step:,}" if isinstance(step, int) else "",
        rule,
        _because(row),
        _action(row),
        state if rule in by else f"{state} by {by}",
    ]
    return {"key": str(row.get("number")), "cells": cells}


def _action(row: Mapping[str, Any]) -> str:
    message = one_line(str(row.get("message") or ""), limit=160)
    action = one_line(str(row.get("action")), limit=160)
    return f"{action} ({message})" if message else action
