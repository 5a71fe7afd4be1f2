"""Which runs are found, and in which order."""

from __future__ import annotations

import pytest

from daf_nb.errors import ConfigError
from daf_nb.notebook.browser.query import SORTABLE, Query, found
from daf_nb.notebook.browser.rows import read_rows
from tests.record.written import write_run


@pytest.fixture
def rows(tmp_path):
    tell = {
        1: ("warm-up", {"tags": ["spread", "paper"], "return_best": 3.0, "cell_line": "train(1)"}),
        2: ("Warm Wölfe", {"tags": ["Tag"], "world": "mpe2.simple_tag_v3", "return_best": -1.0}),
        3: ("baseline", {"steps": 100, "return_best": "Infinity"}),
        4: ("", {"tags": [], "return_best": 3.0}),
    }
    for number, (name, ours) in tell.items():
        status = "FAILED" if number == 3 else "COMPLETED"
        write_run(tmp_path, number, name=name, status=status, ours={"name": name, **ours})
    (tmp_path / "5").mkdir()
    return read_rows(tmp_path, {}).values()


def ids(rows, **asked):
    return [row.id for row in found(rows, Query(**asked))]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("warm", [2, 1]),
        ("WARM spread", [1]),
        ("wölfe", [2]),
        ("simple_tag", [2]),
        ("train(1)", [1]),
        ("paper", [1]),
        ("failed", [3]),
        ("5", [5]),
        ("  ", [5, 4, 3, 2, 1]),
        ("nothing", []),
    ],
)
def test_all_words_must_be_in_a_runs_texts(rows, search, expected):
    assert ids(rows, search=search) == expected


@pytest.mark.parametrize("field", ["search", "status", "tag", "sort"])
@pytest.mark.parametrize("value", [None, 5, ["id"]])
def test_what_is_no_text_is_refused(field, value):
    with pytest.raises(ConfigError, match=f"{field}=.*: a text is wanted"):
        Query(**{field: value})


def test_status_and_tag_are_taken_as_a_whole(rows):
    assert ids(rows, status="FAILED") == [3]
    assert ids(rows, status="UNREADABLE") == [5]
    assert ids(rows, tag="spread") == [1]
    assert ids(rows, tag="sprea") == []
    assert ids(rows, tag="spread", status="FAILED") == []


def test_what_has_no_value_comes_last_in_both_directions(rows):
    assert ids(rows, sort="best") == [2, 1, 4, 3, 5]
    assert ids(rows, sort="-best") == [3, 4, 1, 2, 5]
    assert ids(rows, sort="steps")[0] == ids(rows, sort="-steps")[0] == 3


def test_texts_are_sorted_without_regard_to_case(rows):
    assert ids(rows, sort="name") == [3, 2, 1, 4, 5]
    assert ids(rows, sort="tags")[:2] == [1, 2]


def test_every_column_sorts(rows):
    for column in SORTABLE:
        assert sorted(ids(rows, sort=column)) == sorted(ids(rows, sort=f"-{column}")) == [
            1, 2, 3, 4, 5,
        ]  # fmt: skip


def test_an_unknown_column_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'steps'"):
        Query(sort="-step")
