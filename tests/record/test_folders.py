import json

import pytest

from daf_nb.errors import RecordError
from daf_nb.record.folders import claim_folder, project_root, run_ids, runs_root
from tests.record.children import start_child, tell


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in ("DAF_NB_RUNS", "DAF_NB_RUNS_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    return tmp_path


def test_runs_live_at_the_projects_root_seen_from_a_notebook(project):
    assert project_root() == project
    assert runs_root() == project / "runs"


def test_the_environment_goes_before_the_project_and_the_argument_before_both(
    project, tmp_path, monkeypatch
):
    monkeypatch.setenv("DAF_NB_RUNS", str(tmp_path / "older"))
    assert runs_root() == tmp_path / "older"
    monkeypatch.setenv("DAF_NB_RUNS_DIR", str(tmp_path / "elsewhere"))
    assert runs_root() == tmp_path / "elsewhere"
    assert runs_root("near") == tmp_path / "notebooks" / "deep" / "near"


def test_only_plain_numbers_are_runs(tmp_path):
    for name in ["1", "12", "_sources", "007", "²", "1.5", "x"]:
        (tmp_path / name).mkdir()
    (tmp_path / "3").touch()
    assert run_ids(tmp_path) == [1, 12]
    assert run_ids(tmp_path / "absent") == []


def test_a_claim_goes_past_the_highest_number(tmp_path):
    (tmp_path / "41").mkdir()
    assert claim_folder(tmp_path) == (42, tmp_path / "42")


def test_a_root_that_cannot_be_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(RecordError, match="DAF_NB_RUNS_DIR"):
        claim_folder(tmp_path / "runs")


def test_thirty_two_simultaneous_starts_get_thirty_two_numbers(tmp_path):
    code = """
        import json, sys, threading
        from daf_nb.record import Recorder, Source
        source = Source(kind="script", text="", name="")
        barrier, claimed = threading.Barrier(8), []
        def claim():
            barrier.wait()
            claimed.append(Recorder(spec={}, name="x", runs_dir=sys.argv[1], source=source))
        sys.stdin.readline()
        threads = [threading.Thread(target=claim) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(json.dumps([recorder.id for recorder in claimed]))
    """
    children = [start_child(code, tmp_path, stdin=-1) for _ in range(4)]
    for child in children:
        tell(child, "go")
    claimed: list[int] = []
    for child in children:
        claimed += json.loads(child.communicate(timeout=120)[0])
    assert sorted(claimed) == list(range(1, 33))
    for number in range(1, 33):
        assert json.loads((tmp_path / str(number) / "run.json").read_text())["status"] == "QUEUED"
