"""How fast a run went, where its time went, and what memory it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from daf_nb.errors import ConfigError
from daf_nb.notebook.plots.picture import PALETTE, QUIET
from daf_nb.notebook.plots.series import draw, frame_of, legend, pictures

if TYPE_CHECKING:
    import pandas as pd

    from daf_nb.record import RunRecord
    from daf_nb.session import Run

__all__ = ["plot_memory", "plot_performance"]

_FULL = 0.9
"""The share at which the rules on memory act."""
_STRETCHES = 400
"""Stretches of a stack: each is drawn at its mean."""
_TIMES = ("time/rollout_seconds", "time/update_seconds")
_SPEED = {"agent-steps": "time/agent_steps_per_second"}
_BUSY = {
    "this process": "system/process_cpu_share",
    "machine": "system/cpu_share",
    "GPU": "system/gpu_share",
}
_PARTS = {
    "policy": "memory/policy_bytes",
    "worlds": "memory/worlds_bytes",
    "curriculum": "memory/curriculum_bytes",
    "buffers": "memory/buffers_bytes",
}
_PROCESS = {"process": "system/memory_bytes"}
_TAKEN = {"machine": "system/memory_share", "GPU": "system/gpu_memory_share"}

_Draw = Callable[[Axes], None]


def plot_performance(
    run: Run | RunRecord | pd.DataFrame, *, axes: Sequence[Axes] | None = None
) -> Figure:
    """Up to three pictures: agent-steps per second, seconds of a cycle, and busy processors.

    A cycle is one rollout and one update; its seconds are stacked. What has no metric is left out.

    Args:
        run: a live run, what `load_run` gave, or metrics indexed by agent-step.
        axes: where to draw, one for each picture. None makes a figure.

    Returns:
        The figure; a new one is not known to pyplot, and shows itself as a notebook cell's value.

    Raises:
        ConfigError: no such metric is there, or the wrong number of `axes`.
    """
    frame = frame_of(run)
    found = {
        "agent-steps per second": _lines(frame, _SPEED, "per second"),
        "seconds of a cycle": _cycle(frame),
        "processors at work": _lines(frame, _BUSY, "share"),
    }
    return _draw(found, axes, needed="time/agent_steps_per_second or time/rollout_seconds")


def plot_memory(
    run: Run | RunRecord | pd.DataFrame, *, axes: Sequence[Axes] | None = None
) -> Figure:
    """Up to three pictures: memory of the parts (logarithmic), of the process, and what is taken.

    Args:
        run: a live run, what `load_run` gave, or metrics indexed by agent-step.
        axes: where to draw, one for each picture. None makes a figure.

    Returns:
        The figure; a new one is not known to pyplot, and shows itself as a notebook cell's value.

    Raises:
        ConfigError: no such metric is there, or the wrong number of `axes`.
    """
    frame = frame_of(run)
    found = {
        "memory of the parts": _lines(frame, _PARTS, "bytes", then=_logarithmic),
        "memory of the process": _lines(frame, _PROCESS, "bytes", then=_from_zero),
        "memory taken": _lines(frame, _TAKEN, "share", then=_mark_full),
    }
    return _draw(found, axes, needed="system/memory_bytes or memory/<part>_bytes")


def _draw(found: Mapping[str, _Draw | None], axes: Any, *, needed: str) -> Figure:
    """The pictures that there are metrics for."""
    drawn = {title: one for title, one in found.items() if one is not None}
    if not drawn:
        raise ConfigError(
            f"these metrics say nothing of it: {needed} is needed. Give the metrics of a training."
        )
    places = pictures(len(drawn), axes, list(drawn), across=1)
    for ax, (title, one) in zip(places, drawn.items(), strict=True):
        one(ax)
        ax.set_title(title, fontsize="medium", loc="left")
    return places[0].figure.figure  # type: ignore[return-value] - a SubFigure's figure is the whole one


def _lines(
    frame: pd.DataFrame,
    named: Mapping[str, str],
    unit: str,
    *,
    then: Callable[[Axes], None] | None = None,
) -> _Draw | None:
    """Draws the columns that are there and have a value; None for none."""
    lines = {label: column for label, column in named.items() if _has(frame, column)}
    if not lines:
        return None

    def drawing(ax: Axes) -> None:
        draw(ax, frame, lines, unit=unit, title="")
        if unit == "share":
            ax.set_ylim(-0.03, 1.03)
        if unit == "per second":
            _from_zero(ax)
        if then is not None:
            then(ax)

    return drawing


def _has(frame: pd.DataFrame, column: str) -> bool:
    return column in frame.columns and bool(np.isfinite(frame[column].to_numpy(float)).any())


def _cycle(frame: pd.DataFrame) -> _Draw | None:
    """Rollout and update, stacked."""
    if not all(_has(frame, column) for column in _TIMES):
        return None

    def drawing(ax: Axes) -> None:
        table = frame[list(_TIMES)].to_numpy(dtype=float)
        there = np.isfinite(table).all(axis=1)
        steps, table = frame.index.to_numpy(dtype=float)[there], table[there]
        width = -(-len(table) // _STRETCHES)
        starts = np.arange(0, len(table), width)
        counts = np.diff(np.append(starts, len(table)))
        means = np.add.reduceat(table, starts, axis=0) / counts[:, None]
        hues = PALETTE[:2]
        ax.stackplot(steps[starts], *means.T, colors=hues, linewidth=0, alpha=0.85)
        ax.set_ylabel("seconds")
        ax.grid(alpha=0.3)
        keys = [Patch(color=hue, alpha=0.85) for hue in hues]
        legend(ax, list(zip(reversed(keys), ("update", "rollout"), strict=True)))

    return drawing


def _logarithmic(ax: Axes) -> None:
    formatter = ax.yaxis.get_major_formatter()
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter(formatter)


def _from_zero(ax: Axes) -> None:
    ax.set_ylim(0, 1.1 * float(ax.dataLim.ymax) or 1.0)


def _mark_full(ax: Axes) -> None:
    ax.axhline(_FULL, color=QUIET, linewidth=1, linestyle="--")
    ax.annotate(
        "rules act",
        (1, _FULL),
        xycoords=("axes fraction", "data"),
        xytext=(-4, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize="small",
        color=QUIET,
    )
