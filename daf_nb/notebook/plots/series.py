"""Series of a run, picked from its metrics by name, and drawn over agent-steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator, PercentFormatter

from daf_nb.errors import ConfigError
from daf_nb.notebook.plots.picture import PALETTE, QUIET, Picture, given_axes, literal
from daf_nb.record.thinning import thin

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["by_group", "draw", "frame_of", "legend", "pictures", "unit_of"]

_POINTS = 2_000
"""Points of a drawn line: more than a picture has pixels across."""
_MANY = 60
"""Points from which on a line is drawn pale, with its running mean on top."""


def frame_of(source: Any) -> pd.DataFrame:
    """The metrics of a live run, of a record, or as they were given.

    Raises:
        ConfigError: `source` is none of these.
    """
    import pandas as pd

    found = source if isinstance(source, pd.DataFrame) else getattr(source, "metrics", None)
    found = found() if callable(found) else found
    if not isinstance(found, pd.DataFrame):
        raise ConfigError(
            f"{type(source).__name__} has no metrics to draw; give a run, what load_run(id) gave, "
            "or a DataFrame indexed by agent-step."
        )
    return found


def by_group(columns: Sequence[str], name: str) -> dict[str, str]:
    """Label -> column of a metric: its own, and one of each group: `train/wolves/loss`."""
    found = {"": name} if name in columns else {}
    first, slash, last = name.partition("/")
    if not slash:
        return found
    for column in columns:
        head, tail = f"{first}/", f"/{last}"
        if column.startswith(head) and column.endswith(tail) and len(column) > len(head + tail):
            group = column[len(head) : -len(tail)]
            if not group.startswith("task/"):
                found[group] = column
    return found


def pictures(count: int, axes: Any, titles: Sequence[str], *, across: int) -> list[Axes]:
    """Axes for so many pictures: the caller's, or of a new figure with agent-steps in common."""
    if axes is not None:
        return given_axes(axes, titles)
    across = min(across, count)
    down = -(-count // across)
    width = 8.0 if across == 1 else 5.2 * across
    figure: Figure = Picture(figsize=(width, 0.5 + 2.2 * down))
    grid = figure.subplots(down, across, squeeze=False, sharex=True)
    for place, ax in enumerate(grid.ravel()):
        if place >= count:
            ax.remove()
        elif place + across >= count:
            # The last of its column, be it above an empty place.
            ax.tick_params(labelbottom=True)
            ax.set_xlabel("agent-steps")
    return grid.ravel()[:count].tolist()


def draw(ax: Axes, frame: pd.DataFrame, lines: Mapping[str, str], *, unit: str, title: str) -> None:
    """Lines over agent-steps, with a legend where there is more than one.

    Values that are NaN or infinite are left out: lines join their neighbours. Beyond six, lines are
    grey.

    Args:
        ax: where.
        frame: metrics by agent-step.
        lines: label -> column.
        unit: one that `unit_of` gives.
        title: what they show.
    """
    shown = []
    for place, (label, column) in enumerate(lines.items()):
        values = frame[column].to_numpy(dtype=float, na_value=np.nan)
        steps, there = frame.index.to_numpy(dtype=float), np.isfinite(values)
        colour = PALETTE[place] if place < len(PALETTE) else QUIET
        line = _line(ax, steps[there], values[there], colour)
        if place < len(PALETTE):
            shown.append((line, label))
    _set_unit(ax, unit)
    ax.set_title(literal(title), fontsize="medium", loc="left")
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.grid(alpha=0.3)
    if len(lines) > 1:
        legend(ax, shown, len(lines) - len(shown))


def _line(ax: Axes, steps: np.ndarray, values: np.ndarray, colour: str) -> Any:
    many = len(values) >= _MANY
    kept = thin(values, most=_POINTS)
    style: dict[str, Any] = {"linewidth": 0.7, "alpha": 0.35} if many else {"linewidth": 1.6}
    alone = "o" if len(steps) == 1 else None
    (line,) = ax.plot(steps[kept], values[kept], color=colour, marker=alone, markersize=3, **style)
    if many:
        (line,) = ax.plot(*_running_mean(steps, values), color=colour, linewidth=1.8)
    return line


def _running_mean(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over a thirtieth of the values, at the middles of their stretches."""
    width = max(2, len(values) // 30)
    sums = np.cumsum(np.insert(values, 0, 0.0))
    means = (sums[width:] - sums[:-width]) / width
    middle = steps[(width - 1) // 2 :][: len(means)]
    every = max(1, len(means) // _POINTS)
    return middle[::every], means[::every]


def legend(ax: Axes, shown: Sequence[tuple[Any, str]], others: int = 0) -> None:
    """Beside the picture, what `shown` draws; and how many others there are."""
    keys = [key for key, _ in shown]
    words = [literal(label) if label else "all" for _, label in shown]
    # A legend leaves out what begins with an underscore.
    words = [f" {word}" if word.startswith("_") else word for word in words]
    title = f"and {others} others" if others else None
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)}
    box = ax.legend(
        keys, words, title=title, title_fontsize="small", borderaxespad=0, frameon=False,
        fontsize="small", **place,
    )  # fmt: skip
    box.set_in_layout(True)


def unit_of(name: str) -> str:
    """The unit that a metric's name ends in: "bytes", "seconds", "share", "per second" or ""."""
    ends = {"_bytes": "bytes", "_per_second": "per second", "_seconds": "seconds"}
    ends |= {"_share": "share", "_rate": "share"}
    own = name.rpartition("/")[2]
    known = (unit for end, unit in ends.items() if own.endswith(end))
    return "share" if own == "success" else "" if own == "learning_rate" else next(known, "")


def _set_unit(ax: Axes, unit: str) -> None:
    """Labels and ticks of the values in their unit."""
    ax.set_ylabel("" if unit in ("bytes", "share") else unit)
    if unit == "bytes":
        ax.yaxis.set_major_locator(_ByteLocator(6))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _bytes(value)))
    elif unit == "share":
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    else:
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))


class _ByteLocator(MaxNLocator):
    """Ticks at round numbers of the unit that the greatest value is told in."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        unit = 1024 ** int(math.log(max(vmax, 1), 1024))
        return super().tick_values(vmin / unit, vmax / unit) * unit


def _number(value: float) -> str:
    """As it is where it is small; in thousands, millions, ... where it is large."""
    return f"{value:.4g}" if abs(value) < 1000 else EngFormatter(sep="")(value)


def _bytes(value: float) -> str:
    for word in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.3g} {word}"
        value /= 1024
    return f"{value:.3g} TiB"
