"""Pictures of metrics: every line that is asked for, its values, its units, any name as it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure

from daf_nb.errors import ConfigError
from daf_nb.notebook.plots import plot_memory, plot_metrics, plot_performance
from daf_nb.notebook.plots.series import unit_of

HOSTILE = r"$\frac{1}{$ a_b"
MIB = 1 << 20
STEPS = [100, 200, 300, 400]


def frame(**columns: Any) -> pd.DataFrame:
    named = {name.replace("__", "/"): values for name, values in columns.items()}
    return pd.DataFrame(named, index=pd.Index(STEPS, name="step"))


def titles(figure: Figure) -> list[str]:
    return [ax.get_title(loc="left").replace(r"\$", "$") for ax in figure.axes]


def legend(ax: Axes) -> list[str]:
    box = ax.get_legend()
    return [] if box is None else [text.get_text().replace(r"\$", "$") for text in box.get_texts()]


def points(ax: Axes) -> list[list[tuple[float, float]]]:
    return [[tuple(point) for point in line.get_xydata().tolist()] for line in ax.lines]  # type: ignore[union-attr]


def ticks(figure: Figure, ax: Axes) -> list[str]:
    figure.canvas.draw()
    return [text.get_text() for text in ax.get_yticklabels()]


def test_a_metric_is_drawn_for_each_group_and_gaps_are_joined():
    data = frame(
        train__wolf__loss=[4.0, np.nan, 2.0, 1.0],
        train__sheep__loss=[1.0, 1.0, np.inf, 1.0],
        train__loss_of=[0.0] * 4,
    )
    (ax,) = plot_metrics(data, "train/loss").axes
    assert legend(ax) == ["wolf", "sheep"]
    assert points(ax) == [
        [(100, 4), (300, 2), (400, 1)],
        [(100, 1), (200, 1), (400, 1)],
    ]


def test_the_usual_metrics_are_drawn_where_none_is_named_else_what_there_is():
    data = frame(
        rollout__return_mean=[1.0] * 4,
        rollout__wolf__return_mean=[2.0] * 4,
        rollout__task__near__return_mean=[3.0] * 4,
        train__approx_kl=[0.01] * 4,
        of_mine=[1.0] * 4,
    )
    figure = plot_metrics(data)
    assert titles(figure) == ["rollout/return_mean", "train/approx_kl"]
    assert legend(figure.axes[0]) == ["all", "wolf"]
    assert titles(plot_metrics(data.drop(columns=data.columns[:-1]))) == ["of_mine"]


def test_a_run_and_a_record_are_drawn_by_their_metrics():
    data = frame(of_mine=[1.0, 2.0, 3.0, 4.0])
    for source in (data, SimpleNamespace(metrics=data), SimpleNamespace(metrics=lambda: data)):
        (ax,) = plot_metrics(source, ["of_mine"]).axes  # type: ignore[arg-type]
        assert points(ax) == [[(100, 1), (200, 2), (300, 3), (400, 4)]]


def test_unknown_names_and_things_without_metrics_are_refused():
    data = frame(train__loss=[1.0] * 4)
    with pytest.raises(ConfigError, match=r"Did you mean 'train/loss'"):
        plot_metrics(data, "train/los")
    with pytest.raises(ConfigError, match="int has no metrics to draw"):
        plot_metrics(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="at least one metric"):
        plot_metrics(data, [])
    with pytest.raises(ConfigError, match="no metrics yet"):
        plot_metrics(pd.DataFrame(index=STEPS))
    for draw in (plot_performance, plot_memory):
        with pytest.raises(ConfigError, match="say nothing of it"):
            draw(data)


def test_any_name_is_shown_as_it_is(tmp_path):
    data = pd.DataFrame({f"train/{HOSTILE}/loss": [1.0], "train/_x/loss": [2.0]}, index=[1])
    figure = plot_metrics(data, "train/loss")
    assert legend(figure.axes[0]) == [HOSTILE, " _x"]
    hostile = plot_metrics(pd.DataFrame({HOSTILE: [1.0]}, index=[1]), HOSTILE)
    assert titles(hostile) == [HOSTILE]
    assert not is_math_text(hostile.axes[0].get_title(loc="left"))
    for each in (figure, hostile):
        each.savefig(tmp_path / "drawn.png")


def test_a_long_series_keeps_its_extremes_under_its_running_mean():
    values = np.sin(np.arange(50_000.0))
    values[31_234] = 40.0
    data = pd.DataFrame({"a": values}, index=np.arange(50_000))
    (ax,) = plot_metrics(data, "a").axes
    raw, mean = points(ax)
    assert len(raw) <= 2_000 and (31_234, 40.0) in raw
    assert max(abs(y) for _, y in mean) < 0.1


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("memory/policy_bytes", "bytes"),
        ("time/update_seconds", "seconds"),
        ("time/agent_steps_per_second", "per second"),
        ("system/cpu_share", "share"),
        ("rollout/success_rate", "share"),
        ("train/learning_rate", ""),
        ("train/loss", ""),
    ],
)
def test_a_unit_is_what_a_name_ends_in(name, unit):
    assert unit_of(name) == unit


def test_bytes_shares_and_numbers_have_ticks_in_their_units():
    data = frame(
        a_bytes=[0.0, 100.0 * MIB, 300.0 * MIB, 400.0 * MIB],
        b_share=[0.0, 0.5, 0.25, 1.0],
        c=[0.0, 0.5, 0.25, 1.0],
        d_per_second=[0.0, 5000.0, 10_000.0, 20_000.0],
    )
    figure = plot_metrics(data, ["a_bytes", "b_share", "c", "d_per_second"])
    a, b, c, d = (ticks(figure, ax) for ax in figure.axes)
    assert {"80 MiB", "160 MiB", "400 MiB"} <= {*a}
    assert "40%" in b and "0.4" in c and "10k" in d
    assert figure.axes[3].get_ylabel() == "per second"


def test_performance_has_speed_cycle_and_processors_as_far_as_they_are_known():
    times = {"time__rollout_seconds": [1.0, 3.0, 1.0, 1.0], "time__update_seconds": [2.0] * 4}
    speed = {"time__agent_steps_per_second": [10.0] * 4}
    busy = {"system__cpu_share": [0.5, np.nan, np.nan, 0.7], "system__gpu_share": [np.nan] * 4}
    figure = plot_performance(frame(**speed, **times, **busy))
    assert titles(figure) == ["agent-steps per second", "seconds of a cycle", "processors at work"]
    _, cycle, share = figure.axes
    assert legend(cycle) == ["update", "rollout"]
    paths = [stack.get_paths()[0] for stack in cycle.collections]
    assert [np.asarray(path.vertices)[:, 1].max() for path in paths] == [3.0, 5.0]
    assert points(share) == [[(100, 0.5), (400, 0.7)]]
    assert titles(plot_performance(frame(**speed))) == ["agent-steps per second"]


def test_memory_has_parts_process_and_share():
    parts = {f"memory__{part}_bytes": [float(MIB)] + [np.nan] * 3 for part in ("policy", "buffers")}
    figure = plot_memory(
        frame(**parts, system__memory_bytes=[400.0 * MIB] * 4, system__memory_share=[0.2] * 4)
    )
    assert titles(figure) == ["memory of the parts", "memory of the process", "memory taken"]
    own, process, taken = figure.axes
    assert legend(own) == ["policy", "buffers"] and own.get_yscale() == "log"
    low, high = process.get_ylim()
    assert low == 0 and high > 400 * MIB
    assert points(taken)[0][0] == (100, 0.2) and taken.texts[0].get_text() == "rules act"


def test_pictures_are_drawn_on_axes_that_are_given():
    figure = Figure()
    axes = figure.subplots(2)
    data = frame(a=[1.0] * 4, b=[2.0] * 4)
    assert plot_metrics(data, ["a", "b"], axes=axes) is figure
    with pytest.raises(ConfigError, match="2 are needed: a, b"):
        plot_metrics(data, ["a", "b"], axes=axes[0])
