"""The pictures say what the data says: every bin, every empty one, every name as it is written."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.axes import Axes
from matplotlib.cbook import is_math_text
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from daf_nb.curriculum.slices import slice_outcomes
from daf_nb.errors import ConfigError
from daf_nb.notebook.plots import plot_curriculum, plot_slices

HOSTILE = r"$\frac{1}{$ a_b $x$ \$"
NAN = float("nan")


def outcomes(*bins: tuple[dict[str, Any], int, int]) -> list:
    """(values, successes, episodes) as single outcomes."""
    return [(values, float(k < s)) for values, s, n in bins for k in range(n)]


LINE = outcomes(({"d": 0.0}, 4, 4), ({"d": 0.3}, 1, 2), ({"d": 0.5}, 0, 3), ({"d": 1.0}, 0, 1),
                ({"d": 0.9}, 1, 1), ({"d": 0.35}, 1, 1))  # fmt: skip
PLANE = outcomes(
    ({"map": "a", "n": 1}, 3, 4), ({"map": "a", "n": 2}, 0, 2), ({"map": "b", "n": 1}, 1, 1)
)


def shown(text: Text) -> str:
    return text.get_text().replace(r"\$", "$")


def words(ax: Axes) -> list[str]:
    return [shown(text) for text in ax.texts]


def hatched(ax: Axes) -> list[Rectangle]:
    return [p for p in ax.patches if isinstance(p, Rectangle) and p.get_hatch()]


def labels(ax: Axes, which: str) -> list[str]:
    axis = ax.xaxis if which == "x" else ax.yaxis
    return [shown(text) for text in axis.get_ticklabels()]


def legend(ax: Axes) -> list[str]:
    box = ax.get_legend()
    return [shown(text) for text in box.get_texts()] if box else []


def named(figure: Figure) -> dict[str, Axes]:
    return {ax.get_ylabel(): ax for ax in figure.axes}


def line_data(ax: Axes) -> list[list[tuple[float, float]]]:
    return [list(map(tuple, np.array(line.get_xydata()).tolist())) for line in ax.lines]


def corners(area: Any) -> np.ndarray:
    """Float [corners, 2] of a stacked area."""
    return np.asarray(area.get_paths()[0].vertices)


def metrics(*, tasks: int = 0, rows: int = 4, **columns: list[float]) -> pd.DataFrame:
    """Rows at steps 10, 20, ...; the later a task, the larger its share."""
    table: dict[str, Any] = {f"curriculum/{name}": values for name, values in columns.items()}
    for k in range(tasks):
        table[f"curriculum/share/t{k}"] = [(k + 1) / sum(range(tasks + 1))] * rows
        table[f"curriculum/success/t{k}"] = [k / 10] * rows
    return pd.DataFrame(table, index=pd.Index([10 * (k + 1) for k in range(rows)], name="step"))


def test_one_axis_has_a_point_and_a_bar_for_each_bin_that_is_not_empty():
    slices = slice_outcomes(LINE, "d")
    (ax,) = plot_slices(slices).axes
    seen = slices.episodes > 0
    assert slices.episodes.tolist() == [4, 3, 3, 0, 2]
    (points,) = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(
        np.array(points.get_xydata()), np.c_[[0, 1, 2, 4], slices.success[seen]]
    )
    bars: Any = ax.collections[0]
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, np.c_[slices.low[seen], slices.high[seen]])
    assert labels(ax, "x")[0] == "0..0.2\n(4)" and ax.get_xlabel() == "d (episodes)"


def test_the_empty_bin_of_one_axis_is_hatched_and_says_so():
    (ax,) = plot_slices(slice_outcomes(LINE, "d")).axes
    (patch,) = hatched(ax)
    assert (patch.get_x(), patch.get_width()) == (2.5, 1)
    assert [(text.get_text(), text.get_position()[0]) for text in ax.texts] == [("empty", 3)]


def test_two_axes_have_rate_and_number_in_each_cell():
    ax, bar = plot_slices(slice_outcomes(PLANE, ["map", "n"])).axes
    told = {text.get_position(): shown(text) for text in ax.texts}
    assert told == {
        (0, 0): "0.75\n(4)",
        (0, 1): "0.00\n(2)",
        (1, 0): "1.00\n(1)",
        (1, 1): "empty",
    }
    assert (labels(ax, "x"), labels(ax, "y")) == (["a", "b"], ["1", "2"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("map", "n")
    (patch,) = hatched(ax)
    assert patch.get_xy() == (0.5, 0.5)
    assert bar.get_ylim() == (0, 1) and "success rate" in bar.get_ylabel()


def test_the_cells_colours_are_of_the_rates_and_the_empty_one_has_none():
    ax, _ = plot_slices(slice_outcomes(PLANE, ["map", "n"])).axes
    (image,) = ax.images
    drawn = np.ma.asarray(image.get_array())
    assert image.get_clim() == (0, 1)
    assert drawn.filled(-1).tolist() == [[0.75, 1.0], [0.0, -1]]
    inks = {text.get_position(): text.get_color() for text in ax.texts}
    assert (inks[1, 0], inks[0, 1]) == ("black", "white")


def test_three_axes_are_a_heatmap_for_each_value_of_the_third():
    pairs = [({**values, "k": k}, s) for values, s in PLANE for k in "xyz" if (k, s) != ("z", 0)]
    slices = slice_outcomes(pairs, ["map", "n", "k"])
    figure = plot_slices(slices)
    heatmaps = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in heatmaps] == ["k = x", "k = y", "k = z"]
    assert [len(ax.texts) for ax in heatmaps] == [4, 4, 4]
    assert words(heatmaps[2]) == ["1.00\n(3)", "empty", "1.00\n(1)", "empty"]
    assert len(figure.axes) == 4, "one colour bar for all"


def test_more_heatmaps_than_fit_beside_each_other_go_into_further_rows():
    pairs = [({"a": a, "b": b, "c": c}, 1.0) for a in range(5) for b in range(2) for c in range(9)]
    figure = plot_slices(slice_outcomes(pairs, ["a", "b", "c"], bins=9))
    tops = {round(ax.get_position().y0, 2) for ax in figure.axes if ax.images}
    assert sum(bool(ax.images) for ax in figure.axes) == 9 and len(tops) > 1
    assert figure.get_figwidth() <= 18


def test_what_was_left_out_is_told():
    told = plot_slices(slice_outcomes([*PLANE, ({"map": "a"}, 1.0)], ["map", "n"])).get_suptitle()
    assert told == "1 of 8 episodes have no place on these axes"
    assert plot_slices(slice_outcomes(PLANE, "map")).get_suptitle() == ""


def test_slices_are_drawn_where_the_caller_says():
    figure, axes = plt.subplots(1, 2)
    assert plot_slices(slice_outcomes(PLANE, ["map", "n"]), ax=axes[1]) is figure
    assert len(axes[1].texts) == 4 and not axes[0].has_data()
    pairs = [({**values, "k": 0}, s) for values, s in PLANE]
    slices = slice_outcomes([*pairs, ({"map": "a", "n": 1, "k": 1}, 1.0)], ["map", "n", "k"])
    plot_slices(slices, ax=axes)
    assert axes[0].get_title() == "k = 0" and words(axes[1]).count("empty") == 1 + 3
    with pytest.raises(ConfigError, match=r"1 axes were given; 2 are needed: k = 0, k = 1"):
        plot_slices(slices, ax=axes[0])
    with pytest.raises(ConfigError, match="2 axes were given; 1 are needed: success"):
        plot_slices(slice_outcomes(PLANE, ["map", "n"]), ax=axes)
    plt.close(figure)


def test_difficulty_shares_and_success_share_their_steps():
    table = metrics(tasks=2, difficulty=[0.1, 0.2, 0.3, 0.4], success=[0.5, 0.6, 0.7, 0.8])
    figure = plot_curriculum(table)
    pictures = named(figure)
    assert list(pictures) == ["difficulty", "share", "success"]
    assert line_data(pictures["difficulty"]) == [[(10, 0.1), (20, 0.2), (30, 0.3), (40, 0.4)]]
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    assert [ax.get_xlabel() for ax in figure.axes] == ["", "", "agent-steps"]
    thin, overall = pictures["success"].lines[:2], pictures["success"].lines[2]
    assert np.array(overall.get_ydata()).tolist() == [0.5, 0.6, 0.7, 0.8]
    assert overall.get_linewidth() > max(line.get_linewidth() for line in thin)


def test_stacked_shares_reach_one_and_keep_the_curriculums_order():
    ax = named(plot_curriculum(metrics(tasks=3)))["share"]
    tops = [corners(area)[:, 1].max() for area in ax.collections]
    np.testing.assert_allclose(tops, [1 / 6, 3 / 6, 1])
    assert legend(ax) == ["t2", "t1", "t0"], "as they are stacked, the upmost first"


def test_a_task_has_one_colour_in_all_pictures():
    pictures = named(plot_curriculum(metrics(tasks=3)))
    areas = [to_hex(np.array(area.get_facecolor())[0]) for area in pictures["share"].collections]
    lines = [to_hex(line.get_color()) for line in pictures["success"].lines]
    assert areas == lines and len(set(areas)) == 3


def test_beyond_six_tasks_those_with_the_largest_shares_are_named():
    pictures = named(plot_curriculum(metrics(tasks=9, success=[0.5] * 4)))
    assert legend(pictures["share"]) == ["3 others", "t8", "t7", "t6", "t5", "t4", "t3"]
    assert len(pictures["share"].collections) == 7
    assert legend(pictures["success"]) == ["all episodes"]
    greys = [line for line in pictures["success"].lines if line.get_color() == "#8c8c8c"]
    assert len(greys) == 3 and len(pictures["success"].lines) == 10


def test_legends_stand_outside():
    figure = plot_curriculum(metrics(tasks=9))
    figure.draw_without_rendering()
    ax = named(figure)["share"]
    box = ax.get_legend()
    assert box is not None
    assert box.get_window_extent().x0 >= ax.get_window_extent().x1
    assert box.get_window_extent().x1 <= figure.bbox.x1


def test_one_task_has_no_picture_of_shares_and_its_success_is_named():
    pictures = named(plot_curriculum(metrics(tasks=1, success=[0.1] * 4)))
    assert list(pictures) == ["success"]
    assert legend(pictures["success"]) == ["all episodes", "t0"]


def test_what_is_nan_or_none_is_not_drawn():
    table = metrics(difficulty=[NAN, 0.2, float("inf"), 0.4])
    table["curriculum/success/t"] = [None, 0.5, None, None]
    table["curriculum/share/a"] = [NAN, 1.0, NAN, 0.25]
    table["curriculum/share/b"] = [NAN, NAN, NAN, 0.75]
    pictures = named(plot_curriculum(table))
    assert line_data(pictures["difficulty"]) == [[(20, 0.2), (40, 0.4)]]
    assert line_data(pictures["success"]) == [[(20, 0.5)]]
    assert pictures["success"].lines[0].get_marker() == "o", "a line of one point is not seen"
    for area in pictures["share"].collections:
        assert np.isfinite(corners(area)).all() and set(corners(area)[:, 0]) == {20, 40}


def test_a_run_that_has_just_begun_has_empty_pictures():
    pictures = named(plot_curriculum(metrics(tasks=2, rows=0, difficulty=[])))
    assert line_data(pictures["difficulty"]) == [[]]
    assert len(pictures) == 3


@pytest.mark.parametrize("columns", [[], ["rollout/return_mean"], ["curriculum/else"]], ids=str)
def test_metrics_without_a_curriculum_are_refused(columns):
    table = pd.DataFrame({name: [1.0] for name in columns})
    with pytest.raises(ConfigError, match=r"curriculum/difficulty.*trained with a curriculum"):
        plot_curriculum(table)


def test_a_curriculum_is_drawn_where_the_caller_says():
    figure, axes = plt.subplots(3)
    table = metrics(difficulty=[0.1] * 4, success=[0.2] * 4)
    assert plot_curriculum(table, axes=axes[:2]) is figure
    assert [len(ax.lines) for ax in axes] == [1, 1, 0]
    with pytest.raises(ConfigError, match="3 axes were given; 2 are needed: difficulty, success"):
        plot_curriculum(table, axes=axes)
    plt.close(figure)


@pytest.mark.parametrize("name", [HOSTILE, "_hidden", "two\nlines", "$5 and $6", "x" * 500])
def test_names_are_shown_as_they_are_written_and_parse_as_no_formula(name, recwarn):
    pairs = [({name: f"{name}{k}", "b": name, "c": name}, 1.0) for k in (1, 2)]
    table = metrics(tasks=2).rename(
        columns=lambda column: column.replace("t0", name) if "/" in column else column
    )
    figures = [
        plot_slices(slice_outcomes(pairs, name)),
        plot_slices(slice_outcomes(pairs, [name, "b"])),
        plot_slices(slice_outcomes(pairs, ["b", "c", name])),
        plot_curriculum(table),
        plot_curriculum(table.drop(columns=[c for c in table if "share" in c])),
    ]
    for figure in figures:
        figure.draw_without_rendering()
        texts = [text.get_text() for text in figure.findobj(Text)]
        assert not [text for text in texts if is_math_text(text)]
    expected = name.replace("\n", r"\n")
    expected = expected if len(expected) <= 32 else f"{expected[:31]}…"
    assert figures[1].axes[0].get_xlabel().replace(r"\$", "$") == expected
    assert [word.strip() for word in legend(named(figures[3])["share"])] == ["t1", expected]
    assert [word.strip() for word in legend(named(figures[4])["success"])] == [expected, "t1"]
    assert not [w for w in recwarn if "matplotlib" in str(w.filename)]


def test_a_new_figure_shows_itself_and_leaves_no_trace_in_pyplot():
    before = dict(matplotlib.rcParams)
    figures = [plot_slices(slice_outcomes(PLANE, "map")), plot_curriculum(metrics(tasks=2))]
    assert plt.get_fignums() == [] and dict(matplotlib.rcParams) == before
    for figure in figures:
        data, _ = DisplayFormatter().format(figure)
        assert data["image/png"].startswith(b"\x89PNG")


def test_drawing_needs_no_pyplot():
    code = (
        "import sys; from daf_nb.curriculum.slices import slice_outcomes\n"
        "from daf_nb.notebook.plots import plot_slices\n"
        "plot_slices(slice_outcomes([({'a': 1}, 1.0)], 'a'))._repr_png_()\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
