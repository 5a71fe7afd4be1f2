import json
import math
import os
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch

from daf_nb.errors import DafWarning, RecordError
from daf_nb.record import list_runs, load_run
from tests.record.children import run_child


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
