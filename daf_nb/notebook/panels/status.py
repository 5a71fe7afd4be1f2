"""The state of a run, and the buttons that pause, resume, stop and save it."""

from __future__ import annotations

import threading
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from daf_nb.notebook.markup import head_html
from daf_nb.notebook.panels.panel import Panel, answer_at_once
from daf_nb.notebook.source import Source
from daf_nb.notebook.state import RunState, one_line

if TYPE_CHECKING:
    from daf_nb.session import Run

__all__ = ["StatusPanel"]


class StatusPanel(Panel):
    """Progress, rate, time left and newest return; the buttons, unless it is a record.

    Args:
        run: what to show.
        interval: seconds between two looks.

    Attributes:
        pause, resume, stop, checkpoint: the buttons.
    """

    def __init__(self, run: Run | Source, *, interval: float = 1.0) -> None:
        super().__init__(run, interval=interval)
        self._head = widgets.HTML()
        self._told = widgets.HTML()
        self._said = ""
        self._saving = False
        self.pause = self._button("Pause", "pause", "stand still from the next boundary on")
        self.resume = self._button("Resume", "play", "go on after a pause")
        self.stop = self._button("Stop", "stop", "end at the next boundary; the policies are saved")
        self.checkpoint = self._button(
            "Checkpoint", "save", "save the policies at the next boundary"
        )
        buttons = [self.pause, self.resume, self.stop, self.checkpoint]
        margin = widgets.Layout(margin="6px 0 2px", flex_flow="row wrap", align_items="center")
        line = widgets.HBox([*buttons, self._told], layout=margin)
        self.body.children = (self._head, line) if self.source.run is not None else (self._head,)

    def show(self, state: RunState) -> None:
        self._head.value = head_html(state)
        if self.source.run is None:
            return
        gate = self.source.run.trainer.gate
        self.pause.disabled = state.done or gate.stopped or gate.paused
        self.resume.disabled = state.done or gate.stopped or not gate.paused
        self.stop.disabled = state.done or gate.stopped
        self.checkpoint.disabled = state.done or self._saving
        said = escape(one_line(self._said, limit=200))
        self._told.value = f'<div class="daf-view daf-quiet" role="status">{said}</div>'

    def _button(self, name: str, icon: str, tooltip: str) -> widgets.Button:
        button = widgets.Button(description=name, icon=icon, tooltip=f"{name}: {tooltip}")
        button.layout.width = "auto"
        button.on_click(self._pressed)
        return answer_at_once(button)

    def _pressed(self, button: widgets.Button) -> None:
        """Passes a press on; only one thread draws."""
        run = self.source.run
        assert run is not None, "a record has no buttons"
        if button is self.checkpoint:
            self._save(run)
        else:
            {"Pause": run.pause, "Resume": run.resume, "Stop": run.stop}[button.description]()
        self.refresh()

    def _save(self, run: Run) -> None:
        """Asks without waiting for the boundary."""
        if self._saving:
            return
        self._saving, self._said = True, "checkpoint: pending, for the next boundary"
        name = f"daf_nb-checkpoint-{run.id}"
        threading.Thread(target=self._wait_for, args=[run], name=name, daemon=True).start()

    def _wait_for(self, run: Run) -> None:
        try:
            paths: list[Any] = run.checkpoint()
            names = ", ".join(path.name for path in paths)
            self._said = f"checkpoint: saved at step {run.step:,} ({names})"
        except Exception as error:
            self._said = f"checkpoint: failed: {type(error).__name__}: {error}"
        finally:
            self._saving = False
            self.refresh()
