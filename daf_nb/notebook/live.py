"""The live panel: ipywidgets over a run. It shows what the run says and passes on presses."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.display import display, update_display

from daf_nb.notebook.curves import Curve, read_curves
from daf_nb.notebook.markup import STYLE, curves_html, head_html, snapshot_html
from daf_nb.notebook.state import RunState, read_state, sentence
from daf_nb.notebook.text import describe

if TYPE_CHECKING:
    from daf_nb.session import Run

__all__ = ["LivePanel"]

_WIDGET = "application/vnd.jupyter.widget-view+json"
_SNAPSHOT_INTERVAL = 5.0
"""Seconds between two states of the same kind in the saved notebook."""


class LivePanel:
    """Status, progress, return curve and buttons of a run that trains in this kernel.

    A thread of its own looks at the run and sends text and a small SVG; it ends with the run. With
    the widgets goes a plain HTML output, hidden while they live, which is what a saved notebook
    still shows when its kernel is gone.

    Args:
        run: the run to show.
        interval: seconds between two looks.

    Attributes:
        widget: the widgets, to be placed in a layout of one's own.
        pause, resume, stop: the buttons.
    """

    def __init__(self, run: Run, *, interval: float = 1.0) -> None:
        self.run = run
        self._interval = interval
        self._class = f"daf-live-{uuid.uuid4().hex[:12]}"
        self._wake, self._drawing = threading.Event(), threading.Lock()
        self._saved: tuple[object, float] | None = None  # None: not on any page yet
        self._head = widgets.HTML()
        self._curves = widgets.HTML()
        self.pause = self._button("Pause", "pause", "stand still from the next boundary on")
        self.resume = self._button("Resume", "play", "go on after a pause")
        self.stop = self._button("Stop", "stop", "end at the next boundary; the policies are saved")
        margin = widgets.Layout(margin="8px 0 0")
        buttons = widgets.HBox([self.pause, self.resume, self.stop], layout=margin)
        style = widgets.HTML(STYLE, layout=widgets.Layout(display="none"))
        self.widget = widgets.VBox([style, self._head, self._curves, buttons])
        self.widget.add_class(self._class)
        state = self._look()
        self._thread = threading.Thread(
            target=self._watch, args=[state], name=f"daf_nb-panel-{run.id}", daemon=True
        )
        self._thread.start()

    def __repr__(self) -> str:
        return describe(self.run)

    def _ipython_display_(self) -> None:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        display({_WIDGET: view, "text/plain": repr(self)}, raw=True)
        with self._drawing:  # or the last look could come between, and find nothing to update
            state = read_state(self.run)
            display(self._snapshot(state, self._read_curves()), raw=True, display_id=self._class)
            self._saved = _kind(state), time.monotonic()

    def _button(self, name: str, icon: str, tooltip: str) -> widgets.Button:
        button = widgets.Button(description=name, icon=icon, tooltip=f"{name}: {tooltip}")
        button.on_click(self._pressed)
        _answer_at_once(button)
        return button

    def _pressed(self, button: widgets.Button) -> None:
        """Passes a press on; only the watching thread draws, so that no two threads do."""
        {"Pause": self.run.pause, "Resume": self.run.resume, "Stop": self.run.stop}[
            button.description
        ]()
        self._wake.set()

    def _watch(self, state: RunState) -> None:
        while not state.done:
            soon = state.wish or state.fraction == 1
            self._wake.wait(self._interval / 10 if soon else self._interval)
            self._wake.clear()
            with self._drawing:
                state = self._look()

    def _look(self) -> RunState:
        state, curves = read_state(self.run), self._read_curves()
        self._head.value = head_html(state)
        self._curves.value = curves_html(curves, total=state.total)
        gate = self.run.trainer.gate
        self.pause.disabled = state.done or gate.stopped or gate.paused
        self.resume.disabled = state.done or gate.stopped or not gate.paused
        self.stop.disabled = state.done or gate.stopped
        if self._saved is not None:
            kind, moment = self._saved
            if kind != _kind(state) or time.monotonic() - moment > _SNAPSHOT_INTERVAL:
                update_display(self._snapshot(state, curves), raw=True, display_id=self._class)
                self._saved = _kind(state), time.monotonic()
        return state

    def _read_curves(self) -> list[Curve]:
        return read_curves(self.run.rows, groups=list(self.run.policies))

    def _snapshot(self, state: RunState, curves: list[Curve]) -> dict[str, str]:
        at = time.strftime("%H:%M:%S")
        return {
            "text/html": snapshot_html(state, curves, at=at, live=self._class),
            "text/plain": f"State at {at}: {sentence(state)}",
        }


def _kind(state: RunState) -> object:
    return state.status, state.done


def _answer_at_once(widget: widgets.Widget) -> None:
    """Lets a press be heard while a cell runs, `run.wait()` for one.

    JupyterLab sends it to a subshell (https://github.com/jupyterlab/jupyterlab/pull/17363), but
    ipykernel 7.4 sends it on to the shell that made the widget, which is busy with the cell.
    """
    comm: Any = widget.comm
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None
