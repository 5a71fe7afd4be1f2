"""What was found, turned to and picked."""

from __future__ import annotations

import pytest

from daf_nb.errors import RecordError
from daf_nb.notebook.browser.finding import PAGE, Finding
from daf_nb.notebook.browser.hearing import apply
from daf_nb.notebook.browser.rows import read_rows
from tests.record.written import write_run

MANY = 2 * PAGE + 3


@pytest.fixture
def finding(tmp_path):
    for number in range(1, MANY + 1):
        tags = ["even"] if number % 2 == 0 else ["odd", "<b>odd</b>"]
        write_run(tmp_path, number, name=f"run {number:03}", ours={"tags": tags})
    finding = Finding()
    finding.learn(read_rows(tmp_path, {}))
    return finding


def shown(finding):
    return [row["id"] for row in finding.shown()]


def test_one_page_is_shown_the_newest_first(finding):
    assert shown(finding) == list(range(MANY, MANY - PAGE, -1))
    finding.turn(2)
    assert shown(finding) == [3, 2, 1]
    view = finding.view()
    assert (view["first"], view["page"], view["pages"]) == (2 * PAGE + 1, 2, 3)
    assert (view["found"], view["known"]) == (MANY, MANY)


def test_a_page_that_is_not_there_is_the_nearest_that_is(finding):
    finding.turn(99)
    assert finding.page == 2
    finding.turn(-1)
    assert finding.page == 0
    finding.turn(2)
    finding.learn({number: finding.known[number] for number in (1, 2)})
    assert (finding.page, shown(finding)) == (0, [2, 1])


def test_asking_goes_to_the_first_page(finding):
    finding.turn(1)
    finding.ask(search="run 00")
    assert finding.page == 0
    assert shown(finding) == [9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_the_same_column_again_sorts_the_other_way_round(finding):
    finding.sort_by("id")
    assert (finding.query.sort, shown(finding)[0]) == ("id", 1)
    finding.sort_by("id")
    assert (finding.query.sort, shown(finding)[0]) == ("-id", MANY)
    finding.sort_by("name")
    assert (finding.query.sort, shown(finding)[0]) == ("name", 1)


def test_what_is_picked_stays_picked_whatever_is_asked_for(finding):
    finding.pick([5, 2])
    finding.ask(tag="odd", sort="name")
    assert finding.picked == [5, 2]
    assert [row["id"] for row in finding.shown() if row["picked"]] == [5]
    view = finding.view()
    assert (view["picked"], view["unseen"], view["all"]) == (2, 1, "some")
    finding.pick([2], on=False)
    assert finding.picked == [5]


def test_all_are_those_found_on_every_page(finding):
    finding.ask(tag="even")
    finding.pick([row.id for row in finding.rows])
    assert len(finding.picked) == MANY // 2 > PAGE
    assert finding.view()["all"] == "all"
    finding.ask(tag="odd")
    assert finding.view()["all"] == "none"


def test_a_run_that_is_gone_is_not_picked_any_more(finding):
    finding.pick([1, 2])
    finding.learn({number: row for number, row in finding.known.items() if number != 2})
    assert finding.picked == [1]


def test_a_run_that_is_not_there_is_refused_and_nothing_picked(finding):
    with pytest.raises(RecordError, match="no run 999"):
        finding.pick([1, 999])
    assert finding.picked == []


def test_statuses_and_tags_are_offered_with_their_numbers(finding):
    view = finding.view()
    assert view["statuses"] == [{"value": "COMPLETED", "text": f"COMPLETED ({MANY})"}]
    assert {tag["value"]: tag["text"] for tag in view["tags"]} == {
        "<b>odd</b>": f"<b>odd</b> ({MANY - MANY // 2})",
        "even": f"even ({MANY // 2})",
        "odd": f"odd ({MANY - MANY // 2})",
    }


def test_what_is_asked_for_is_offered_though_no_run_has_it(finding):
    finding.ask(status="LOST", tag="gone")
    view = finding.view()
    assert {"value": "LOST", "text": "LOST (0)"} in view["statuses"]
    assert {"value": "gone", "text": "gone (0)"} in view["tags"]
    assert (view["first"], view["found"], shown(finding)) == (0, 0, [])


def test_a_view_is_told_which_of_its_picks_are_in_what_is_shown(finding):
    apply(finding, {"pick": [3], "on": True, "by": "here", "turn": 1})
    apply(finding, {"pick": [3], "on": False, "by": "there", "turn": 1})
    apply(finding, {"pick": [1, 10**6], "on": True, "by": "here", "turn": 2})
    assert finding.picked == [1]
    assert finding.view()["turns"] == {"here": 2, "there": 1}
