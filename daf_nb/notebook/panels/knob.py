"""One knob of a run as a widget."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from daf_nb.control import Request
from daf_nb.control.requests import shown
from daf_nb.errors import ConfigError
from daf_nb.notebook.panels.panel import answer_at_once
from daf_nb.notebook.source import Source

__all__ = ["KnobWidget", "said_of", "standing"]

_ASSETS = Path(__file__).resolve().parents[1] / "assets"
_BY = "panel"


class KnobWidget(anywidget.AnyWidget):
    """Shows a knob of a run, and asks for what a person or a cell sets it to.

    Args:
        source: whose knob; its controls are asked.
        name: of the knob.
        label: what it is called here; its name by default.
        asked: called when something was asked for.

    Attributes:
        value: what is in effect, or is asked for; setting it asks for it, by "panel".
        state: "pending", "applied", "refused", ... of the newest request; empty without one.
        said: the same in words.
        frozen: it cannot be set now.
    """

    _esm = _ASSETS / "knob.js"
    _css = _ASSETS / "widgets.css"

    knob = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode().tag(sync=True)
    low = traitlets.Float(None, allow_none=True).tag(sync=True)
    high = traitlets.Float(None, allow_none=True).tag(sync=True)
    log = traitlets.Bool().tag(sync=True)
    step = traitlets.Float().tag(sync=True)
    optional = traitlets.Bool().tag(sync=True)
    off = traitlets.Unicode().tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
    choices = traitlets.Any().tag(sync=True)
    value = traitlets.Any(allow_none=True).tag(sync=True)
    state = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    frozen = traitlets.Bool().tag(sync=True)
    heard = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        source: Source,
        name: str,
        *,
        label: str = "",
        asked: Callable[[], object] = lambda: None,
    ) -> None:
        if source.controls is None:
            raise ConfigError(f"{name}: a record has no knobs to set.")
        self._source, self._controls, self._tell = source, source.controls, asked
        self._knob = knob = source.controls.knobs[name]
        self._turn = threading.RLock()
        self._showing = False
        self._asked: Request | None = None
        self._trouble: tuple[Request | None, str] | None = None
        super().__init__(
            knob=name,
            label=label or name,
            kind=knob.kind,
            low=_bound(knob.low),
            high=_bound(knob.high),
            log=knob.log,
            step=knob.step,
            optional=knob.optional,
            off=knob.off,
            description=knob.description,
            choices=[],
        )
        self.look()
        self.observe(self._set, names="value")
        self.on_msg(self._hear)
        answer_at_once(self)

    def look(self) -> None:
        """Shows what the run says of the knob; asks for nothing."""
        with self._turn, self.hold_sync():
            request, value = self._newest(), self._knob.read()
            if request is not None and request.state == "pending" and not request.relative:
                value = request.value
            state, said = said_of(request)
            if self._trouble is not None and self._trouble[0] is request:
                state, said = "refused", f"refused: {self._trouble[1]}"
            reason = self._knob.refusal()
            self._showing = True
            try:
                if self._knob.kind == "choice" and (value != self.value or not self.choices):
                    # Only then, as what may be chosen can be costly to tell.
                    self.choices = _with(self._knob.choices(), value)
                self.value = _plain(value, self._knob.kind)
            finally:
                self._showing = False
            self.frozen = bool(self._controls.closed or reason)
            self.state = "frozen" if reason and not said else state
            self.said = said or reason

    def _newest(self) -> Request | None:
        return standing(self._source, self._knob.name) or self._asked

    def _set(self, change: Mapping[str, Any]) -> None:
        with self._turn:
            if not self._showing:
                self._ask(change["new"])

    def _hear(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        """A view asks; the widget's value follows, and every other view with it."""
        with self._turn, self.hold_sync():
            if content["ask"] == self.value and type(content["ask"]) is type(self.value):
                self._ask(content["ask"])
            else:
                self.value = content["ask"]
            self.heard = str(content["id"])

    def _ask(self, value: Any) -> None:
        try:
            self._asked = self._controls.set(self._knob.name, value, by=_BY)
            self._trouble = None
        except ConfigError as error:
            self._trouble = self._newest(), str(error)
        self.look()
        self._tell()


def said_of(request: Request | None) -> tuple[str, str]:
    """What became of a request: its state, and the same in words.

    What was withdrawn, or gave way to a later request, is not told.
    """
    if request is None or request.state in ("superseded", "withdrawn"):
        return "", ""
    by = f" by {request.by}" if request.by != _BY else ""
    words = request.state
    if request.state == "pending":
        words = "pending, for the next boundary" + by
        if request.relative:
            words += f" ({_movement(request)})"
    elif request.state == "applied":
        words = f"applied at step {request.step or 0:,}" + by
    elif request.state == "refused":
        return request.state, f"refused: {request.message}{by}"
    return request.state, words + (f" ({request.message})" if request.message else "")


def standing(source: Source, name: str) -> Request | None:
    """The newest request for a knob that has not given way to another."""
    if source.controls is None:
        return None
    return source.controls.pending.get(name) or source.newest.get(name)


def _movement(request: Request) -> str:
    parts = [f"times {shown(request.factor)}"] if request.factor != 1 else []
    if request.amount:
        parts.append(f"{'plus' if request.amount > 0 else 'minus'} {shown(abs(request.amount))}")
    return ", ".join(parts)


def _bound(value: float) -> float | None:
    """A bound as JSON holds it."""
    return value if math.isfinite(value) else None


def _with(choices: Sequence[str], value: Any) -> list[str]:
    """The choices, and what is so although it cannot be chosen any more."""
    return [*choices, *([value] if value is not None and value not in choices else [])]


def _plain(value: Any, kind: str) -> Any:
    """A knob's value as JSON holds it."""
    if kind == "float" and value is not None:
        return float(value) if math.isfinite(value) else None
    return value
