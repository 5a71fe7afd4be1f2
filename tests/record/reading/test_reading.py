import contextlib
import json
import math
import os
import pickle
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from daf_nb.errors import DafWarning, RecordError
from daf_nb.record import RunRecord, list_runs, load_run
from tests.record.children import run_child
from tests.record.written import metric_lines, write_run


@pytest.fixture
def three_runs(new_recorder, tmp_path):
    """A completed run, a failed one, and one still queued; the first two with returns."""
    recorders = [
        new_recorder("one", tags=["spread", "warm"], spec={"world": "spread", "seed": 1}),
        new_recorder("two", tags=["tag"], spec={"world": "tag", "seed": None}),
        new_recorder("three", spec={"env": "tag", "seed": 2**70}),
    ]

    def main(recorder, returns):
        for step, value in enumerate(returns):
            recorder.log_metrics(step, {"rollout/return_mean": value})
        if recorder is recorders[1]:
            raise ValueError

    recorders[0].run(lambda: main(recorders[0], [1.0, 5.0, math.nan, 3.0]))
    with pytest.raises(ValueError):
        recorders[1].run(lambda: main(recorders[1], [7.0]))
    yield tmp_path
    recorders.clear()


def test_the_table_says_what_each_run_said(three_runs):
    table = list_runs(runs_dir=three_runs)
    assert table["id"].tolist() == [1, 2, 3]
    assert table["status"].tolist() == ["COMPLETED", "FAILED", "QUEUED"]
    assert table["world"].tolist() == ["spread", "tag", "tag"]
    assert table["tags"].tolist() == [("spread", "warm"), ("tag",), ()]
    assert table.loc[0, ["return_last", "return_best", "steps", "seed"]].tolist() == [
        3.0,
        5.0,
        3,
        1,
    ]
    assert table["seed"].isna().tolist() == [False, True, True]
    assert table["duration"].lt(60).tolist() == [True, True, False]
    started = table["started"][0]
    assert abs((pd.Timestamp.now(tz="UTC") - started).total_seconds()) < 60


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({"world": "tag"}, [2, 3]),
        ({"world": "tag", "status": "FAILED"}, [2]),
        ({"tags": "warm"}, [1]),
        ({"tags": ["warm", "tag"]}, []),
        ({"seed": None}, [2, 3]),
        (lambda row: row["return_best"] > 4, [1, 2]),
        ({}, [1, 2, 3]),
    ],
)
def test_where_keeps_the_rows_that_fit(three_runs, where, ids):
    assert list_runs(runs_dir=three_runs, where=where)["id"].tolist() == ids


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("-id", [3, 2, 1]),
        ("return_best", [1, 2, 3]),
        ("-return_best", [2, 1, 3]),
        ("name", [1, 3, 2]),
    ],
)
def test_sort_orders_by_a_column_with_the_missing_last(three_runs, sort, ids):
    assert list_runs(runs_dir=three_runs, sort=sort)["id"].tolist() == ids


def test_unknown_columns_are_refused_with_the_nearest(tmp_path):
    with pytest.raises(RecordError, match="Did you mean 'status'"):
        list_runs(runs_dir=tmp_path, where={"statsu": "FAILED"})
    with pytest.raises(RecordError, match="Did you mean 'return_best'"):
        list_runs(runs_dir=tmp_path, sort="-return_bst")


def test_no_runs_make_an_empty_table_with_its_columns(tmp_path):
    table = list_runs(runs_dir=tmp_path / "absent", where={"status": "FAILED"}, sort="-started")
    assert table.empty
    assert {"id", "status", "return_best"} <= set(table.columns)


HOSTILE_DOCUMENTS = {
    "empty": "",
    "list": "[]",
    "deep": "[" * 100_000,
    "types": json.dumps(
        {"status": ["x"], "start_time": 1, "heartbeat": {}, "host": 3, "experiment": None,
         "daf_nb": {"tags": {"a": 1}, "seed": 10**40, "steps": "x", "return_last": [], "name": {}}}
    ),
    "time": '{"status": "RUNNING", "start_time": "9999-99-99", "heartbeat": "0001-01-01"}',
    "digits": '{"daf_nb": {"seed": ' + "9" * 6000 + "}}",
}  # fmt: skip


def test_a_folder_from_a_stranger_is_a_row_and_never_an_error(three_runs):
    for number, content in enumerate(HOSTILE_DOCUMENTS.values(), start=10):
        (three_runs / str(number)).mkdir()
        (three_runs / str(number) / "run.json").write_text(content)
    (three_runs / "30").mkdir()
    (three_runs / "31").mkdir()
    os.mkfifo(three_runs / "31" / "run.json")
    table = list_runs(runs_dir=three_runs, sort="-started", where=lambda row: True)
    status = dict(zip(table["id"], table["status"], strict=True))
    assert status[1] == "COMPLETED"
    assert [status[number] for number in (10, 11, 12, 15, 30, 31)] == ["UNREADABLE"] * 6
    assert status[14] == "LOST"
    assert load_run(10, runs_dir=three_runs).status == "UNREADABLE"
    with pytest.raises(RecordError, match=r"run\.json"):
        _ = load_run(10, runs_dir=three_runs).result
    with pytest.raises(RecordError, match=r"config\.json"):
        _ = load_run(30, runs_dir=three_runs).config


@pytest.mark.parametrize("id", [9, "9", "../1", "", "one", -1, None, True, "²"])
def test_an_unknown_run_is_refused_with_those_that_exist(three_runs, id):
    with pytest.raises(RecordError, match="1, 2, 3"):
        load_run(id, runs_dir=three_runs)


def test_reading_a_run_of_plain_sacred_works_too(tmp_path):
    folder = tmp_path / "1"
    folder.mkdir()
    document = {"status": "COMPLETED", "experiment": {"name": "old"}, "host": {"hostname": "h"}}
    (folder / "run.json").write_text(json.dumps(document))
    series = {"steps": [0, 2], "values": [1.0, math.nan], "timestamps": ["a", "b"]}
    (folder / "metrics.json").write_text(json.dumps({"loss": series}))
    record = load_run(1, runs_dir=tmp_path)
    assert list_runs(runs_dir=tmp_path).loc[0, ["name", "host"]].tolist() == ["old", "h"]
    assert record.metrics.index.tolist() == [0, 2]
    np.testing.assert_array_equal(record.metrics["loss"], [1.0, np.nan])


def test_metrics_are_one_row_a_step_in_order(new_recorder, tmp_path):
    recorder = new_recorder()

    def main():
        recorder.log_metrics(20, {"b": 2.0})
        recorder.log_metrics(10, {"a": 1.0})
        recorder.log_metrics(20, {"a": 3.0, "b": 4.0})

    recorder.run(main)
    metrics = load_run(1, runs_dir=tmp_path).metrics
    assert metrics.index.tolist() == [10, 20]
    np.testing.assert_array_equal(metrics[["a", "b"]], [[1.0, np.nan], [3.0, 4.0]])


@pytest.mark.parametrize("name", ["metrics", "journal", "events"])
def test_a_torn_log_is_read_up_to_the_tear_and_says_so(new_recorder, tmp_path, name):
    recorder = new_recorder()

    def main():
        for step in range(5):
            recorder.log_metrics(step, {"loss": 0.5})
            recorder.log_event("tick", step)
            entry = {"step": step, "name": "lr", "old": 1, "new": 2, "by": "me"}
            recorder.log_journal(entry)

    recorder.run(main)
    path = recorder.folder / f"{name}.jsonl"
    os.truncate(path, path.stat().st_size - 3)
    record = load_run(1, runs_dir=tmp_path)
    with pytest.warns(DafWarning, match=f"{name}.jsonl is torn at line 5"):
        rows = getattr(record, name)
    assert len(rows) == 4


def test_the_last_line_of_a_live_run_may_be_unfinished(new_recorder, tmp_path):
    recorder = new_recorder()
    (recorder.folder / "events.jsonl").write_text(
        '{"kind": "a", "step": 1, "time": 0, "data": {}}\n{"ki'
    )
    assert [event["kind"] for event in load_run(1, runs_dir=tmp_path).events] == ["a"]


def test_an_unfinished_line_of_a_run_whose_status_cannot_be_read_is_a_tear(tmp_path):
    folder = write_run(tmp_path, 1, rows=[(0, {"loss": 1.0}), (1, {"loss": 2.0})])
    os.truncate(folder / "metrics.jsonl", (folder / "metrics.jsonl").stat().st_size - 3)
    (folder / "run.json").write_text("[")
    with pytest.warns(DafWarning, match=r"metrics\.jsonl is torn at line 2"):
        assert load_run(1, runs_dir=tmp_path).metrics["loss"].tolist() == [1.0]


def test_an_empty_journal_has_its_columns(new_recorder, tmp_path):
    new_recorder()
    journal = load_run(1, runs_dir=tmp_path).journal
    assert journal.columns.tolist() == ["step", "name", "old", "new", "by"]
    assert len(journal) == 0


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.fixture
def saved_policy(new_recorder):
    import gymnasium
    from stable_baselines3 import A2C

    recorder = new_recorder(spec={"algorithm": "A2C"})
    model = A2C("MlpPolicy", gymnasium.make("CartPole-v1"), device="cpu", seed=0)
    model.save(recorder.file("checkpoints/agents.zip"))
    recorder.run(lambda: None)
    return recorder, model


def test_the_parameters_of_a_policy_are_read_as_data(saved_policy, tmp_path):
    recorder, model = saved_policy
    record = load_run(1, runs_dir=tmp_path)
    assert record.checkpoints == [recorder.folder / "checkpoints" / "agents.zip"]
    state = record.policy_state()
    assert all(torch.equal(state[name], value) for name, value in model.policy.state_dict().items())
    assert state.keys() == model.policy.state_dict().keys()


def test_a_whole_model_needs_trust(saved_policy, tmp_path):
    _, model = saved_policy
    record = load_run(1, runs_dir=tmp_path)
    with pytest.raises(RecordError, match="trust=True"):
        record.load_policy()
    loaded = record.load_policy("agents", trust=True)
    assert type(loaded) is type(model)
    observation = np.zeros(4, dtype=np.float32)
    assert (
        loaded.predict(observation, deterministic=True)[0]
        == (model.predict(observation, deterministic=True)[0])
    )


def test_an_unknown_group_is_refused_with_the_known_ones(saved_policy, tmp_path):
    recorder, _ = saved_policy
    record = load_run(1, runs_dir=tmp_path)
    with pytest.raises(RecordError, match="Did you mean 'agents'"):
        record.policy_state("agent")
    with pytest.raises(RecordError, match="Known: agents"):
        record.policy_state("../agents")
    (recorder.folder / "checkpoints" / "others.zip").touch()
    with pytest.raises(RecordError, match="agents, others"):
        record.policy_state()
    with pytest.raises(RecordError, match=r"others\.zip"):
        record.policy_state("others")


def test_a_strangers_checkpoint_runs_nothing(new_recorder, tmp_path):
    recorder = new_recorder(spec={"algorithm": "PPO"})
    trap = pickle.dumps(Trap(tmp_path / "sprung"), protocol=2)
    with zipfile.ZipFile(recorder.file("checkpoints/agents.zip"), "w") as archive:
        archive.writestr("policy.pth", trap)
        archive.writestr("data", json.dumps({"policy_class": {":serialized:": "x"}}))
    record = load_run(1, runs_dir=tmp_path)
    with pytest.raises(RecordError, match="cannot be read"):
        record.policy_state()
    with pytest.raises(RecordError, match="pickled code"):
        record.load_policy()
    assert not (tmp_path / "sprung").exists()
    pickle.loads(trap).close()  # noqa: S301 - our own trap
    assert (tmp_path / "sprung").exists(), "the trap itself must work"


def test_reading_needs_neither_sacred_nor_torch(three_runs):
    output, _ = run_child(
        """
        import sys
        from daf_nb.record import list_runs, load_run
        list_runs(runs_dir=sys.argv[1])
        record = load_run(1, runs_dir=sys.argv[1])
        record.metrics, record.journal, record.config, record.cell, record.facts
        print([name for name in ("torch", "sacred", "stable_baselines3") if name in sys.modules])
        """,
        three_runs,
    )
    assert output.strip() == "[]"


def by_hand(rows):
    """The table of some rows of (step, metrics), made without any library of tables."""
    cells = {}
    for step, values in rows:
        for name, value in values.items():
            cells[step, name] = float(value)
    steps = sorted({step for step, _ in rows})
    names = list(dict.fromkeys(name for _, values in rows for name in values))
    return steps, names, [[cells.get((step, name), math.nan) for name in names] for step in steps]


def random_rows(generator, count):
    """Rows as unlike as they may be: repeated and unsorted steps, other metrics, odd numbers."""
    odd = [math.nan, math.inf, -math.inf, 0, 10**30, -0.0, 1e-300, True, "NaN", "-Infinity", "2.5"]
    every = ["rollout/return_mean", "a", "b[1]", "é", "", 'quote"', "train/loss"]
    rows = []
    for _ in range(count):
        chosen = generator.permutation(every)[: generator.integers(0, len(every))]
        values = {
            str(name): odd[generator.integers(len(odd))]
            if generator.random() < 0.2
            else float(generator.normal())
            for name in chosen
        }
        rows.append((int(generator.integers(-5, count)), values))
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_metrics_are_what_was_written_whatever_it_was(tmp_path, seed):
    rows = random_rows(np.random.default_rng(seed), [1, 2, 30, 6000][seed % 4])
    write_run(tmp_path, 1, rows=rows)
    metrics = load_run(1, runs_dir=tmp_path).metrics
    steps, names, cells = by_hand(rows)
    assert (metrics.index.tolist(), metrics.columns.tolist()) == (steps, names)
    np.testing.assert_array_equal(metrics.to_numpy(), np.array(cells).reshape(len(steps), -1))


def test_one_metric_is_its_column_without_the_steps_that_have_none(tmp_path):
    rows = [(3, {"a": 1}), (1, {"a": 2, "b": 0}), (3, {"a": 5}), (2, {"b": "NaN"})]
    write_run(tmp_path, 1, rows=rows)
    record = load_run(1, runs_dir=tmp_path)
    assert record.metric("a").to_dict() == {1: 2.0, 3: 5.0}
    assert record.metric("b").index.tolist() == [1, 2]
    with pytest.raises(RecordError, match=r"Run 1: unknown metric 'c'.*Known: a, b"):
        record.metric("c")


def test_a_run_without_metrics_has_an_empty_table(tmp_path):
    (write_run(tmp_path, 1) / "metrics.jsonl").unlink()
    assert load_run(1, runs_dir=tmp_path).metrics.shape == (0, 0)


LINE = '{"step": 1, "time": 0, "values": {"a": 1}}'


@pytest.mark.parametrize(
    "bad",
    [
        LINE[:-1],
        LINE.replace("1, ", "1.0, ", 1),
        LINE.replace("1, ", "true, ", 1),
        LINE.replace("1, ", f"{2**63}, ", 1),
        LINE.replace('"time": 0', '"time": null'),
        LINE.replace('"time": 0, ', ""),
        LINE.replace('{"a": 1}', "[1]"),
        LINE.replace('"a": 1', '"a": null'),
        LINE.replace('"a": 1', '"a": "one"'),
        LINE.replace('"a": 1', '"a": [1]'),
        LINE.replace('"a": 1', '"a": 1' + "0" * 400),
        f"{LINE}, {LINE}",
        "",
        "[]",
        "3",
        "{" * 5000,
    ],
)
def test_metrics_end_at_the_first_line_that_is_none(tmp_path, bad):
    good = metric_lines((step, {"a": step}) for step in range(5000))
    folder = write_run(tmp_path, 1)
    (folder / "metrics.jsonl").write_text(f"{good}{bad}\n{LINE}\n")
    record = load_run(1, runs_dir=tmp_path)
    with pytest.warns(DafWarning, match=rf"torn at line 5001: {len(bad) + len(LINE) + 2} byte"):
        metrics = record.metrics
    assert metrics["a"].tolist() == [float(step) for step in range(5000)]


@pytest.mark.parametrize("seed", range(4))
def test_metrics_cut_anywhere_are_read_up_to_there(tmp_path, seed):
    generator = np.random.default_rng(seed)
    lines = metric_lines((step, {"a": step, "b": 0.5}) for step in range(20_000)).encode()
    path = write_run(tmp_path, 1) / "metrics.jsonl"
    for cut in generator.integers(0, len(lines), size=10).tolist():
        path.write_bytes(lines[:cut])
        whole = lines[:cut].count(b"\n")
        record = load_run(1, runs_dir=tmp_path)
        if lines[cut - 1 : cut] in (b"\n", b""):
            metrics = record.metrics
        else:
            with pytest.warns(DafWarning, match=f"torn at line {whole + 1}"):
                metrics = record.metrics
        assert metrics.index.tolist() == list(range(whole))


def test_a_table_that_no_memory_holds_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr("daf_nb.record.reading.metrics.LARGEST_TABLE", 40 * 40 - 1)
    write_run(tmp_path, 1, rows=((step, {f"metric {step}": 1.0}) for step in range(40)))
    record = load_run(1, runs_dir=tmp_path)
    with pytest.raises(RecordError, match=r"40 metrics.*metric\(name\)"):
        _ = record.metrics
    assert record.metric("metric 7").to_dict() == {7: 1.0}


def test_series_of_sacred_that_are_none_are_left_out_and_named(tmp_path):
    folder = write_run(tmp_path, 1)
    (folder / "metrics.jsonl").unlink()
    series = {
        "good": {"steps": [1, 0], "values": [1.0, math.nan]},
        "uneven": {"steps": [1, 2], "values": [1.0]},
        "text": {"steps": [1], "values": ["one"]},
        "real": {"steps": [1.5], "values": [1.0]},
        "none": None,
    }
    (folder / "metrics.json").write_text(json.dumps(series))
    with pytest.warns(DafWarning, match="uneven.*text.*real.*none"):
        metrics = load_run(1, runs_dir=tmp_path).metrics
    assert metrics.columns.tolist() == ["good"]
    np.testing.assert_array_equal(metrics["good"], [math.nan, 1.0])


def test_a_spec_keeps_the_state_of_a_generator(tmp_path):
    state = np.random.default_rng(0).bit_generator.state
    write_run(tmp_path, 1, spec={"state": state})
    assert load_run(1, runs_dir=tmp_path).config["state"] == state


def test_what_an_experiment_left_is_read(tmp_path):
    ours = {"kind": "experiment", "children": [4, 5, "x", True], "parent": 2, "success": 0.25}
    folder = write_run(tmp_path, 3, ours=ours)
    (folder / "figures").mkdir()
    for name in ("002.png", "001.svg", "notes.txt"):
        (folder / "figures" / name).touch()
    (folder / "figures" / "003.png").symlink_to("/etc/passwd")
    cells = [{"number": 1, "source": "a = 1", "needed": True, "ok": True}]
    (folder / "history.json").write_text(json.dumps({"cells": [*cells, 3]}))
    (folder / "cout.txt").write_bytes("é".encode() + b"\xff")
    (folder / "info.json").write_text('{"noted": 1}')
    record = load_run(3, runs_dir=tmp_path)
    assert [path.name for path in record.figures] == ["001.svg", "002.png"]
    assert (record.history, record.output, record.info) == (cells, "é\ufffd", {"noted": 1})
    assert (record.kind, record.children, record.parent) == ("experiment", (4, 5), 2)
    assert (record.success, record.duration) == (0.25, 0.0)
    assert str(record.started) == "2026-01-01 00:00:00+00:00"


def test_a_run_that_left_nothing_has_empty_parts(tmp_path):
    record = load_run(write_run(tmp_path, 1).name, runs_dir=tmp_path)
    assert (record.figures, record.history, record.output, record.info) == ([], [], "", {})
    assert math.isnan(record.success)


def test_a_run_shows_itself_in_a_few_words_without_any_markup_of_its_own(tmp_path):
    folder = write_run(tmp_path, 1, name="<script>alert(1)</script>\x1b[31m" + "x" * 500)
    record = load_run(1, runs_dir=tmp_path)
    assert repr(record).startswith("<run 1: name <script>alert(1)</script>\\x1b[31mxx")
    assert len(repr(record)) < 300
    html = record._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "\x1b" not in html
    (folder / "run.json").write_text("<b>")
    assert repr(record).startswith("<run 1: status UNREADABLE, error Run 1 is broken: run.json")
    assert "<b>" not in record._repr_html_()


def read_all(record: RunRecord):
    """Reads everything that a record offers; what is refused as broken is refused."""
    names = [
        "status", "name", "tags", "kind", "parent", "children", "started", "duration", "success",
        "result", "fail_trace", "config", "facts", "info", "cell", "output", "history", "figures",
        "metrics", "journal", "events", "checkpoints",
    ]  # fmt: skip
    for name in names:
        with contextlib.suppress(RecordError):
            getattr(record, name)
    with contextlib.suppress(RecordError):
        record.metric("loss")
    assert repr(record)
    assert record._repr_html_()


@pytest.mark.filterwarnings("ignore::daf_nb.errors.DafWarning")
@pytest.mark.parametrize("seed", range(6))
def test_no_damage_to_any_file_is_more_than_a_broken_record(new_recorder, tmp_path, seed):
    generator = np.random.default_rng(seed)
    recorder = new_recorder()

    def main():
        for step in range(20):
            recorder.log_metrics(step, {"loss": 0.5})
            recorder.log_event("tick", step, {"a": [1]})
            recorder.log_journal({"step": step, "name": "lr", "old": 1, "new": 2, "by": "me"})
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        recorder.run(main)
    (recorder.folder / "history.json").write_text('{"cells": [{"number": 1}]}')
    originals = {path: path.read_bytes() for path in recorder.folder.iterdir() if path.is_file()}
    for path, data in originals.items():
        for _ in range(12):
            broken = bytearray(data)
            if generator.random() < 0.3:
                del broken[generator.integers(0, len(data) + 1) :]
            elif data:
                for place in generator.integers(0, len(data), size=generator.integers(1, 4)):
                    broken[place] = generator.integers(0, 256)
            path.write_bytes(broken)
            read_all(load_run(1, runs_dir=tmp_path))
            assert list_runs(runs_dir=tmp_path).loc[0, "status"] != "COMPLETED"
        path.unlink()
        read_all(load_run(1, runs_dir=tmp_path))
        path.mkdir()
        read_all(load_run(1, runs_dir=tmp_path))
        path.rmdir()
        path.write_bytes(data)
    assert load_run(1, runs_dir=tmp_path).status == "FAILED"


VALUES = [
    None,
    True,
    0,
    -1,
    2**70,
    1e308,
    "x",
    "NaN",
    [],
    {},
    [[]],
    {"a": {}},
    "9999-12-31T23:59:59",
]


@pytest.mark.filterwarnings("ignore::daf_nb.errors.DafWarning")
@pytest.mark.parametrize("seed", range(4))
def test_no_value_of_the_wrong_kind_is_more_than_a_broken_record(tmp_path, seed):
    generator = np.random.default_rng(seed)
    values = [*VALUES, "DEEP"]
    folder = write_run(tmp_path, 1, status="FAILED", rows=[(0, {"loss": 1})])
    document = json.loads((folder / "run.json").read_text())
    files = ["config.json", "facts.json", "info.json", "history.json", "metrics.json"]

    def any_value():
        return values[generator.integers(len(values))]

    def write(name, value):
        text = json.dumps(value).replace('"DEEP"', "[" * 1000 + "]" * 1000)
        (folder / name).write_text(text + "\n")

    for _ in range(100):
        strange = {
            key: any_value() if generator.random() < 0.3 else document[key] for key in document
        }
        if isinstance(strange["daf_nb"], dict):
            strange["daf_nb"] = {key: any_value() for key in strange["daf_nb"]}
        write("run.json", strange)
        for name in files:
            write(name, {"cells": any_value(), "a": any_value()})
        row = {"step": any_value(), "time": any_value(), "values": any_value(), "kind": any_value()}
        row |= {"data": any_value(), "name": any_value(), "old": 0, "new": 0, "by": any_value()}
        for name in ("metrics", "events", "journal"):
            write(f"{name}.jsonl", row)
        read_all(load_run(1, runs_dir=tmp_path))
        assert len(list_runs(runs_dir=tmp_path, sort="-started")) == 1


def test_times_and_numbers_that_cannot_be_are_left_out(tmp_path):
    folder = write_run(tmp_path, 1, ours={"parent": -3, "children": [-1, 0, 2]})
    document = json.loads((folder / "run.json").read_text())
    document |= {"start_time": "2026-01-02T00:00:00", "stop_time": "2026-01-01T00:00:00"}
    (folder / "run.json").write_text(json.dumps(document))
    record = load_run(1, runs_dir=tmp_path)
    assert math.isnan(record.duration)
    assert (record.parent, record.children) == (None, (2,))
    assert list_runs(runs_dir=tmp_path)[["duration", "parent"]].isna().to_numpy().all()


@pytest.mark.parametrize("number", ["001", "+1", " 1", True, 1.0, "9" * 5000])
def test_what_is_no_number_of_a_run_names_none(tmp_path, number):
    write_run(tmp_path, 1)
    of_numpy: Any = np.int64(1)
    assert load_run(of_numpy, runs_dir=tmp_path).id == load_run("1", runs_dir=tmp_path).id == 1
    with pytest.raises(RecordError, match="No run"):
        load_run(number, runs_dir=tmp_path)
