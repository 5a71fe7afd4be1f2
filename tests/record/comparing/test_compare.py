import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from daf_nb.errors import ConfigError, RecordError
from daf_nb.record import Comparison, compare
from daf_nb.record.document import utc_now
from tests.record.written import change, write_run

RETURN = "rollout/return_mean"


@pytest.fixture
def runs(tmp_path):
    """Writes runs whose return goes in a straight line to `end`; more of them is written as is."""

    def write(numbers, *, ends, steps=(0, 100), **more):
        for number, end in zip(numbers, ends, strict=True):
            rows = [(step, {RETURN: end * step / steps[-1]}) for step in steps]
            write_run(tmp_path, number, rows=rows, **more)

    return write


def test_two_groups_have_their_numbers_by_hand(runs, tmp_path):
    runs([1, 2, 3, 4], ends=[1.0, 2.0, 3.0, 40.0], spec={"rate": 1})
    runs([5, 6, 7], ends=[2.0, 2.0, 0.0], spec={"rate": 2})
    found = compare([1, 2, 3, 4, 5, 6, 7], runs_dir=tmp_path)
    assert list(found.groups.index) == ["rate=1", "rate=2"]
    assert found.groups["n"].tolist() == [4, 3]
    assert found.groups["iqm"].tolist() == [2.5, 4 / 3]
    for _, iqm, low, high in found.groups.itertuples(index=False, name=None):
        assert low < iqm < high
    row = found.improvement.iloc[0]
    # Of 12 pairs: 1 beats one of three; 2 beats one and ties two; 3 and 40 beat all.
    assert (row["x"], row["y"]) == ("rate=1", "rate=2")
    assert row["probability"] == pytest.approx((1 + 1 + 0.5 + 0.5 + 3 + 3) / 12)
    assert row["low"] <= row["probability"] <= row["high"]
    assert found.runs["score"].to_dict() == {1: 1, 2: 2, 3: 3, 4: 40, 5: 2, 6: 2, 7: 0}


def test_curves_are_interpolated_inside_each_run_and_never_beyond(tmp_path):
    write_run(tmp_path, 1, rows=[(0, {RETURN: 0.0}), (100, {RETURN: 10.0})])
    write_run(
        tmp_path, 2, rows=[(50, {RETURN: 1.0}), (60, {RETURN: math.nan}), (80, {RETURN: 4.0})]
    )
    found = compare({"a": [1, 2]}, runs_dir=tmp_path)
    assert found.aligned.index.tolist() == [0, 50, 80, 100]
    np.testing.assert_allclose(found.aligned[1], [0, 5, 8, 10])
    np.testing.assert_array_equal(found.aligned[2], [np.nan, 1, 4, np.nan])
    assert found.curves["n"].tolist() == [1, 2, 2, 1]
    np.testing.assert_allclose(found.curves["iqm"], [0, 3, 6, 10])
    assert found.curves["low"].tolist() == [0, 1, 4, 10]
    assert found.curves["high"].tolist() == [0, 5, 8, 10]


def test_a_gap_between_runs_has_no_curve(runs, tmp_path):
    write_run(tmp_path, 1, rows=[(0, {RETURN: 1.0}), (10, {RETURN: 1.0})])
    write_run(tmp_path, 2, rows=[(90, {RETURN: 3.0}), (100, {RETURN: 3.0})])
    found = compare({"a": [1, 2]}, points=3, runs_dir=tmp_path)
    assert found.aligned.index.tolist() == [0, 50, 100]
    assert found.curves[["step", "n", "iqm"]].to_numpy().tolist() == [[0, 1, 1], [100, 1, 3]]


def test_long_curves_are_on_a_grid_of_so_many_points_with_both_ends(tmp_path):
    rows = [(step, {RETURN: step**2}) for step in range(0, 10_001, 10)]
    write_run(tmp_path, 1, rows=rows)
    found = compare([1], points=21, runs_dir=tmp_path)
    assert found.aligned.index.tolist() == list(range(0, 10_001, 500))
    np.testing.assert_allclose(found.aligned[1], found.aligned.index.to_numpy(dtype=float) ** 2)


@pytest.mark.parametrize(
    ("options", "score"),
    [
        ({}, 2.0),
        ({"score": "best"}, 9.0),
        ({"score": "mean"}, (10 * 4.5 + 20 * 9 + 10 * 5.5) / 40),
        ({"score": lambda curve: curve.loc[10:].min()}, 2.0),
        ({"at": 35}, 9.0),
        ({"at": 10, "score": "best"}, 9.0),
        ({"at": 5}, 0.0),
        ({"at": 5, "score": "mean"}, 0.0),
    ],
)
def test_a_score_is_one_number_of_the_curve_up_to_a_step(tmp_path, options, score):
    values = {0: 0.0, 10: 9.0, 20: math.nan, 30: 9.0, 40: 2.0}
    write_run(tmp_path, 1, rows=[(step, {RETURN: value}) for step, value in values.items()])
    found = compare([1], runs_dir=tmp_path, **options)
    assert found.runs.loc[1, "score"] == pytest.approx(score)
    assert found.aligned.index.max() <= options.get("at", 40)


def test_runs_too_short_for_the_step_are_named_with_what_all_have(runs, tmp_path):
    runs([1], ends=[1.0], steps=(0, 100))
    runs([2], ends=[1.0], steps=(20, 60))
    with pytest.raises(RecordError, match=r"at=80 .*: run 2 \(20 to 60\)\. All have 20 to 60\."):
        compare([1, 2], at=80, runs_dir=tmp_path)
    assert compare([1, 2], at=60, runs_dir=tmp_path).runs["steps"].tolist() == [0, 60]


def test_runs_with_equal_specs_are_one_group_whatever_decides_nothing(runs, tmp_path):
    runs([1], ends=[1.0], spec={"num_workers": 0, "experiment_name": "a", "b": {"x": 1, "y": 2}})
    runs([2], ends=[1.0], spec={"num_workers": 8, "experiment_name": "c", "b": {"y": 2, "x": 1}})
    runs([3], ends=[1.0], spec={"b": {"x": 1, "y": 2}, "batch_size": None}, name="other")
    runs([4], ends=[1.0], spec={"b": {"x": 1, "y": 3}})
    found = compare([1, 2, 3, 4], runs_dir=tmp_path)
    assert found.runs["group"].to_dict() == {1: "y=2", 2: "y=2", 3: "y=2", 4: "y=3"}


@pytest.mark.parametrize(
    ("specs", "names", "labels"),
    [
        ([{"a": 1}], ["one"], ["one"]),
        ([{"a": 1}, {"a": "x"}], ["n", "n"], ["a=1", "a=x"]),
        ([{"a": {"r": 1}, "b": {"r": 1}}, {"a": {"r": 2}, "b": {"r": 3}}], ["n", "n"],
         ["a.r=1, b.r=1", "a.r=2, b.r=3"]),
        ([{"c": {"x": 1, "y": 2}}, {}], ["n", "n"], ["with c", "without c"]),
        ([{"c": {"x": 1}}, {}], ["n", "n"], ["x=1", "without c.x"]),
        ([dict.fromkeys("abcd", 1), dict.fromkeys("abcd", 2)], ["n", "m"], ["n", "m"]),
        ([dict.fromkeys("abcd", 1), dict.fromkeys("abcd", 2)], ["n", "n"], ["n (1)", "n (2)"]),
    ],
)  # fmt: skip
def test_labels_tell_what_differs(runs, tmp_path, specs, names, labels):
    for number, (spec, name) in enumerate(zip(specs, names, strict=True), start=1):
        runs([number], ends=[1.0], spec=spec, name=name)
    assert list(compare(range(1, len(specs) + 1), runs_dir=tmp_path).groups.index) == labels


def test_experiments_with_other_code_are_other_groups(tmp_path):
    for number, code in enumerate(["a = 1", "a = 1", "a = 2"], start=1):
        folder = write_run(
            tmp_path, number, rows=[(0, {RETURN: 1.0})], ours={"kind": "experiment"}, name=code
        )
        (folder / "source.py").write_text(f"%%experiment x --seed {number}\n{code}\n")
    found = compare([1, 2, 3], runs_dir=tmp_path)
    assert found.runs["group"].tolist() == ["a = 1", "a = 1", "a = 2"]


def test_differences_tell_of_spec_versions_and_changes(runs, tmp_path):
    change = {"step": 1, "name": "lr", "old": 1, "new": 2}
    by_rule, by_hand = {**change, "by": "rule: kl"}, {**change, "by": "panel"}
    facts = {"versions": {"torch": "2.8", "numpy": "2"}}
    tasks = [{"name": "near", "w": 1}, {"name": "far", "w": 2}]
    runs([1, 2], ends=[1.0, 1.0], spec={"a": {"x": 1}, "tasks": tasks}, facts=facts)
    other = [{"name": "far", "w": 3}, {"name": "near", "w": 1}]
    newer = {"versions": {"torch": "2.9", "numpy": "2"}}
    journal = [by_rule, by_hand, by_hand]
    runs([3], ends=[1.0], spec={"a": {"x": [1]}, "tasks": other}, facts=newer, journal=journal)
    table = compare({"p": [1, 2], "q": [3]}, runs_dir=tmp_path).differences
    assert {row[0]: list(row[1:]) for row in table.itertuples(name=None)} == {
        ("spec", "seed"): [(1, 2), 3],
        ("spec", "a.x"): [1, [1]],
        ("spec", "tasks[far].w"): [2, 3],
        ("facts", "versions.torch"): ["2.8", "2.9"],
        ("journal", "by rules"): [0, 1],
        ("journal", "by hand"): [0, 2],
    }


def test_strata_are_the_tasks(runs, tmp_path):
    """Scores that differ between tasks only: drawn again within them, nothing can vary."""
    for first, end in ((1, 0.0), (3, 10.0)):
        runs([first], ends=[end], spec={"env_kwargs": {"N": first}})
        runs([first + 1], ends=[end], spec={"env_kwargs": {"N": first}})
    runs([5, 6], ends=[-1.0, -1.0], spec={"env_kwargs": {"N": 1}})
    runs([7, 8], ends=[11.0, 11.0], spec={"env_kwargs": {"N": 3}})
    found = compare({"p": [1, 2, 3, 4], "q": [5, 6, 7, 8]}, runs_dir=tmp_path)
    assert found.groups.loc["p"].tolist() == [4, 5, 5, 5]
    # p wins all on the first task and none on the second, where pooled pairs would give 1/2 too,
    # but with an interval.
    assert found.improvement.iloc[0, 2:].tolist() == [0.5, 0.5, 0.5]
    assert any("p: scores of 2 tasks are pooled" in note for note in found.notes)


def test_only_shared_tasks_are_set_against_each_other(runs, tmp_path):
    for number, task in enumerate([1, 2, 2, 3, 4, 4], start=1):
        runs([number], ends=[float(number)], spec={"env_kwargs": {"N": task}})
    found = compare({"p": [1, 2], "q": [3, 4], "r": [5], "s": [6]}, runs_dir=tmp_path).improvement
    told = {(x, y): value for x, y, value, *_ in found.itertuples(index=False, name=None)}
    assert told["p", "q"] == 0.0, "only runs 2 and 3 share a task"
    assert math.isnan(told["p", "r"])
    assert told["r", "s"] == 0.0
    assert len(found) == 6


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ({"status": "FAILED"}, r"Not completed.*: 2 \(FAILED\)"),
        ({"steps": (0, 50)}, "end at different agent-steps, 50 to 100.*at=50"),
        ({"spec": {"seed": 1}}, "one spec and one seed.*run 1, run 2"),
        ({"spec": {"rate": 3}}, "specs of its runs differ"),
        ({"journal": [{"step": 1, "name": "a", "old": 1, "new": 2, "by": "user"}]}, "hand.*run 2"),
        ({"ends": [math.inf], "steps": (1, 100)}, "no finite"),
    ],
)
def test_what_weakens_a_comparison_is_said(runs, tmp_path, harm, said):
    runs([1, 3], ends=[1.0, 1.5])
    runs([2], **{"ends": [2.0], **harm})
    if said == "no finite":
        with pytest.raises(RecordError, match=r"run 2 .*without any finite value"):
            compare([1, 2, 3], runs_dir=tmp_path)
        return
    found = compare({"all": [1, 2, 3]}, runs_dir=tmp_path)
    assert len(found.notes) == 1
    assert re.search(said, found.notes[0])
    assert found.notes[0] in repr(found)


def test_few_runs_are_marked_and_still_have_their_interval(runs, tmp_path):
    runs([1, 2], ends=[1.0, 3.0], spec={"rate": 1})
    runs([3, 4, 5], ends=[1.0, 3.0, 2.0], spec={"rate": 2})
    found = compare([1, 2, 3, 4, 5], runs_dir=tmp_path)
    assert found.groups.loc["rate=1"].tolist() == [2, 2, 1, 3]
    (note,) = found.notes
    assert "rate=1 (n=2)" in note
    assert "rate=2" not in note


def test_infinite_values_are_left_out_and_told(tmp_path):
    write_run(tmp_path, 1, rows=[(0, {RETURN: 1.0}), (1, {RETURN: math.inf})])
    found = compare([1], runs_dir=tmp_path)
    assert found.runs.loc[1, "score"] == 1.0
    assert any("Infinite values" in note for note in found.notes)


@pytest.mark.parametrize(
    ("ids", "options", "error", "said"),
    [
        ([], {}, ConfigError, "no runs"),
        ({}, {}, ConfigError, "no runs"),
        ({"a": []}, {}, ConfigError, "no runs: 'a'"),
        ([1, 2, "1"], {}, ConfigError, "more than once came: 1"),
        ({"a": [1, 2], "b": [2]}, {}, ConfigError, "more than once came: 2"),
        (3, {}, ConfigError, r"compare\(\[3, ...\]\)"),
        ("12", {}, ConfigError, r"compare\(\['12', ...\]\)"),
        (None, {}, ConfigError, "as a list"),
        ([1, 99], {}, RecordError, "No run '99'"),
        ([1, 3], {}, RecordError, r"run 3 \(QUEUED\) has no metrics yet"),
        ([1, 4], {}, RecordError, r"no 'rollout/return_mean' .*: run 4 \(COMPLETED\) lacks it"),
        ([1, 2], {"metric": "rollout/return_maen"}, RecordError, "Did you mean 'rollout/return_m"),
        ([1, 2], {"metric": "x"}, RecordError, "Known: rollout/return_mean.*run 1.*run 2"),
        ([1, 2], {"score": "last"}, ConfigError, "unknown score 'last'.*best, final, mean"),
        ([1, 2], {"score": lambda curve: None}, RecordError, "score of run 1 is None"),
        ([1, 2], {"score": lambda curve: math.nan}, RecordError, "score of run 1 is nan"),
        ([1, 2], {"points": 1}, ConfigError, "points=1"),
        ([1, 2], {"bootstrap": 0}, ConfigError, "bootstrap=0"),
        ([1, 2], {"at": -1}, ConfigError, "at=-1"),
        ([1, 2], {"seed": -1}, ConfigError, "seed=-1"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(
    runs, tmp_path, ids, options, error, said
):
    runs([1, 2], ends=[1.0, 2.0])
    write_run(tmp_path, 3, status="QUEUED")
    change(tmp_path / "3" / "run.json", heartbeat=utc_now())
    write_run(tmp_path, 4, rows=[(0, {"loss": 1.0})])
    with pytest.raises(error, match=said):
        compare(ids, runs_dir=tmp_path, **options)


def test_a_broken_record_is_named(runs, tmp_path):
    runs([1, 2], ends=[1.0, 2.0])
    (tmp_path / "2" / "config.json").write_text("[")
    with pytest.raises(RecordError, match=r"Run 2 is broken: config\.json"):
        compare([1, 2], runs_dir=tmp_path)
    (tmp_path / "2" / "config.json").write_text('{"a":' * 1000 + "1" + "}" * 1000)
    with pytest.raises(RecordError, match=r"Run 2: config\.json is nested too deeply"):
        compare([1, 2], runs_dir=tmp_path)


@pytest.mark.filterwarnings("ignore::daf_nb.errors.DafWarning")
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_record_is_compared_as_far_as_it_goes_or_refused(runs, tmp_path, seed):
    generator = np.random.default_rng(seed)
    change = {"step": 1, "name": "lr", "old": 1, "new": 2, "by": "panel"}
    facts = {"versions": {"torch": "2.8"}}
    spec = {"a": {"b": [1]}, "tasks": [{"name": "x", "w": 1}]}
    runs([1, 2, 3], ends=[1.0, 2.0, 3.0], spec=spec, facts=facts, journal=[change])
    refused = 0
    for name in ("run.json", "config.json", "facts.json", "journal.jsonl", "metrics.jsonl"):
        path = tmp_path / "2" / name
        data = path.read_bytes()
        for _ in range(15):
            broken = bytearray(data)
            broken[generator.integers(len(data))] = generator.integers(32, 127)
            path.write_bytes(broken[: generator.integers(len(data) // 2, 2 * len(data))])
            try:
                found = compare([1, 2, 3], bootstrap=100, runs_dir=tmp_path)
            except RecordError as error:
                refused += 1
                assert re.search("run 2", str(error), re.IGNORECASE)
            else:
                assert found.runs["score"].loc[[1, 3]].tolist() == [1.0, 3.0]
                assert found._repr_html_() and repr(found)
        path.write_bytes(data)
    assert 10 < refused < 60


def test_the_same_seed_draws_the_same_and_a_groups_interval_is_its_own(runs, tmp_path):
    generator = np.random.default_rng(0)
    for number in range(1, 16):
        runs([number], ends=[generator.normal()], spec={"rate": number % 3})
    one, again = (compare(range(1, 16), runs_dir=tmp_path) for _ in range(2))
    for table in ("groups", "improvement", "curves"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(again, table))
    alone = compare([3, 6, 9, 12, 15], runs_dir=tmp_path)
    assert alone.groups.iloc[0].tolist() == one.groups.loc["rate=0"].tolist()
    other = compare(range(1, 16), seed=1, runs_dir=tmp_path)
    assert other.groups["iqm"].tolist() == one.groups["iqm"].tolist()
    assert other.groups["low"].tolist() != one.groups["low"].tolist()


def test_hostile_labels_names_and_values_are_shown_escaped(runs, tmp_path):
    bad = "<img src=x onerror=alert(1)>\x1b[31m"
    for number in (1, 2):
        runs([number], ends=[1.0], name=bad, spec={bad: bad * number, "world": bad})
    found = compare({f"{bad}1": [1], f"{bad}2": [2]}, runs_dir=tmp_path)
    html, text = found._repr_html_(), repr(found)
    assert "<img" not in html
    assert "&lt;img" in html
    assert "\x1b" not in html + text
    assert found.plot()._repr_png_().startswith(b"\x89PNG")


def test_a_picture_shows_every_group_and_pair(runs, tmp_path):
    for rate in range(3):
        runs(range(4 * rate + 1, 4 * rate + 4), ends=[1.0, 2.0, 3.0], spec={"rate": rate})
    found = compare([1, 2, 3, 5, 6, 7, 9, 10, 11], runs_dir=tmp_path)
    assert isinstance(found, Comparison)
    curves, scores, pairs = found.plot().axes
    assert curves.get_legend_handles_labels()[1] == [f"rate={rate} (n=3)" for rate in range(3)]
    assert [label.get_text() for label in scores.get_yticklabels()] == [
        "rate=0",
        "rate=1",
        "rate=2",
    ]
    assert [label.get_text() for label in pairs.get_yticklabels()] == [
        "rate=0 > rate=1",
        "rate=0 > rate=2",
        "rate=1 > rate=2",
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"points": 2.5},
        {"points": True},
        {"bootstrap": 1e3},
        {"seed": "a"},
        {"seed": None},
        {"score": [1]},
        {"score": None},
        {"at": 1.5},
        {"at": "100"},
        {"metric": [RETURN]},
    ],
    ids=str,
)
def test_a_value_of_another_kind_is_refused_in_words(runs, tmp_path, bad):
    runs([1, 2], ends=[1.0, 2.0])
    with pytest.raises(ConfigError, match=next(iter(bad))):
        compare([1, 2], runs_dir=tmp_path, **bad)


def test_whole_numbers_of_numpy_are_whole_numbers(runs, tmp_path):
    runs([1, 2], ends=[1.0, 2.0])
    whole: Any = np.int64(100), np.int32(200)
    found = compare([1, 2], runs_dir=tmp_path, at=whole[0], bootstrap=whole[1])
    assert found.runs["score"].tolist() == [1.0, 2.0]


def test_a_score_that_raises_names_the_run(runs, tmp_path):
    runs([1, 2], ends=[1.0, 2.0])

    def score(curve):
        return {1.0: 1.0}[float(curve.iloc[-1])]

    with pytest.raises(ConfigError, match=r"score of run 2 .* KeyError: 2\.0") as caught:
        compare([1, 2], runs_dir=tmp_path, score=score)
    assert isinstance(caught.value.__cause__, KeyError)
