"""A comparison of runs: the groups' curves, their scores, and who probably improves on whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from daf_nb.notebook.plots.picture import PALETTE, QUIET, Picture, literal

if TYPE_CHECKING:
    from daf_nb.record.comparing import Comparison

__all__ = ["plot_comparison"]

_MOST_PAIRS = 12


def plot_comparison(comparison: Comparison) -> Figure:
    """The curves with 95 % intervals on the left; scores and probabilities on the right.

    A curve is dotted where not all runs of its group reach. Beyond six groups the others are grey.

    Args:
        comparison: what `compare` gave.

    Returns:
        The figure, which is not known to pyplot, and shows itself as a notebook cell's value.
    """
    labels = list(comparison.groups.index)
    hues = {
        label: PALETTE[place] if place < len(PALETTE) else QUIET
        for place, label in enumerate(labels)
    }
    pairs = comparison.improvement.head(_MOST_PAIRS)
    height = max(3.2, 1.4 + 0.3 * (len(labels) + len(pairs)))
    figure = Picture(figsize=(10.0, height))
    grid = figure.add_gridspec(2, 2, width_ratios=(3, 2), height_ratios=_heights(labels, pairs))
    _curves(figure.add_subplot(grid[:, 0]), comparison, hues)
    _scores(figure.add_subplot(grid[0, 1] if len(pairs) else grid[:, 1]), comparison, hues)
    if len(pairs):
        _pairs(figure.add_subplot(grid[1, 1]), pairs)
    return figure


def _heights(labels: list[str], pairs: pd.DataFrame) -> tuple[int, int]:
    return len(labels) + 1, max(len(pairs), 1) + 1


def _curves(ax: Axes, comparison: Comparison, hues: dict[str, str]) -> None:
    for label, hue in hues.items():
        rows = comparison.curves.query("group == @label")
        steps, middle = rows["step"].to_numpy(dtype=float), rows["iqm"].to_numpy()
        whole = rows["n"].to_numpy() == comparison.groups.loc[label, "n"]
        alone = "o" if len(rows) == 1 else None
        ax.plot(steps, middle, ":", color=hue, linewidth=1.0)
        ax.plot(
            steps,
            np.where(whole, middle, np.nan),
            color=hue,
            linewidth=1.8,
            marker=alone,
            label=f"{literal(label)} (n={comparison.groups.loc[label, 'n']})",
        )
        ax.fill_between(steps, rows["low"], rows["high"], color=hue, alpha=0.2, linewidth=0)
    ax.set(xlabel="agent-steps", ylabel=literal(comparison.metric), title="IQM, 95 % interval")
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.grid(alpha=0.3)
    ax.legend(fontsize="small")


def _scores(ax: Axes, comparison: Comparison, hues: dict[str, str]) -> None:
    for place, (label, hue) in enumerate(hues.items()):
        ours = comparison.runs.loc[comparison.runs["group"] == label, "score"]
        row = comparison.groups.loc[label]
        ax.plot(ours, [place] * len(ours), "|", color=hue, alpha=0.6, markersize=8)
        ax.plot([row["low"], row["high"]], [place, place], color=hue, linewidth=4, alpha=0.35)
        ax.plot([row["iqm"]], [place], "o", color=hue)
    ax.set_yticks(range(len(hues)), [literal(label) for label in hues], fontsize="small")
    ax.set(ylim=(len(hues) - 0.5, -0.5), title=f"score: {literal(comparison.score)}")
    ax.grid(axis="x", alpha=0.3)


def _pairs(ax: Axes, pairs: pd.DataFrame) -> None:
    names = []
    for place, (x, y, probability, low, high) in enumerate(pairs.itertuples(index=False)):
        ax.plot([low, high], [place, place], color=QUIET, linewidth=4, alpha=0.5)
        ax.plot([probability], [place], "o", color="black")
        names.append(f"{literal(x)} > {literal(y)}")
    ax.axvline(0.5, color=QUIET, linewidth=1, linestyle="--")
    ax.set_yticks(range(len(names)), names, fontsize="small")
    ax.set(xlim=(-0.03, 1.03), ylim=(len(names) - 0.5, -0.5), title="probability of improvement")
    ax.grid(axis="x", alpha=0.3)
