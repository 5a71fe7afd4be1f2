"""Success by task parameter, read when it is asked for: a table coloured by success."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from daf_nb.errors import ConfigError
from daf_nb.notebook.panels.panel import answer_at_once
from daf_nb.notebook.state import one_line

if TYPE_CHECKING:
    from daf_nb.curriculum import CurriculumManager, Slices

__all__ = ["SlicesView", "heat_html"]

_NONE = "(none)"
_MOST = 24
"""Bins of an axis that a table has room for."""
_DEEPEST = 55
"""Per cent of the colour at success 1, so that text stays readable on it."""


class SlicesView:
    """Chooses one or two parameters, and shows success in their bins.

    Args:
        manager: the curriculum.

    Attributes:
        across, down: choose the axes.
        read: the button that reads the outcomes.
        body: all of it.
    """

    def __init__(self, manager: CurriculumManager) -> None:
        self._manager = manager
        axes = _axes(manager)
        self.across = widgets.Dropdown(options=axes, description="Slices by")
        self.down = widgets.Dropdown(options=[_NONE, *axes], value=_NONE, description="and by")
        self.read = widgets.Button(
            description="Read slices",
            icon="th",
            tooltip="Read slices: success in the newest outcomes, by these parameters",
        )
        self.read.layout.width = "auto"
        self._shown = widgets.HTML()
        self.read.on_click(lambda _: self._read())
        for choice in (self.across, self.down):
            choice.layout.width = "230px"
            choice.observe(lambda _: self._read(), names="value")
            answer_at_once(choice)
        answer_at_once(self.read)
        flow = widgets.Layout(flex_flow="row wrap", margin="8px 0 0")
        line = widgets.HBox([self.across, self.down, self.read], layout=flow)
        self.body = widgets.VBox([line, self._shown])

    def _read(self) -> None:
        chosen = (str(self.across.value), str(self.down.value))
        axes = [axis for axis in chosen if axis != _NONE]
        try:
            self._shown.value = heat_html(self._manager.slices(axes))
        except ConfigError as error:
            said = escape(one_line(str(error), limit=300))
            self._shown.value = f'<div class="daf-view"><p class="daf-quiet">{said}</p></div>'


def heat_html(slices: Slices) -> str:
    """A table of one or two axes, the first one across: success, episodes, and which are empty."""
    axis = slices.axes[0]
    down = slices.axes[1] if len(slices.axes) > 1 else None
    shape = (len(axis.labels), -1)
    success, episodes = slices.success.reshape(shape), slices.episodes.reshape(shape)
    columns, rows = axis.labels[:_MOST], ("all",) if down is None else down.labels[:_MOST]
    heads = "".join(f'<th scope="col">{escape(one_line(label))}</th>' for label in columns)
    parts = [f'<tr><th scope="col">{escape(one_line(down.name)) if down else ""}</th>{heads}</tr>']
    for place, label in enumerate(rows):
        cells = "".join(_cell(success[i, place], episodes[i, place]) for i in range(len(columns)))
        parts.append(f'<tr><th scope="row">{escape(one_line(label))}</th>{cells}</tr>')
    return (
        f'<div class="daf-view"><table class="daf-heat"><caption>{escape(_caption(slices))}'
        f"</caption>{''.join(parts)}</table></div>"
    )


def _cell(rate: float, episodes: int) -> str:
    if not episodes:
        return '<td class="daf-none">none</td>'
    return (
        f'<td style="--daf-rate: {_DEEPEST * rate:.0f}%">{rate:.2f}<small>{episodes:,}</small></td>'
    )


def _caption(slices: Slices) -> str:
    names = " and ".join(one_line(axis.name) for axis in slices.axes)
    total = int(slices.episodes.sum())
    said = f"Success by {names}, over {total:,} episodes (their number below)"
    hidden = [f"{len(a.labels) - _MOST:,} of {one_line(a.name)}" for a in slices.axes if _more(a)]
    if hidden:
        said += f"; bins that are not shown: {', '.join(hidden)}"
    return said + (f"; {slices.left_out:,} have no place here" if slices.left_out else "")


def _more(axis: Any) -> bool:
    return len(axis.labels) > _MOST


def _axes(manager: CurriculumManager) -> list[str]:
    """What episodes are played with, by the tasks' own arguments."""
    names = {"task": None, "difficulty": None}
    for task in manager.tasks.values():
        names |= dict.fromkeys([*task.env_kwargs, *task.config])
    return list(names)
