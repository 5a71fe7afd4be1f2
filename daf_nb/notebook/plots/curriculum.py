"""How a curriculum went: difficulty, shares of the tasks, and success, over agent-steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter

from daf_nb.errors import ConfigError
from daf_nb.notebook.plots.picture import PALETTE, QUIET, Picture, given_axes, literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["plot_curriculum"]

_DIFFICULTY = "curriculum/difficulty"
_SUCCESS = "curriculum/success"
_SHARE_OF = "curriculum/share/"
_SUCCESS_OF = "curriculum/success/"


def plot_curriculum(metrics: pd.DataFrame, *, axes: Sequence[Axes] | None = None) -> Figure:
    """Up to three pictures over agent-steps: difficulty, the tasks' shares, and success.

    A picture without columns is left out, and so are shares where there is one task. Values that
    are NaN or infinite are not drawn: lines join their neighbours. Beyond six tasks, those with
    the largest mean shares have a colour and a name; the others are grey.

    Args:
        metrics: what `run.metrics()` gave: agent-steps as index, and of `curriculum/difficulty`,
            `curriculum/success`, `curriculum/share/<task>` and `curriculum/success/<task>` those
            that there are.
        axes: where to draw, one for each picture. None makes a figure.

    Returns:
        The figure; a new one is not known to pyplot, and shows itself as a notebook cell's value.

    Raises:
        ConfigError: there is no such column, or the wrong number of `axes`.
    """
    columns = list(metrics.columns)
    shares, rates = _tasks(columns, _SHARE_OF), _tasks(columns, _SUCCESS_OF)
    colours = _colours(metrics, shares, rates)
    pictures: dict[str, Callable[[Axes], None]] = {}
    if _DIFFICULTY in columns:
        pictures["difficulty"] = lambda ax: _line(ax, metrics, _DIFFICULTY, PALETTE[0], 1.8)
    if len(shares) > 1:
        pictures["share"] = lambda ax: _stack(ax, metrics, shares, colours)
    if rates or _SUCCESS in columns:
        named = len(shares) < 2
        pictures["success"] = lambda ax: _rates(ax, metrics, rates, colours, named=named)
    if not pictures:
        raise ConfigError(
            "these metrics say nothing of a curriculum: no column is called curriculum/difficulty, "
            "curriculum/success, curriculum/share/<task> or curriculum/success/<task>. Give the "
            "metrics of a run that was trained with a curriculum."
        )
    if axes is None:
        figure: Figure = Picture(figsize=(8.0, 0.6 + 2.1 * len(pictures)))
        drawn = figure.subplots(len(pictures), 1, sharex=True, squeeze=False).ravel().tolist()
    else:
        drawn = given_axes(axes, list(pictures))
        figure = drawn[0].figure.figure
    for ax, (title, draw) in zip(drawn, pictures.items(), strict=True):
        draw(ax)
        ax.set(ylim=(-0.03, 1.03), ylabel=title)
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
        ax.grid(alpha=0.3)
    drawn[-1].set_xlabel("agent-steps")
    return figure


def _tasks(columns: Sequence[str], prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in columns if name.startswith(prefix)]


def _colours(
    metrics: pd.DataFrame, shares: Sequence[str], rates: Sequence[str]
) -> Mapping[str, str]:
    """Task -> its colour, of those that have one, in the curriculum's order."""
    tasks = list(dict.fromkeys([*shares, *rates]))
    weight = dict.fromkeys(tasks, 0.0)
    for task in shares:
        _, values = _read(metrics, _SHARE_OF + task)
        weight[task] = float(values.sum())
    chosen = sorted(tasks, key=lambda task: -weight[task])[: len(PALETTE)]
    return dict(zip([task for task in tasks if task in chosen], PALETTE, strict=False))


def _read(metrics: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Agent-steps and values, where there is a finite one."""
    values = metrics[column].to_numpy(dtype=float, na_value=np.nan)
    there = np.isfinite(values)
    return metrics.index.to_numpy(dtype=float)[there], values[there]


def _line(ax: Axes, metrics: pd.DataFrame, column: str, colour: str, width: float) -> None:
    steps, values = _read(metrics, column)
    alone = "o" if len(steps) == 1 else None
    ax.plot(steps, values, color=colour, linewidth=width, marker=alone, markersize=3)


def _stack(
    ax: Axes, metrics: pd.DataFrame, shares: Sequence[str], colours: Mapping[str, str]
) -> None:
    table = metrics[[_SHARE_OF + task for task in shares]].to_numpy(dtype=float, na_value=np.nan)
    there = np.isfinite(table).any(axis=1)
    table = np.where(np.isfinite(table), table, 0.0)[there]
    top = [place for place, task in enumerate(shares) if task in colours]
    rest = [place for place, task in enumerate(shares) if task not in colours]
    layers = [table[:, place] for place in top]
    hues = [colours[shares[place]] for place in top]
    if rest:
        layers, hues = [*layers, table[:, rest].sum(axis=1)], [*hues, QUIET]
    ax.stackplot(
        metrics.index.to_numpy(dtype=float)[there], layers, colors=hues, linewidth=0, alpha=0.85
    )
    keys = [Patch(color=colour, alpha=0.85) for colour in reversed(hues)]
    names = [*(shares[place] for place in top), *([None] if rest else [])]
    _legend(ax, keys, list(reversed(names)), len(rest))


def _rates(
    ax: Axes,
    metrics: pd.DataFrame,
    tasks: Sequence[str],
    colours: Mapping[str, str],
    *,
    named: bool,
) -> None:
    others = [task for task in tasks if task not in colours]
    for task in [*others, *(task for task in tasks if task in colours)]:
        _line(ax, metrics, _SUCCESS_OF + task, colours.get(task, QUIET), 0.9)
    keys: list[Any] = []
    names: list[str | None] = []
    if _SUCCESS in metrics.columns:
        _line(ax, metrics, _SUCCESS, "black", 2.0)
        keys, names = [Line2D([], [], color="black", linewidth=2.0)], ["all episodes"]
    for task in [task for task in tasks if task in colours] if named else []:
        keys.append(Line2D([], [], color=colours[task], linewidth=0.9))
        names.append(task)
    if named and others:
        keys.append(Line2D([], [], color=QUIET, linewidth=0.9))
        names.append(None)
    if len(names) > 1 or tasks:
        _legend(ax, keys, names, len(others))


def _legend(ax: Axes, keys: Sequence[Any], names: Sequence[str | None], others: int) -> None:
    """Beside the picture; None stands for the tasks without a name of their own."""
    words = [f"{others} others" if name is None else literal(name) for name in names]
    # A legend leaves out what begins with an underscore.
    words = [f" {word}" if word.startswith("_") else word for word in words]
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)}
    ax.legend(keys, words, **place, borderaxespad=0, frameon=False, fontsize="small")
