"""Reports of several runs: compared, then each in short."""

from __future__ import annotations

from pathlib import Path

import pytest

import daf_nb as daf
from daf_nb.notebook.report import report
from daf_nb.record.comparing import compare
from tests.notebook.report.pages import HOSTILE, Page, make_record
from tests.notebook.report.test_report import assert_inert


def make_runs(root: Path, *, share: str, level: float, numbers: range) -> None:
    for number in numbers:
        make_record(
            root,
            number,
            name=f"{share} runs",
            config={"world": "w", "total_timesteps": 300, "share": share, "seed": number},
            metrics=[{"rollout/return_mean": level + 0.1 * number + 0.01 * n} for n in range(30)],
        )


def test_groups_are_compared_with_intervals(tmp_path: Path):
    make_runs(tmp_path, share="all", level=5.0, numbers=range(1, 4))
    make_runs(tmp_path, share="none", level=1.0, numbers=range(4, 7))
    path = report(range(1, 7), runs_dir=tmp_path)
    page = Page(path)
    assert_inert(page)
    assert path == tmp_path / "reports" / "1-2-3-4-5-6.html"
    assert page.headings()[0] == "Comparison"
    assert page.headings()[1:] == [
        f"Run {n} {'all' if n < 4 else 'none'} runs" for n in range(1, 7)
    ]
    comparison = compare([*range(1, 7)], runs_dir=tmp_path)
    for row in comparison.groups.to_dict("records"):
        assert f"{row['iqm']:.5g}" in page.text
        assert f"{row['low']:.5g} to {row['high']:.5g}" in page.text
    assert "spec: share" in page.text
    (label,) = [str(a["aria-label"]) for t, a in page.elements if t == "svg" and "interquartile"
                in str(a.get("aria-label"))]  # fmt: skip
    assert all(f"of {group} from" in label for group in comparison.groups.index)
    assert "1 to 1" in page.text  # every run of the first group beats every run of the second


def test_groups_can_have_labels_and_be_hostile(tmp_path: Path):
    make_runs(tmp_path, share="all", level=5.0, numbers=range(1, 3))
    make_runs(tmp_path, share="none", level=1.0, numbers=range(3, 5))
    groups = {HOSTILE: [1, 3], "others": ["2", "4"]}
    page = Page(report(groups, runs_dir=tmp_path))
    assert_inert(page)
    assert r"\x1b[31m" in page.text
    text = report(groups, runs_dir=tmp_path, format="markdown").read_text(encoding="utf-8")
    assert "<script" not in text and "| others | 2 |" in text


def test_runs_that_cannot_be_compared_are_named_and_shown(tmp_path: Path):
    make_runs(tmp_path, share="all", level=5.0, numbers=range(1, 3))
    make_record(tmp_path, 3, name="nothing measured")
    (tmp_path / "4").mkdir()
    folder = make_record(tmp_path, 5, metrics=[{"rollout/return_mean": 1.0}])
    (folder / "config.json").write_text("{")
    page = Page(report([1, 2, 3, 4, 5], runs_dir=tmp_path))
    assert "Not compared" in page.text and ": 3, 4, 5." in page.text
    assert "Run 3 nothing measured" in page.headings() and "Run 4" in page.headings()
    assert "config.json cannot be read" in page.text
    alone = Page(report([3, 4], runs_dir=tmp_path))
    assert "nothing that can be compared: 3, 4." in alone.text


def test_experiments_are_compared_by_what_most_of_them_measured(tmp_path: Path):
    for number, names in ((1, ["error", "rare"]), (2, ["error"])):
        metrics = [dict.fromkeys(names, 1.0 / n) for n in range(1, 5)]
        make_record(tmp_path, number, config={"rate": number}, metrics=metrics)
    page = Page(report([1, 2], runs_dir=tmp_path))
    assert "the score is the final error" in page.text


def test_a_number_that_is_no_run_is_refused(tmp_path: Path):
    make_runs(tmp_path, share="all", level=5.0, numbers=range(1, 3))
    with pytest.raises(daf.RecordError, match="No run '9'"):
        report([1, 9], runs_dir=tmp_path)
    assert not (tmp_path / "reports").exists()
