"""Any metrics of a run, one picture each, over agent-steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from daf_nb.errors import ConfigError, unknown_name
from daf_nb.notebook.plots.series import by_group, draw, frame_of, pictures, unit_of

if TYPE_CHECKING:
    import pandas as pd

    from daf_nb.record import RunRecord
    from daf_nb.session import Run

__all__ = ["plot_metrics"]

_USUAL = (
    "rollout/return_mean",
    "rollout/success_rate",
    "rollout/length_mean",
    "curriculum/difficulty",
    "train/approx_kl",
    "train/entropy_share",
    "train/explained_variance",
    "train/gradient_norm",
    "train/value_loss",
    "time/agent_steps_per_second",
)
_MOST = 10


def plot_metrics(
    run: Run | RunRecord | pd.DataFrame,
    names: str | Sequence[str] | None = None,
    *,
    axes: Axes | Sequence[Axes] | None = None,
) -> Figure:
    """One picture for each metric, with a line for each group that has one of its own.

    Of 60 values and more, the running mean over a thirtieth of them is drawn on top.

    Args:
        run: a live run, what `load_run` gave, or metrics indexed by agent-step.
        names: which; `train/loss` stands for `train/wolves/loss` and `train/sheep/loss` too. By
            default the usual ones that there are, else the first ten.
        axes: where to draw, one for each name. None makes a figure.

    Returns:
        The figure; a new one is not known to pyplot, and shows itself as a notebook cell's value.

    Raises:
        ConfigError: no metrics, an unknown name, or the wrong number of `axes`.
    """
    frame = frame_of(run)
    columns = [str(column) for column in frame.columns]
    wanted = _wanted(columns, names)
    places = pictures(len(wanted), axes, wanted, across=1 if len(wanted) < 3 else 2)
    for ax, name in zip(places, wanted, strict=True):
        draw(ax, frame, by_group(columns, name), unit=unit_of(name), title=name)
    return places[0].figure.figure  # type: ignore[return-value] - a SubFigure's figure is the whole one


def _wanted(columns: Sequence[str], names: str | Sequence[str] | None) -> list[str]:
    if names is None:
        usual = [name for name in _USUAL if by_group(columns, name)]
        found = usual or list(columns)[:_MOST]
        if not found:
            raise ConfigError("there are no metrics yet; the first come with the first update.")
        return found
    wanted = [names] if isinstance(names, str) else list(names)
    for name in wanted:
        if not by_group(columns, name):
            raise ConfigError(unknown_name("metric", name, columns))
    if not wanted:
        raise ConfigError("names=[]: at least one metric is needed; None draws the usual ones.")
    return wanted
