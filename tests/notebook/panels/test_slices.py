"""Slices as a table that is coloured, and read only when asked for."""

from __future__ import annotations

from xml.etree import ElementTree

import daf_nb as daf
from daf_nb.curriculum.slices import slice_outcomes
from daf_nb.notebook.panels.slices import SlicesView, heat_html

OUTCOMES = [({"wind": "<b>", "size": size}, float(size < 3)) for size in range(4) for _ in "ab"]


def texts(html: str) -> list[list[str]]:
    rows = ElementTree.fromstring(html).findall(".//tr")
    return [["|".join(cell.itertext()) for cell in row] for row in rows]


def test_two_axes_make_a_table_the_first_across():
    outcomes = [*OUTCOMES, ({"wind": "calm", "size": 0}, 0.0)]
    html = heat_html(slice_outcomes(outcomes, ["size", "wind"]))
    assert texts(html) == [
        ["wind", "0", "1", "2", "3"],
        ["<b>", "1.00|2", "1.00|2", "1.00|2", "0.00|2"],
        ["calm", "0.00|1", "none", "none", "none"],
    ]
    assert "over 9 episodes" in html


def test_one_axis_is_one_row():
    html = heat_html(slice_outcomes(OUTCOMES, "size"))
    assert texts(html)[1] == ["all", "1.00|2", "1.00|2", "1.00|2", "0.00|2"]
    assert "--daf-rate: 55%" in html and "--daf-rate: 0%" in html


def test_what_has_no_room_is_told():
    outcomes = [({"name": f"n{n:02}"}, 1.0) for n in range(30)]
    html = heat_html(slice_outcomes([*outcomes, ({}, 1.0)], "name"))
    assert len(texts(html)[0]) == 25
    assert "bins that are not shown: 6 of name" in html
    assert "1 have no place here" in html


def played() -> daf.CurriculumManager:
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="uniform", seed=0))
    manager.add_task("far", difficulty=0.5, config={"wind": daf.Choice("calm", "strong")})
    return manager


def test_it_offers_what_tasks_are_played_with_and_reads_when_asked():
    manager = played()
    view = SlicesView(manager)
    assert view.across.options == ("task", "difficulty", "wind")
    assert view._shown.value == ""
    view.read.click()
    assert "no episode has ended yet" in view._shown.value
    for _ in range(20):
        assignment = manager.get_next_task()
        manager.update_task_performance(assignment, float(assignment.values["wind"] == "calm"))
    view.across.value = "wind"
    (_, *heads), (_, *cells) = texts(view._shown.value)
    assert heads == ["calm", "strong"]
    assert [cell.split("|")[0] for cell in cells] == ["1.00", "0.00"]
    view.down.value = "task"
    assert texts(view._shown.value)[1][0] == "far"


def test_where_nothing_was_kept_it_says_so():
    manager = daf.CurriculumManager(daf.CurriculumConfig(enable_slice_analysis=False))
    manager.add_task("far", difficulty=0.5)
    view = SlicesView(manager)
    view.read.click()
    assert "enable_slice_analysis=False" in view._shown.value
