"""A run's whole panel: its state, and a tab for each view that applies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from daf_nb.notebook.panels.adaptive import AdaptivePanel
from daf_nb.notebook.panels.controls import ControlsPanel
from daf_nb.notebook.panels.curriculum import CurriculumPanel
from daf_nb.notebook.panels.knobs import Knobs
from daf_nb.notebook.panels.panel import Panel, answer_at_once
from daf_nb.notebook.panels.training import TrainingPanel
from daf_nb.notebook.source import Source
from daf_nb.notebook.state import RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from daf_nb.session import Run

__all__ = ["RunPanel"]


class RunPanel(Panel):
    """State and buttons; tabs for training, controls, curriculum and adaptive rules.

    Only the tab that is selected is looked after, until the run has ended.

    Args:
        run: what to show.
        interval: seconds between two looks.

    Attributes:
        training, controls: their panels; `controls["learning_rate"]` is a knob.
        curriculum, adaptive: theirs, or None where the run has no such thing.
        status: the buttons' panel.
        tabs: the tabs.
    """

    def __init__(self, run: Run | Source, *, interval: float = 1.0) -> None:
        super().__init__(run, interval=interval)
        source, knobs = self.source, Knobs(self.source, asked=self.refresh)
        self.training = TrainingPanel(source)
        self.status = self.training.status
        self.controls = ControlsPanel(source, knobs=knobs)
        self.curriculum = CurriculumPanel(source, knobs=knobs) if source.has_curriculum else None
        self.adaptive = AdaptivePanel(source, knobs=knobs) if source.has_decisions else None
        pages: dict[str, tuple[widgets.Widget, Callable[[RunState], None]]] = {
            "Training": (self.training.charts, self.training.show_charts)
        }
        name = "Controls" if source.controls is not None else "Journal"
        pages[name] = (self.controls.body, self.controls.show)
        if self.curriculum is not None:
            pages["Curriculum"] = (self.curriculum.body, self.curriculum.show)
        if self.adaptive is not None:
            pages["Adaptive"] = (self.adaptive.body, self.adaptive.show)
        for part in (self.training, self.status, self.controls, self.curriculum, self.adaptive):
            if part is not None:
                self.add(part)
        self._pages = [show for _, show in pages.values()]
        self.tabs = widgets.Tab([body for body, _ in pages.values()], titles=list(pages))
        self.tabs.selected_index = 0
        self.tabs.observe(lambda _: self.look(), names="selected_index")
        answer_at_once(self.tabs)
        self.body.children = (self.status.body, self.tabs)

    def show(self, state: RunState) -> None:
        self.status.show(state)
        selected = self.tabs.selected_index
        for place, show in enumerate(self._pages):
            if state.done or place == selected:
                show(state)
