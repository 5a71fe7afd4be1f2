"""Success by task parameter: points with intervals, a heatmap, or several heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from daf_nb.curriculum.slices import Axis, Slices
from daf_nb.notebook.plots.picture import PALETTE, QUIET, Picture, given_axes, literal

__all__ = ["plot_slices"]

_COLOURS = colormaps["cividis"]
_EMPTY: dict[str, Any] = {"facecolor": "#ececec", "edgecolor": "#bdbdbd", "hatch": "///"}
_CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}
_ON_EMPTY: dict[str, Any] = {
    "color": "#404040",
    "bbox": {"facecolor": _EMPTY["facecolor"], "linewidth": 0, "pad": 1},
}
_WIDEST = 18.0
"""Inches of a row of heatmaps; those that do not fit go into the next row."""


def plot_slices(slices: Slices, *, ax: Axes | Sequence[Axes] | None = None) -> Figure:
    """The success rate in every bin, and which bins are empty.

    One axis gives points with their Wilson intervals of level .95; two axes a heatmap, the first
    one across, with the rate and the number of episodes in each cell; three axes a heatmap for
    each value of the third.

    Args:
        slices: what `slice_outcomes` gave.
        ax: where to draw; with three axes, as many as the third has values. None makes a figure.

    Returns:
        The figure; a new one is not known to pyplot, and shows itself as a notebook cell's value.

    Raises:
        ConfigError: the wrong number of `ax`.
    """
    if len(slices.axes) == 1:
        width = min(_WIDEST, max(4.0, 1.0 + 0.8 * len(slices.axes[0].labels)))
        figure, (where,) = _places(ax, [""], (width, 3.4))
        _points(where, slices)
    else:
        figure, drawn = _heatmaps(slices, ax)
        scale = ScalarMappable(Normalize(0, 1), _COLOURS)
        share = 0.08 / _across(drawn)  # of the row's width, as wide whatever the row's length
        figure.colorbar(scale, ax=drawn, label="success rate (episodes)", fraction=share, pad=0.01)
    if ax is None and slices.left_out:
        total = slices.left_out + int(slices.episodes.sum())
        told = f"{slices.left_out:,} of {total:,} episodes have no place on these axes"
        figure.suptitle(told, fontsize="small", color=QUIET)
    return figure


def _places(
    given: Any, titles: Sequence[str], size: tuple[float, float]
) -> tuple[Figure, list[Axes]]:
    """The axes to draw on and their figure; `size` is of one picture, in inches."""
    if given is not None:
        axes = given_axes(given, [title or "success" for title in titles])
        return axes[0].figure.figure, axes  # type: ignore[return-value] - a SubFigure's figure is the whole one
    across = max(1, min(len(titles), int(_WIDEST // size[0])))
    down = -(-len(titles) // across)
    figure = Picture(figsize=(across * size[0], down * size[1]))
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    for unused in grid[len(titles) :]:
        unused.remove()
    return figure, grid[: len(titles)].tolist()


def _across(axes: Sequence[Axes]) -> int:
    """How many stand side by side, as far as their figure knows."""
    specs = [ax.get_subplotspec() for ax in axes]
    return len({spec.colspan.start for spec in specs if spec is not None}) or 1


def _points(ax: Axes, slices: Slices) -> None:
    (axis,) = slices.axes
    x, seen = np.arange(len(axis.labels)), slices.episodes > 0
    rate = slices.success[seen]
    bars = np.maximum(0, [rate - slices.low[seen], slices.high[seen] - rate])
    ax.errorbar(x[seen], rate, yerr=bars, fmt="o", color=PALETTE[0], capsize=4)
    for place in x[~seen]:
        ax.axvspan(place - 0.5, place + 0.5, linewidth=0, **_EMPTY)
        ax.text(place, 0.5, "empty", **_CENTRED, **_ON_EMPTY)
    counts = [f"({n:,})" for n in slices.episodes]
    _label(ax, "x", axis, counts)
    ax.set(xlim=(-0.5, len(x) - 0.5), ylim=(-0.03, 1.03), ylabel="success rate")
    ax.set_xlabel(f"{literal(axis.name)} (episodes)")
    ax.grid(axis="y", alpha=0.3)


def _heatmaps(slices: Slices, given: Any) -> tuple[Figure, list[Axes]]:
    across, up = slices.axes[:2]
    cells = [slices]
    titles = [""]
    if len(slices.axes) == 3:
        third = slices.axes[2]
        cells = [_layer(slices, place) for place in range(len(third.labels))]
        titles = [f"{literal(third.name)} = {literal(label)}" for label in third.labels]
    longest = min(20, max(map(len, up.labels)))
    size = (
        min(_WIDEST, max(2.8, 1.2 + 0.07 * longest + 0.62 * len(across.labels))),
        min(_WIDEST, max(2.4, 1.1 + 0.5 * len(up.labels))),
    )
    figure, axes = _places(given, titles, size)
    for ax, cell, title in zip(axes, cells, titles, strict=True):
        _heatmap(ax, cell)
        ax.set_title(title, fontsize="medium")
        spec = ax.get_subplotspec()
        if given is not None or spec is None or spec.is_first_col():
            ax.set_ylabel(literal(up.name))
        ax.set_xlabel(literal(across.name))
    return figure, axes


def _layer(slices: Slices, place: int) -> Slices:
    """Two axes of three, at one value of the third."""
    parts = (slices.episodes, slices.success, slices.low, slices.high)
    return Slices(slices.axes[:2], *(part[..., place] for part in parts), left_out=0)


def _heatmap(ax: Axes, slices: Slices) -> None:
    across, up = slices.axes
    rates = np.ma.masked_invalid(slices.success.T)
    ax.imshow(rates, cmap=_COLOURS, vmin=0, vmax=1, origin="lower", aspect="auto")
    for draw, count in ((ax.axvline, len(across.labels)), (ax.axhline, len(up.labels))):
        for place in range(1, count):
            draw(place - 0.5, color="white", linewidth=1)
    small = 8 if max(slices.episodes.shape) <= 12 else 6
    for (i, j), n in np.ndenumerate(slices.episodes):
        if n:
            rate = float(slices.success[i, j])
            text = ax.text(i, j, f"{rate:.2f}\n({n:,})", color=_readable_on(rate), **_CENTRED)
        else:
            ax.add_patch(Rectangle((i - 0.5, j - 0.5), 1, 1, linewidth=0, **_EMPTY))
            text = ax.text(i, j, "empty", **_CENTRED, **_ON_EMPTY)
        text.set_fontsize(small)
    _label(ax, "x", across)
    _label(ax, "y", up)


def _readable_on(rate: float) -> str:
    red, green, blue, _ = _COLOURS(rate)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _label(ax: Axes, which: str, axis: Axis, below: Sequence[str] = ()) -> None:
    """A tick for each bin, its label turned where labels are long, with `below` under it."""
    words = [literal(label) for label in axis.labels]
    turned = which == "x" and sum(map(len, words)) > 9 * len(words)
    mark = " " if turned else "\n"
    if below:
        words = [f"{word}{mark}{its}" for word, its in zip(words, below, strict=True)]
    if which == "y":
        ax.set_yticks(range(len(words)), words)
    elif turned:
        ax.set_xticks(range(len(words)), words, rotation=30, ha="right", rotation_mode="anchor")
    else:
        ax.set_xticks(range(len(words)), words)
