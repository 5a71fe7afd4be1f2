"""How training goes: state and buttons, return with its interval, losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from daf_nb.notebook.curves import Curve, curve, return_choices, return_curves
from daf_nb.notebook.markup import charts_html, curves_html
from daf_nb.notebook.panels.panel import Panel, answer_at_once
from daf_nb.notebook.panels.status import StatusPanel
from daf_nb.notebook.source import Source
from daf_nb.notebook.state import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daf_nb.session import Run

__all__ = ["TrainingPanel"]

_SMOOTHINGS = {"each update": 1, "5 updates": 5, "20 updates": 20, "100 updates": 100}
_DIAGNOSTICS = {
    "success rate": "rollout/success_rate",
    "loss": "train/loss",
    "KL divergence": "train/approx_kl",
    "explained variance": "train/explained_variance",
    "entropy share": "train/entropy_share",
    "gradient norm": "train/gradient_norm",
}
_MOST = 4
"""Small pictures, in the order of `_DIAGNOSTICS`."""


class TrainingPanel(Panel):
    """State, buttons, return curves with 95 % intervals, and small curves of loss and KL.

    Args:
        run: what to show.
        interval: seconds between two looks.

    Attributes:
        status: state and buttons.
        charts: the curves alone.
        returns_of: chooses whose return is drawn.
        smoothing: chooses over how many updates each point is.
    """

    def __init__(self, run: Run | Source, *, interval: float = 1.0) -> None:
        super().__init__(run, interval=interval)
        self.status = StatusPanel(self.source)
        self.add(self.status)
        self._choices: Mapping[str, Mapping[str, str]] = {}
        self._known: object = None
        self._drawn: object = None
        self._returns, self._small = widgets.HTML(), widgets.HTML()
        self.returns_of = widgets.Dropdown(description="Return of")
        self.smoothing = widgets.Dropdown(
            options=list(_SMOOTHINGS.items()), value=1, description="Mean over"
        )
        for choice in (self.returns_of, self.smoothing):
            choice.layout.width = "230px"
            choice.observe(lambda _: self._owner.look(), names="value")
            answer_at_once(choice)
        line = widgets.HBox(
            [self.returns_of, self.smoothing], layout=widgets.Layout(flex_flow="row wrap")
        )
        self.charts = widgets.VBox([line, self._returns, self._small])
        self.body.children = (self.status.body, self.charts)

    def show(self, state: RunState) -> None:
        self.status.show(state)
        self.show_charts(state)

    def show_charts(self, state: RunState) -> None:
        """Draws what came since; nothing where nothing did."""
        self._offer_choices()
        key = len(self.source.history), self.returns_of.value, self.smoothing.value, state.total
        if key == self._drawn:
            return
        window = int(self.smoothing.value or 1)
        metrics = self._choices.get(str(self.returns_of.value), {})
        curves = return_curves(self.source.history, metrics, window=window)
        note = f"mean over {window} updates" if window > 1 else ""
        self._returns.value = curves_html(curves, total=state.total, note=note)
        self._small.value = charts_html(self._diagnostics(window))
        self._drawn = key

    def _offer_choices(self) -> None:
        """Groups and tasks, as they come to be known."""
        history, groups = self.source.history, self.source.groups
        if self._known == (known := (history.width, groups)):
            return
        self._known = known
        self._choices = choices = return_choices(history, groups, self.source.tasks)
        if list(self.returns_of.options) != list(choices):
            before = self.returns_of.value
            self.returns_of.options = list(choices)
            self.returns_of.value = before if before in choices else _first(choices)

    def _diagnostics(self, window: int) -> dict[str, Sequence[Curve]]:
        """The first few that the run has; with several groups, a curve for each."""
        groups, series = self.source.groups, {}
        for what, metric in _DIAGNOSTICS.items():
            each = {"": metric}
            if len(groups) > 1 and metric.startswith("train/"):
                last = metric.removeprefix("train/")
                each = {group: f"train/{group}/{last}" for group in groups}
            found = [
                curve(self.source.history, name, name=whose, window=window)
                for whose, name in each.items()
            ]
            curves = [one for one in found if one is not None]
            if curves and len(series) < _MOST:
                series[what] = curves
        return series


def _first(choices: Mapping[str, object]) -> str:
    """Groups tell more than their mean."""
    return "groups" if "groups" in choices else next(iter(choices))
