"""A run's curriculum: how it stands, task by task, and everything that steers it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from daf_nb.errors import ConfigError
from daf_nb.notebook.curves import curve
from daf_nb.notebook.markup import course_html
from daf_nb.notebook.panels import verbs
from daf_nb.notebook.panels.knobs import Knobs
from daf_nb.notebook.panels.panel import Panel, answer_at_once
from daf_nb.notebook.panels.slices import SlicesView
from daf_nb.notebook.panels.tasks import TaskTable
from daf_nb.notebook.source import Source
from daf_nb.notebook.state import RunState, one_line
from daf_nb.notebook.words import curriculum_line

if TYPE_CHECKING:
    from daf_nb.session import Run

__all__ = ["CurriculumPanel"]

_KNOBS = (
    "strategy",
    "difficulty",
    "difficulty_bias",
    "uniform_share",
    "task",
    "hold",
    "rehearsal",
)
_BUTTONS = {
    "Easier": (verbs.easier, "arrow-down", "lower the bound, or tilt to easier tasks"),
    "Harder": (verbs.harder, "arrow-up", "raise the bound, or tilt to harder tasks"),
    "Support": (verbs.support, "life-ring", "rehearse, and make it easier"),
    "Rehearse": (verbs.rehearse, "repeat", "repeat earlier tasks in half of the next episodes"),
}


class CurriculumPanel(Panel):
    """The tasks with shares, success, progress and weights; levers; difficulty over time; slices.

    Of a record there are the tasks and the pictures alone.

    Args:
        run: what to show; it has a curriculum.
        interval: seconds between two looks.
        knobs: widgets that other panels of the run show too.

    Attributes:
        buttons: name -> button.
        tasks: the table.
        slices: success by task parameter; None of a record.
    """

    def __init__(
        self, run: Run | Source, *, interval: float = 1.0, knobs: Knobs | None = None
    ) -> None:
        super().__init__(run, interval=interval)
        if not self.source.has_curriculum:
            raise ConfigError(f"run {self.source.id} has no curriculum.")
        self._knobs = knobs or Knobs(self.source, asked=self.refresh)
        self._names = [
            name for one in _KNOBS if (name := f"curriculum.{one}") in set(self._knobs.names)
        ]
        self._drawn: object = None
        self._refused = ""
        self._line, self._told, self._chart = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.buttons = {name: self._button(name) for name in _BUTTONS}
        self.tasks = TaskTable(self.source, refresh=self.refresh)
        self.slices = None
        if self.source.curriculum is not None:
            self.slices = SlicesView(self.source.curriculum)
        parts: list[widgets.Widget] = [self._line]
        if self._names:
            flow = widgets.Layout(flex_flow="row wrap", margin="4px 0")
            parts.append(widgets.HBox([*self.buttons.values(), self._told], layout=flow))
            parts.append(widgets.VBox([self._knobs[name] for name in self._names]))
        parts += [self._chart, self.tasks.table]
        if self.slices is not None:
            parts.append(self.slices.body)
        self.body.children = parts

    def show(self, state: RunState) -> None:
        stats = self.source.curriculum_stats()
        self._line.value = f'<div class="daf-view"><p>{escape(curriculum_line(stats))}</p></div>'
        said = escape(self._refused)
        self._told.value = f'<div class="daf-view daf-warn" role="status">{said}</div>'
        self._knobs.look(self._names)
        self.tasks.show(stats.get("tasks") or {})
        controls = self.source.controls
        for button in self.buttons.values():
            button.disabled = controls is None or bool(controls.closed)
        key = len(self.source.history), state.total
        if key != self._drawn:
            self._drawn = key
            history = self.source.history
            found = {
                "difficulty": curve(history, "curriculum/difficulty", points=200),
                "recent success": curve(history, "curriculum/success", points=200),
            }
            self._chart.value = course_html(found, total=state.total)

    def _button(self, name: str) -> widgets.Button:
        _, icon, tooltip = _BUTTONS[name]
        button = widgets.Button(description=name, icon=icon, tooltip=f"{name}: {tooltip}")
        button.layout.width = "auto"
        button.on_click(self._pressed)
        return answer_at_once(button)

    def _pressed(self, button: Any) -> None:
        verb, *_ = _BUTTONS[button.description]
        try:
            verb(self.source)
            self._refused = ""
        except ConfigError as error:
            self._refused = one_line(f"{button.description}: {error}", limit=300)
        self.refresh()
