"""`daf-nb reproduce`: what it answers, and by which exit code."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

import daf_nb as daf
from daf_nb.session import train_spec
from tests.cli.test_cli import ROOT, SPEC, command, shell
from tests.record.children import run_child
from tests.test_session import wait_until

CELL = """
import random, sys, time
import daf_nb as daf
with daf.experiment("drawn", runs_dir=sys.argv[-1] if sys.argv[-1] != "-c" else None):
    print(random.random(), flush=True)
    time.sleep(float(SECONDS))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    train_spec(SPEC, runs_dir=runs).wait()
    return runs


def test_a_training_that_comes_out_the_same_is_exit_code_0(trained):
    said = shell("reproduce", 1, "--runs-dir", trained)
    assert (said.returncode, said.stderr) == (0, "")
    number = said.stdout.split()[6].rstrip(":")
    assert said.stdout == f"run 1 played again as run {number}: identical\n"
    assert daf.load_run(number, runs_dir=trained).parent == 1


def test_one_that_does_not_is_exit_code_1_and_one_json_document(trained):
    config = json.loads((trained / "1" / "config.json").read_text())
    (trained / "1" / "config.json").write_text(json.dumps(config | {"seed": 9}))
    try:
        said = shell("reproduce", 1, "--runs-dir", trained, "--json")
    finally:
        (trained / "1" / "config.json").write_text(json.dumps(config))
    assert said.returncode == 1, said.stderr
    told = json.loads(said.stdout)
    assert (told["id"], told["identical"], told["notes"]) == (1, False, [])
    first = told["first_difference"]
    assert (first["what"], first["step"]) == ("metric", 64)
    was, now = first["values"]["train/loss"]
    assert was != now


def recorded_cell(runs: Path, *, seconds: float) -> None:
    """A record as a notebook's cell leaves it."""
    code = CELL.replace("SECONDS", repr(str(seconds)))
    run_child(code, runs)
    (runs / "1" / "source.py").write_text(code)
    about = json.loads((runs / "1" / "run.json").read_text())
    about["daf_nb"]["source"] |= {"kind": "cell", "name": "In[1]", "directory": str(ROOT)}
    (runs / "1" / "run.json").write_text(json.dumps(about))


def test_a_cell_is_made_again_where_it_is_trusted(tmp_path):
    recorded_cell(tmp_path, seconds=0)
    said = shell("reproduce", 1, "--runs-dir", tmp_path)
    assert said.returncode == 1 and said.stderr.count("\n") == 1
    assert "executes the code in its source.py" in said.stderr and "--trust" in said.stderr
    assert [folder.name for folder in tmp_path.iterdir()] == ["1"]
    said = shell("reproduce", 1, "--runs-dir", tmp_path, "--trust", "--json")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["identical"] is True
    (tmp_path / "1" / "cout.txt").write_text("0.5\n")
    said = shell("reproduce", 1, "--runs-dir", tmp_path, "--trust")
    assert said.returncode == 1
    assert "they part in its output: line 1 '0.5' -> '0." in said.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_kernel_too(tmp_path, number):
    recorded_cell(tmp_path, seconds=0)
    source = tmp_path / "1" / "source.py"
    source.write_text(source.read_text().replace("'0'", "'60'"))
    arguments = ("reproduce", 1, "--runs-dir", tmp_path, "--trust")
    with subprocess.Popen(
        command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        output = tmp_path / "2" / "cout.txt"
        wait_until(lambda: output.exists() and output.read_bytes(), seconds=60)
        process.send_signal(number)
        said, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number, errors
    assert said == "" and "Traceback" not in errors
    assert daf.load_run(2, runs_dir=tmp_path).status == "INTERRUPTED"
