"""Where a signal is, against its band."""

from __future__ import annotations

import pytest

from daf_nb.notebook.panels.bands import band_cell, band_words


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.03, 0.005, 0.02, "0.03, above 0.02"),
        (0.001, 0.005, 0.02, "0.001, below 0.005"),
        (0.01, 0.005, 0.02, "0.01, inside 0.005 to 0.02"),
        (0.5, None, 0.9, "0.5, inside up to 0.9"),
        (0.5, 0.3, None, "0.5, inside from 0.3"),
        (None, 0.3, None, "(no value)"),
        ("NaN", 0.3, None, "(no value)"),
    ],
)
def test_words(value, low, high, words):
    assert band_words(value, low, high) == words


def test_a_band_with_two_ends_is_the_middle_third():
    cell = band_cell(0.2, 0.2, 0.8, "inside")
    assert (cell["from"], cell["to"], cell["at"]) == pytest.approx((1 / 3, 2 / 3, 1 / 3))
    assert not cell["out"]


@pytest.mark.parametrize(("value", "at"), [(-100.0, 0.0), (100.0, 1.0)])
def test_what_is_far_away_is_at_the_edge(value, at):
    assert band_cell(value, 0.2, 0.8, "above")["at"] == at


@pytest.mark.parametrize(
    ("low", "high", "part"),
    [(0.3, None, (0.5, 1.0)), (None, 0.9, (0.0, 0.5)), (0.0, None, (0.5, 1.0))],
)
def test_a_band_with_one_end_is_half_of_the_bar(low, high, part):
    cell = band_cell(None, low, high, "no data")
    assert (cell["from"], cell["to"]) == part
    assert "at" not in cell
