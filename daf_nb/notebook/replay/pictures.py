"""What agents observe as a picture, for worlds that cannot be drawn: pictures, heat or lines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from daf_nb.envs import AgentSpaces, Step
from daf_nb.notebook.markup import HUES
from daf_nb.notebook.plots.picture import QUIET, literal

__all__ = ["Sights", "observed"]

_MOST = 9
"""Agents that are shown."""
_SIDE, _DOTS = 6.0, 100
"""Inches along a side, and dots per inch."""
_LEAST = 5
"""Pixels along the sides of what is taken for an image."""
_CHANNELS = (1, 3, 4)
_MARKED = 40
"""Numbers up to which each has a mark."""


def observed(step: Step, agent: str) -> np.ndarray | None:
    """What an agent observes, without its action mask; None where it observes nothing."""
    seen = step.observations.get(agent)
    if isinstance(seen, Mapping):
        seen = seen.get("observation")
    return None if seen is None else np.asarray(seen)


class Sights:
    """Draws what the agents of a world observe, once all steps have been noted.

    Args:
        spaces: agent -> its spaces.
    """

    def __init__(self, spaces: Mapping[str, AgentSpaces]) -> None:
        self._agents = list(spaces)[:_MOST]
        self._left_out = len(spaces) - len(self._agents)
        self._spaces = spaces
        self._low: dict[str, float] = {}
        self._high: dict[str, float] = {}
        self._canvas: FigureCanvasAgg | None = None
        self._ground: Any = None
        self._panes: list[_Pane] = []

    def note(self, step: Step) -> None:
        """Sees how large numbers get, so that one scale holds for all steps."""
        for agent in self._agents:
            seen = observed(step, agent)
            if seen is not None and seen.size:
                finite = seen[np.isfinite(seen)] if seen.dtype.kind == "f" else seen
                if finite.size:
                    self._low[agent] = min(self._low.get(agent, 0.0), float(finite.min()))
                    self._high[agent] = max(self._high.get(agent, 0.0), float(finite.max()))

    def draw(self, step: Step) -> np.ndarray:
        """A step's observations: uint8 [height, width, 3]."""
        seen = [observed(step, agent) for agent in self._agents]
        canvas = self._canvas = self._canvas or self._laid_out(seen)
        shown = [pane.show(one) for pane, one in zip(self._panes, seen, strict=True)]
        if self._ground is None or not all(shown):
            canvas.figure.set_layout_engine("constrained")
            canvas.draw()
            # What stays the same, titles and ticks, takes most of the time to draw.
            canvas.figure.set_layout_engine("none")
            self._ground = canvas.copy_from_bbox(canvas.figure.bbox)
        canvas.restore_region(self._ground)
        for pane in self._panes:
            pane.draw()
        return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()

    def _laid_out(self, seen: list[np.ndarray | None]) -> FigureCanvasAgg:
        count = len(self._agents)
        flat = all(one is None or one.ndim < 2 for one in seen)
        columns = 1 if flat and count < 5 else math.ceil(math.sqrt(count))
        figure = Figure(figsize=(_SIDE, _SIDE), dpi=_DOTS, facecolor="white")
        grid = figure.subplots(math.ceil(count / columns), columns, squeeze=False).ravel()
        for axes in grid[count:]:
            axes.axis("off")
        self._panes = []
        for place, agent in enumerate(self._agents):
            span = self._low.get(agent, 0.0), self._high.get(agent, 1.0)
            colour = HUES[place % len(HUES)]
            self._panes.append(_Pane(grid[place], agent, self._spaces[agent], span, colour))
        if self._left_out:
            figure.supxlabel(f"{self._left_out} more agents", fontsize=9, color=QUIET)
        return FigureCanvasAgg(figure)


class _Pane:
    """One agent's part of the picture."""

    def __init__(
        self, axes: Axes, agent: str, its: AgentSpaces, span: tuple[float, float], colour: str
    ) -> None:
        self._axes, self._its, self._span, self._colour = axes, its, span, colour
        self._artist: Line2D | AxesImage | None = None
        self._seen: np.ndarray | None = None
        axes.set(xticks=[], yticks=[])
        axes.set_title(literal(agent), fontsize=9, loc="left", color="#222222")
        axes.spines[:].set_color("#dddddd")
        about = {"ha": "center", "va": "center", "color": QUIET, "fontsize": 9}
        self._absent = axes.text(
            0.5, 0.5, "not there", transform=axes.transAxes, animated=True, **about
        )

    def show(self, seen: np.ndarray | None) -> bool:
        """Takes an observation, or that there is none; False where axes changed for the first."""
        self._seen = seen
        if seen is None:
            return True
        image = _image(seen, self._its, self._span[1])
        if image is None and seen.ndim == 2 and min(seen.shape) > 1:
            image = seen
        known = self._artist is not None
        if image is None:
            self._show_line(seen.ravel())
        else:
            self._show_image(image)
        return known

    def draw(self) -> None:
        """Draws it onto the axes."""
        artist = self._absent if self._seen is None else self._artist
        if artist is not None:
            self._axes.draw_artist(artist)

    def _show_image(self, image: np.ndarray) -> None:
        if isinstance(self._artist, AxesImage):
            self._artist.set_data(image)
            return
        low, high = self._span
        aspect = "equal" if image.ndim == 3 else "auto"
        how: dict[str, Any] = {"interpolation": "nearest", "aspect": aspect, "animated": True}
        self._artist = self._axes.imshow(image, vmin=low, vmax=high, **how)
        self._axes.set(xticks=[], yticks=[])

    def _show_line(self, numbers: np.ndarray) -> None:
        if isinstance(self._artist, Line2D):
            self._artist.set_data(np.arange(len(numbers)), numbers)
            return
        axes, (low, high) = self._axes, self._span
        room = 0.08 * (high - low) or 1.0
        axes.axhline(0.0, color="#dddddd", linewidth=0.8)
        marker = "o" if len(numbers) <= _MARKED else ""
        how: dict[str, Any] = {"marker": marker, "markersize": 4, "linewidth": 1.4}
        (self._artist,) = axes.plot(
            np.arange(len(numbers)), numbers, color=self._colour, animated=True, **how
        )
        axes.set(ylim=(low - room, high + room), xlim=(-0.5, len(numbers) - 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(labelsize=8, colors="#555555")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color("#bbbbbb")


def _image(seen: np.ndarray, its: AgentSpaces, high: float) -> np.ndarray | None:
    """An observation as an image, in [0, 1] or of bytes; None where it does not look like one."""
    if seen.ndim != 3:
        return None
    if seen.shape[2] not in _CHANNELS and seen.shape[0] in _CHANNELS:
        seen = np.moveaxis(seen, 0, 2)
    if seen.shape[2] not in _CHANNELS or min(seen.shape[:2]) < _LEAST:
        return None
    if seen.dtype != np.uint8:
        most: Any = np.max(getattr(its.observation, "high", high))
        most = most if np.isfinite(most) and most <= 255 else high
        seen = np.clip(seen / (most or 1.0), 0.0, 1.0)
    return np.repeat(seen, 3, axis=2) if seen.shape[2] == 1 else seen[:, :, :3]
