"""Links that somebody put into a run's folder: what is behind them is in no answer."""

import json
from pathlib import Path

import pytest

from daf_nb.errors import RecordError
from daf_nb.notebook.tail import Tail
from daf_nb.record import compare, list_runs, load_run
from tests.record.written import MOMENT, write_run

READ = {
    "source.py": lambda record: record.cell,
    "cout.txt": lambda record: record.output,
    "config.json": lambda record: record.config,
    "facts.json": lambda record: record.facts,
    "info.json": lambda record: record.info,
    "run.json": lambda record: record.name,
    "history.json": lambda record: record.history,
    "metrics.jsonl": lambda record: record.metrics,
    "metrics.json": lambda record: record.metrics,
    "journal.jsonl": lambda record: record.journal,
    "events.jsonl": lambda record: record.events,
}


def plant(place: Path, content: str = '{"name": "secret"}') -> None:
    """Puts a link to a file from outside of all runs in the place of a file."""
    outside = place.parents[2] / "outside"
    outside.write_text(content)
    place.unlink(missing_ok=True)
    place.symlink_to(outside)


@pytest.mark.parametrize("name", READ)
def test_a_linked_file_is_refused_and_the_error_says_that_it_is_a_link(tmp_path, name):
    folder = write_run(tmp_path / "runs", 1)
    if name == "metrics.json":
        (folder / "metrics.jsonl").unlink()
    plant(folder / name)
    with pytest.raises(RecordError, match=f"{name} is a link"):
        READ[name](load_run(1, runs_dir=tmp_path / "runs"))
    (tmp_path / "outside").unlink()
    with pytest.raises(RecordError, match=f"{name} is a link"):
        READ[name](load_run(1, runs_dir=tmp_path / "runs"))


def test_a_linked_run_json_is_unreadable_in_the_list(tmp_path):
    document = json.dumps({"status": "COMPLETED", "start_time": MOMENT, "daf_nb": {"name": "own"}})
    plant(write_run(tmp_path / "runs", 1) / "run.json", document)
    row = list_runs(runs_dir=tmp_path / "runs").iloc[0]
    assert row["status"] == load_run(1, runs_dir=tmp_path / "runs").status == "UNREADABLE"
    assert row["name"] is None


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "journal.jsonl"])
def test_runs_with_links_are_not_compared(tmp_path, name):
    rows = [(0, {"rollout/return_mean": 1.0})]
    write_run(tmp_path / "runs", 1, rows=rows)
    plant(write_run(tmp_path / "runs", 2, rows=rows) / name)
    with pytest.raises(RecordError, match=f"Run 2 is broken: {name}.* is a link"):
        compare([1, 2], runs_dir=tmp_path / "runs")


@pytest.mark.parametrize(("home", "name"), [("figures", "1.png"), ("checkpoints", "learner.zip")])
def test_linked_members_and_linked_folders_are_left_out(tmp_path, home, name):
    folder, outside = write_run(tmp_path / "runs", 1), tmp_path / "outside"
    outside.mkdir()
    (outside / name).write_bytes(b"secret")
    (folder / home).mkdir()
    (folder / home / name).write_bytes(b"own")
    (folder / home / f"0{name}").symlink_to(outside / name)
    record = load_run(1, runs_dir=tmp_path / "runs")
    assert getattr(record, home) == [folder / home / name]
    (folder / home).rename(folder / "kept")
    assert getattr(record, home) == []
    (folder / home).symlink_to(outside)
    assert getattr(record, home) == []


def test_a_tail_shows_nothing_of_a_link(tmp_path):
    log, outside = tmp_path / "log", tmp_path / "outside"
    tail = Tail(log, lambda value: value)
    outside.write_text('{"secret": "of more than a few letters, longer than any link is"}\n' * 9)
    log.symlink_to(outside)
    assert tail.read() == []
    log.unlink()
    log.write_text('{"own": 1}\n')
    assert tail.read() == [{"own": 1}]


def test_the_folder_of_all_runs_and_that_of_one_may_be_links(tmp_path):
    folder = write_run(tmp_path / "disk", 1, name="far")
    (folder / "figures").mkdir()
    (folder / "figures" / "1.png").touch()
    (tmp_path / "runs").symlink_to(tmp_path / "disk")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "4").symlink_to(folder)
    for root, number in ((tmp_path / "runs", 1), (tmp_path / "mine", 4)):
        record = load_run(number, runs_dir=root)
        assert (record.name, record.cell) == ("far", "train()\n")
        assert [path.name for path in record.figures] == ["1.png"]
        assert list_runs(runs_dir=root)["name"].tolist() == ["far"]
