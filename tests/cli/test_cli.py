"""The program as a shell sees it: what it writes where, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import daf_nb
from daf_nb.cli import app
from daf_nb.record import load_run
from daf_nb.session import train_spec
from tests.notebook.report.pages import HOSTILE, Page, make_record

ROOT = Path(__file__).resolve().parents[2]
SPEC = {
    "world": "mpe2.simple_spread_v3",
    "env_kwargs": {"N": 2},
    "total_timesteps": 500,
    "num_envs": 2,
    "seed": 0,
    "torch_threads": 1,
    "algorithm_kwargs": {"n_steps": 16, "n_epochs": 1},
}
WORLD = """
from pettingzoo import ParallelEnv
from tests.worlds import Raising


def parallel_env(**kwargs):
    return Raising(at=20, limit=50)
"""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "daf_nb.cli", *map(str, arguments)]


def shell(*arguments: object, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    """What the program says, run as a program."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | environ,
        timeout=120,
    )


@pytest.fixture
def spec(tmp_path: Path) -> Callable[..., Path]:
    """Writes a spec to a file."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(SPEC | changes))
        return path

    return write


def test_a_spec_is_trained_and_the_answer_is_one_json_document(tmp_path: Path, spec):
    path = spec()
    said = shell(
        "train", path, "--set", "seed=5", "--set", "env_kwargs.N=3", "--name", HOSTILE[:20],
        "--tag", "a", "--tag", "b", "--runs-dir", tmp_path / "runs", "--json",
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    answer = json.loads(said.stdout)
    assert (answer["id"], answer["status"], answer["error"]) == (1, "COMPLETED", None)
    record = load_run(1, runs_dir=tmp_path / "runs")
    assert (record.name, record.tags) == (HOSTILE[:20], ("a", "b"))
    assert record.config["seed"] == 5 and record.config["env_kwargs"] == {"N": 3}
    assert answer["steps"] == record.metrics.index[-1]
    assert json.loads(path.read_text()) == SPEC


@pytest.mark.parametrize(
    ("number", "seeds"),
    [(signal.SIGINT, ()), (signal.SIGTERM, ()), (signal.SIGINT, ("--seeds", "0"))],
)
def test_an_interrupt_ends_the_run_and_says_how_it_goes_on(
    tmp_path: Path, spec, number: int, seeds: tuple[str, ...]
):
    path, runs = spec(total_timesteps=10_000_000), tmp_path / "runs"
    arguments = ("train", path, "--runs-dir", runs, *seeds)
    with subprocess.Popen(
        command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        metrics = tmp_path / "runs" / "1" / "metrics.jsonl"
        deadline = time.monotonic() + 60
        while not (metrics.exists() and metrics.stat().st_size):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        told, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number, errors
    record = load_run(1, runs_dir=tmp_path / "runs")
    assert record.status == "INTERRUPTED" and len(record.checkpoints) == 1
    assert ("1  INTERRUPTED" if seeds else "run 1: INTERRUPTED") in told
    assert "Traceback" not in errors
    assert f"daf-nb resume 1 --runs-dir {tmp_path / 'runs'}" in errors


def test_a_world_that_breaks_is_one_line_and_exit_code_1(tmp_path: Path, spec):
    (tmp_path / "breaking.py").write_text(WORLD)
    path = spec(world="breaking", env_kwargs={})
    stranger = shell("train", path, PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}")
    assert stranger.returncode != 0 and "--trust" in stranger.stderr
    arguments = ("train", path, "--runs-dir", tmp_path / "runs", "--json", "--trust")
    said = shell(*arguments, PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}")
    assert said.returncode == 1
    assert json.loads(said.stdout)["status"] == "FAILED"
    (line,) = [one for one in said.stderr.splitlines() if one.startswith("daf-nb:")]
    assert "the world broke at step 20" in line and "Traceback" not in said.stderr
    again = shell("--debug", *arguments, PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}")
    assert again.returncode == 1 and "Traceback" in again.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("num_env=3", "Did you mean 'num_envs'?"),
        ("num_envs=none", "num_envs='none'"),
        ("num_envs.of=3", "holds no object"),
    ],
)
def test_a_spec_that_cannot_be_is_refused_before_anything_is_recorded(
    tmp_path: Path, spec, change: str, said: str
):
    answer = shell("train", spec(), "--set", change, "--runs-dir", tmp_path / "runs")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert said in answer.stderr and answer.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_call_that_cannot_be_has_exit_code_2(tmp_path: Path):
    runner = CliRunner()
    for arguments in (
        ["show"],
        ["runs", "--limit", "few"],
        ["runs", "--where", "status"],
        ["train", str(tmp_path / "none.json")],
        ["retrain"],
        ["runs", "--nothing"],
    ):
        result = runner.invoke(app, arguments)
        assert result.exit_code == 2, arguments
        assert "Error" in result.stderr and result.stdout == ""


def test_what_is_wrong_is_one_line_with_exit_code_1(tmp_path: Path):
    for arguments in (
        ("show", "7"), ("report", "7"), ("runs", "--where", "stat=1"), ("runs", "--sort", "stat"),
    ):  # fmt: skip
        said = shell(*arguments, "--runs-dir", tmp_path)
        assert (said.returncode, said.stdout) == (1, ""), arguments
        assert said.stderr.startswith("daf-nb: ") and said.stderr.count("\n") == 1


def test_the_version_is_that_of_the_package():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"daf_nb {daf_nb.__version__}\n")


def test_runs_are_listed_newest_first_filtered_sorted_and_cut(tmp_path: Path):
    for number, (status, best) in enumerate([("COMPLETED", 3.0), ("FAILED", 9.0),
                                             ("COMPLETED", 5.0)], start=1):  # fmt: skip
        make_record(tmp_path, number, status=status, name=f"n{number}", ours={"return_best": best})

    def ids(*arguments: str) -> list[int]:
        result = CliRunner().invoke(
            app, ["runs", "--json", "--runs-dir", str(tmp_path), *arguments]
        )
        return [row["id"] for row in json.loads(result.stdout)]

    assert ids() == [3, 2, 1]
    assert ids("--where", "status=COMPLETED") == [3, 1]
    assert ids("--where", "status=COMPLETED", "--where", "id=1") == [1]
    assert ids("--sort", "return_best") == [1, 3, 2]
    assert ids("--sort", "-return_best", "--limit", "1") == [2]
    assert ids("--where", "status=LOST") == []
    text = CliRunner().invoke(app, ["runs", "--runs-dir", str(tmp_path)]).stdout.splitlines()
    assert text[0].split()[:3] == ["id", "name", "status"]
    assert [line.split()[:3] for line in text[1:]] == [
        ["3", "n3", "COMPLETED"], ["2", "n2", "FAILED"], ["1", "n1", "COMPLETED"],
    ]  # fmt: skip


def test_hostile_names_are_escaped_on_the_terminal(tmp_path: Path):
    make_record(tmp_path, name=HOSTILE, status="FAILED", fail_trace=[HOSTILE], host={"hostname":
                HOSTILE}, journal=[{"step": 1, "name": HOSTILE, "old": HOSTILE, "new": HOSTILE,
                "by": HOSTILE}], ours={"tags": [HOSTILE], "world": HOSTILE})  # fmt: skip
    for arguments in (["runs"], ["show", "1"], ["runs", "--json"], ["show", "1", "--json"]):
        result = CliRunner().invoke(app, [*arguments, "--runs-dir", str(tmp_path)])
        assert result.exit_code == 0, result.exception
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\ud800]", result.stdout)
    assert r"\x1b[31m" in CliRunner().invoke(app, ["show", "1", "--runs-dir", str(tmp_path)]).stdout


def test_a_run_is_shown_as_text_and_as_json(tmp_path: Path):
    journal = [{"step": 10, "name": "learning_rate", "old": 1, "new": 2, "by": "user"}]
    make_record(
        tmp_path,
        config={"total_timesteps": 30, "seed": 3},
        metrics=[{"rollout/return_mean": float(n), "train/loss": float("nan")} for n in range(3)],
        journal=journal,
        ours={"steps": 30},
    )
    text = CliRunner().invoke(app, ["show", "1", "--runs-dir", str(tmp_path)]).stdout
    assert "30 of 30" in text and "▁" in text and "learning_rate 1 → 2 by user" in text
    result = CliRunner().invoke(app, ["show", "1", "--json", "--runs-dir", str(tmp_path)])
    told = json.loads(result.stdout, parse_constant=pytest.fail)
    assert told["metrics"] == {"rollout/return_mean": 2.0, "train/loss": None}
    assert (told["config"]["seed"], told["journal"]) == (3, journal)


def test_a_broken_record_is_shown_as_far_as_it_goes(tmp_path: Path):
    (tmp_path / "1").mkdir()
    result = CliRunner().invoke(app, ["show", "1", "--runs-dir", str(tmp_path)])
    assert result.exit_code == 0
    assert "UNREADABLE" in result.stdout and "warning: run.json cannot be read" in result.stdout


def test_a_report_is_written_and_its_path_printed(tmp_path: Path):
    make_record(tmp_path)
    said = shell("report", 1, "--runs-dir", tmp_path, "--path", tmp_path / "r.html")
    assert (said.returncode, said.stdout.strip()) == (0, str(tmp_path / "r.html"))
    assert "by hand" in Page(tmp_path / "r.html").text
    said = shell("report", 1, 1, "--runs-dir", tmp_path, "--format", "markdown")
    assert said.stdout.strip() == str(tmp_path / "1" / "report.md")


def test_a_reader_that_goes_away_is_met_quietly(tmp_path: Path):
    for number in range(1, 400):
        make_record(tmp_path, number, name="x" * 60)
    arguments = " ".join(command("runs", "--json", "--runs-dir", tmp_path))
    said = subprocess.run(
        f"{arguments} | head -c 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )
    assert (said.stdout, said.stderr) == ("[", "")


def test_listing_runs_loads_no_torch(tmp_path: Path):
    make_record(tmp_path)
    code = (
        "import sys\nfrom daf_nb.cli import main\n"
        "try:\n    main(['runs', '--runs-dir', sys.argv[1]])\nexcept SystemExit:\n    pass\n"
        "print({'torch', 'sacred', 'matplotlib', 'ipywidgets'} & set(sys.modules))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert said.stdout.splitlines()[-1] == "set()"


def test_a_spec_is_read_from_the_standard_input(tmp_path: Path):
    def train(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command("train", "-", "--runs-dir", tmp_path / "runs", "--json"),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            timeout=120,
        )

    said = train("[1]")
    assert said.returncode == 1 and "the standard input holds a list" in said.stderr
    said = train(json.dumps(SPEC | {"seed": 4}))
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["status"] == "COMPLETED"
    assert load_run(1, runs_dir=tmp_path / "runs").config["seed"] == 4


def test_columns_of_text_are_compared_with_text(tmp_path: Path):
    make_record(tmp_path, 1, name="2026", ours={"tags": ["5", "true", "null"], "world": "null"})
    make_record(tmp_path, 2, name="other", ours={"tags": ["5"], "parent": 1})

    def ids(*wheres: str) -> list[int]:
        arguments = [part for where in wheres for part in ("--where", where)]
        said = CliRunner().invoke(app, ["runs", "--json", "--runs-dir", str(tmp_path), *arguments])
        assert said.exit_code == 0, said.exception
        return [row["id"] for row in json.loads(said.stdout)]

    assert ids("name=2026") == ids("tags=true") == ids("tags=null") == ids("world=null") == [1]
    assert (ids("tags=5"), ids("tags=5", "tags=null")) == ([2, 1], [1])
    assert (ids("parent=null"), ids("parent=1")) == ([1], [2])
    twice = ["runs", "--where", "id=1", "--where", "id=2", "--runs-dir", str(tmp_path)]
    assert CliRunner().invoke(app, twice).exit_code == 2


def test_a_record_that_nobody_would_write_is_shown(tmp_path: Path):
    deep = '{"a": ' * 900 + "1" + "}" * 900
    folder = make_record(tmp_path, fail_trace=5, files={"config.json": deep})
    arguments = ["show", "1", "--runs-dir", str(tmp_path)]
    text = CliRunner().invoke(app, arguments)
    assert text.exit_code == 0 and text.stdout.splitlines()[-1] == "  5"
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.exception
    inside = json.loads(result.stdout)["config"]
    while isinstance(inside, dict):
        inside = inside["a"]
    assert inside == "<dict nested too deeply>"
    (folder / "run.json").write_text('{"status": "FAILED", "result": ' + deep + "}")
    assert CliRunner().invoke(app, [*arguments, "--json"]).exit_code == 0
    assert CliRunner().invoke(app, arguments).exit_code == 0


def test_a_run_that_was_stopped_is_resumed_to_its_end(tmp_path: Path):
    runs = tmp_path / "runs"
    run = train_spec({**SPEC, "total_timesteps": 6_000}, runs_dir=runs)
    while run.step == 0:
        time.sleep(0.01)
    run.stop()
    run.wait()
    said = shell("resume", "1", "--runs-dir", runs, "--json")
    assert said.returncode == 0, said.stderr
    answer = json.loads(said.stdout)
    assert (answer["id"], answer["status"]) == (1, "COMPLETED")
    assert answer["steps"] >= 6_000
    again = shell("resume", "1", "--runs-dir", runs)
    assert again.returncode == 1
    assert "fork(1, total_timesteps=" in again.stderr


def test_several_seeds_are_trained_at_once_and_told_in_one_answer(tmp_path: Path, spec):
    runs = tmp_path / "runs"
    said = shell("train", spec(), "--seeds", "3-4", "--name", "two", "--runs-dir", runs, "--json")
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    assert [(row["seed"], row["status"]) for row in told] == [(3, "COMPLETED"), (4, "COMPLETED")]
    for row in told:
        record = load_run(row["run"], runs_dir=runs)
        assert (record.config["seed"], record.name) == (row["seed"], "two")
        assert record.metrics.index[-1] == row["step"]


def test_of_several_seeds_one_that_fails_is_named(tmp_path: Path, spec):
    (tmp_path / "raising_world.py").write_text(WORLD)
    said = shell(
        "train", spec(world="raising_world", env_kwargs={}), "--seeds", "7", "--trust",
        "--runs-dir", tmp_path / "runs", cwd=tmp_path, PYTHONPATH=f"{ROOT}:{tmp_path}",
    )  # fmt: skip
    assert said.returncode == 1
    assert "daf-nb: seed 7 (run 1): " in said.stderr and "broke at step 20" in said.stderr
    assert "FAILED" in said.stdout


@pytest.mark.parametrize("seeds", ["", "x", "3-1", "1-", "0-99999", "1,,2"])
def test_seeds_that_are_none_are_refused(tmp_path: Path, spec, seeds: str):
    arguments = ["train", str(spec()), "--seeds", seeds, "--runs-dir", str(tmp_path / "runs")]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    assert not (tmp_path / "runs").exists()
