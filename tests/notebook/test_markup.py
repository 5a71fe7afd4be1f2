"""The panel's HTML: small, complete, and nothing from outside becomes markup."""

from __future__ import annotations

import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from daf_nb.notebook.chart import MOST_CURVES, chart
from daf_nb.notebook.curves import Curve, return_curves
from daf_nb.notebook.history import History
from daf_nb.notebook.markup import (
    charts_html,
    course_html,
    curves_html,
    digest_html,
    head_html,
    snapshot_html,
)
from daf_nb.notebook.state import RunState, sentence

HOSTILE = """<script>alert(1)</script><img src=x onerror='x'>&"'</p></div>\x00\x1b[31m"""
STATE = RunState(
    id=3,
    name="spread",
    status="RUNNING",
    done=False,
    wish="",
    step=50,
    total=200,
    rate=10.0,
    seconds=5.0,
    returns={"": 1.0},
    error="",
)


def parse(html: str) -> ElementTree.Element:
    """Strictly: unbalanced or unescaped markup raises."""
    return ElementTree.fromstring(f"<all>{html}</all>")


def words(html: str) -> str:
    return "".join(parse(html).itertext())


def test_the_head_says_the_state_in_full():
    assert words(head_html(STATE)) == f"run 3spread{sentence(STATE)}"


@pytest.mark.parametrize(
    ("status", "done", "said"),
    [
        ("LOST", True, "daf.resume(3) goes on from there"),
        ("FAILED", True, "daf.resume(3) goes on from there"),
        ("INTERRUPTED", True, "daf.resume(3) goes on from there"),
        ("COMPLETED", True, ""),
        ("RUNNING", False, ""),
    ],
)
def test_the_head_of_a_run_that_stopped_early_says_how_it_goes_on(status, done, said):
    state = replace(STATE, status=status, done=done)
    assert words(head_html(state)).endswith(f"{sentence(state)}{said}")


def test_the_progress_bar_has_a_name_and_a_value():
    (bar,) = parse(head_html(STATE)).findall(".//*[@role='progressbar']")
    assert bar.get("aria-label") == "progress of run 3 spread"
    assert (bar.get("aria-valuemin"), bar.get("aria-valuenow"), bar.get("aria-valuemax")) == (
        "0",
        "25",
        "100",
    )


def test_hostile_names_and_messages_stay_text():
    state = replace(
        STATE, name=HOSTILE, error=f"ValueError: {HOSTILE[:-6]}", returns={HOSTILE: 1.0}
    )
    curves = [Curve(HOSTILE, [1, 2], [0.0, 1.0]), Curve("b", [1], [0.0])]
    plain = HOSTILE[:-6]
    more = digest_html({plain: [plain]})
    html = snapshot_html(state, curves, at="12:00:00", live="daf-live-x", more=more)
    html += charts_html({plain: curves}) + course_html({plain: curves[0]}, total=9)
    tags = {element.tag for element in parse(html).iter()}
    assert not tags & {"script", "img"}
    assert HOSTILE[:-6] in words(head_html(state))
    html = snapshot_html(state, curves, at="12:00:00", live="daf-live-x")
    assert "\x1b" not in html and "\0" not in html and r"\x1b[31m" in html


def test_no_attribute_is_left_by_a_hostile_name():
    html = head_html(replace(STATE, name='" onmouseover="x')) + curves_html(
        [Curve('" onload="x', [1], [1.0]), Curve("b", [1], [1.0])], total=10
    )
    names = {name for element in parse(html).iter() for name in element.attrib}
    assert not {name for name in names if name.startswith("on")}


def test_the_error_of_a_failed_run_is_shown():
    state = replace(STATE, status="FAILED", done=True, error="ValueError: no\nsecond line")
    assert parse(head_html(state)).findtext(".//pre") == "ValueError: no\nsecond line"


def test_the_chart_is_told_in_words_too():
    label = parse(chart([Curve("", [10, 20], [-3.0, 4.5])], total=100)).find("svg")
    assert label is not None and label.get("role") == "img"
    assert label.get("aria-label") == (
        "Return per agent: from -3.00 at 10 to 4.50 at 20 agent-steps"
    )


def test_a_hundred_thousand_updates_stay_a_small_picture():
    rows = [
        (6_144 * step, {"rollout/return_mean": math.sin(step) * 1e6}) for step in range(100_000)
    ]
    history = History(rows)
    history.read()
    assert len(curves_html(return_curves(history), total=10**9)) < 10_000


def points(html: str) -> list[tuple[float, float]]:
    line = parse(html).find(".//polyline")
    assert line is not None
    pairs = (pair.split(",") for pair in line.get("points", "").split())
    return [(float(x), float(y)) for x, y in pairs]


def test_the_axis_ends_at_the_total_or_at_the_last_step_beyond_it():
    (half, _), (full, _) = points(chart([Curve("", [50, 100], [0.0, 1.0])], total=100))
    assert points(chart([Curve("", [50, 100], [0.0, 1.0])], total=10))[1][0] == full
    assert half - 52 == pytest.approx(full - half, abs=0.2)


def test_higher_returns_are_drawn_higher():
    (_, low), (_, high), (_, middle) = points(chart([Curve("", [1, 2, 3], [-5, 5, 0])], total=3))
    assert high < middle < low


@pytest.mark.parametrize(
    "means", [[0.0], [5.0, 5.0], [1e-12, 2e-12], [-1e99, 1e99], [1e15, 1e15 + 1]]
)
def test_every_range_can_be_drawn(means):
    html = chart([Curve("", range(1, len(means) + 1), means)], total=10)
    assert all(0 <= y <= 230 for _, y in points(html))


def test_groups_beyond_those_that_can_be_told_apart_are_counted():
    curves = [Curve(f"group {n}", [1], [float(n)]) for n in range(MOST_CURVES + 3)]
    html = curves_html(curves, total=10)
    assert len(parse(html).findall(".//polyline")) == MOST_CURVES
    assert words(html).endswith(f"group {MOST_CURVES - 1}3 more" + words(chart(curves, total=10)))


def test_a_run_without_an_episode_says_so():
    assert words(curves_html([], total=10)) == "No episode has ended."


def band(html: str) -> list[tuple[float, float]]:
    surface = parse(html).find(".//polygon")
    assert surface is not None
    pairs = (pair.split(",") for pair in surface.get("points", "").split())
    return [(float(x), float(y)) for x, y in pairs]


def test_an_interval_is_a_surface_around_the_line_where_it_is_known():
    nan = math.nan
    one = Curve("", [1, 2, 3], [1.0, 2.0, 3.0], [nan, 1.5, 2.5], [nan, 2.5, 3.5])
    html = chart([one], total=3)
    line, surface = points(html), band(html)
    assert [x for x, _ in surface] == [line[1][0], line[2][0], line[2][0], line[1][0]]
    (_, top), _, _, (_, bottom) = surface
    assert top < line[1][1] < bottom
    assert "(95 % interval 2.50 to 3.50)" in html
    assert "95 % interval" in words(curves_html([one], total=3))
    assert "polygon" not in chart([Curve("", [1, 2], [1.0, 2.0])], total=3)


def test_a_wide_interval_is_cut_and_does_not_flatten_the_line():
    means = [1.0, 2.0, 1.5]
    one = Curve("", [1, 2, 3], means, [-1e9, 1.9, 1.4], [1e9, 2.1, 1.6])
    html = chart([one], total=3)
    heights = [y for _, y in points(html)]
    assert max(heights) - min(heights) > 60
    assert all(0 <= y <= 230 for _, y in band(html))


def test_small_pictures_tell_the_newest_values():
    html = charts_html({"loss": [Curve("a", [1, 2], [2.0, 0.5]), Curve("b", [1], [0.25])]})
    assert words(html).startswith("loss0.5, 0.25")
    assert charts_html({}) == ""


def test_a_curriculum_is_drawn_between_nought_and_one():
    html = course_html({"difficulty": Curve("", [1, 2], [0.0, 1.0]), "success": None}, total=2)
    (_, bottom), (_, top) = points(html)
    assert (bottom, top) == (114, 10)
    assert course_html({"difficulty": None}, total=2) == ""
