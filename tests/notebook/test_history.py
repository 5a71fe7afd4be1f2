"""The columns of rows that grow."""

from __future__ import annotations

import numpy as np

from daf_nb.notebook.history import History, Row


def test_columns_grow_with_the_rows_and_lack_what_a_row_lacks():
    rows: list[Row] = [(10, {"a": 1.0}), (20, {"b": 5.0})]
    history = History(rows)
    assert history.read() == 2
    np.testing.assert_array_equal(history.column("a"), [1.0, np.nan])
    rows.append((30, {"a": 3.0}))
    np.testing.assert_array_equal(history.column("b"), [np.nan, 5.0])  # not read yet
    assert history.read() == len(history) == 3
    assert history.steps.tolist() == [10, 20, 30]
    np.testing.assert_array_equal(history.column("a"), [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(history.column("b"), [np.nan, 5.0, np.nan])


def test_names_are_told_by_what_is_between_prefix_and_suffix():
    history = History([(1, {"rollout/task/a/b/return_mean": 0.0, "train/loss": 1.0})])
    history.read()
    assert history.names("rollout/task/", "/return_mean") == ["a/b"]
    assert history.width == 2


def test_the_newest_value_is_the_last_finite_one():
    history = History([(1, {"a": 1.0}), (2, {"a": float("nan")}), (3, {"b": 2.0})])
    history.read()
    assert (history.newest("a"), history.newest("b"), history.newest("c")) == (1.0, 2.0, None)
