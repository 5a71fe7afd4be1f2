"""Recorded cells, made again from their records alone: the same, or what differs first."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient

import daf_nb as daf
from tests.record.children import hear, start_child

pytestmark = pytest.mark.slow  # a kernel for each

ROOT = Path(__file__).resolve().parents[1]
LOG = "    daf.log('draw', random.random())\n"
SETUP = [
    "%load_ext daf_nb.notebook.extension",
    "import random, os, time\nimport numpy as np\nimport daf_nb as daf\n"
    "from tests.worlds import Counting",
    "%cd tests",
    "SMALL = {'num_envs': 2, 'batch_size': 16, 'algorithm_kwargs': {'n_steps': 16}}\nbase = 100",
    "unneeded = 'nobody reads this'",
]
CELLS = {
    "numbers": "%%experiment numbers --config rounds=3 --tag t\n"
    f"for _ in range(rounds):\n{LOG}print(base, np.random.random(), object())\n"
    "print(os.getcwd())\nrandom.random()",
    "fails": "%%experiment fails\nprint(random.random())\n{}['nothing', np.random.random()]",
    "stops": "%%experiment stops\nprint('stops')\nraise KeyboardInterrupt",
    "trains": "%%experiment trains\n"
    "run = daf.train(Counting, total_timesteps=200, name='inside', **SMALL)\n"
    "run.wait()\nprint('trained run', run.id, run.folder)\nrun.id",
    "second": "for name in ('other', 'twin', 'twin'):\n"
    "    with daf.experiment(name) as one:\n"
    "        one.result = random.random()\n"
    "        print(name, one.result)",
    "uses": "%%experiment uses\nprint(one.result)",
    "clock": "%%experiment clock\nprint('begins')\nprint(time.time_ns())\nprint('ends')",
    "waits": "%%experiment waits\nprint('waiting', flush=True)\n"
    "for tick in range(600):\n    daf.log('tick', tick)\n    time.sleep(0.1)",
    "left": "%%experiment left\n"
    "left = daf.train(Counting, total_timesteps=10**8, name='left', **SMALL)\n"
    "while not left.rows:\n    time.sleep(0.01)",
    "stopped": "left.stop(); left.wait();",
}


def press_stop(client: NotebookClient, root: Path) -> None:
    """Interrupts the cell that waits, once it does."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for output in root.glob("[0-9]*/cout.txt"):
            if output.read_bytes() == b"waiting\n":
                time.sleep(0.5)
                assert client.km is not None
                asyncio.run(ensure_async(client.km.interrupt_kernel()))
                return
        time.sleep(0.05)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """The runs of a notebook that was executed, and is gone."""
    root = tmp_path_factory.mktemp("runs")
    cells = [nbformat.v4.new_code_cell(text) for text in [*SETUP, *CELLS.values()]]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAF_NB_RUNS_DIR", str(root))
        environment.setenv("OMP_NUM_THREADS", "1")
        client = NotebookClient(
            nbformat.v4.new_notebook(cells=cells),
            timeout=120,
            allow_errors=True,
            resources={"metadata": {"path": str(ROOT)}},
        )
        finger = threading.Thread(target=press_stop, args=(client, root))
        finger.start()
        client.execute()
        finger.join()
    return root


def of(root: Path, name: str, *, place: int = 0) -> daf.RunRecord:
    """The record that the notebook made of the experiment of a name."""
    runs = daf.list_runs(runs_dir=root, sort="id", where={"name": name})
    ids = [
        run
        for run, tags in zip(runs["id"].tolist(), runs["tags"], strict=True)
        if "reproduction" not in tags
    ]
    return daf.load_run(ids[place], runs_dir=root)


def again(root: Path, name: str, *, place: int = 0, **options: Any) -> daf.Reproduction[Any]:
    return daf.reproduce(
        of(root, name, place=place).id, runs_dir=root, trust=True, **options
    ).wait()


@pytest.mark.parametrize("name", ["numbers", "fails", "stops", "trains", "other", "uses"])
def test_a_cell_is_made_again_from_its_record_alone(root, name):
    made = again(root, name)
    assert made.identical, made
    was, now = made.original, daf.load_run(made.run.id, runs_dir=root)
    assert (now.parent, now.tags) == (was.id, (*was.tags, "reproduction"))
    assert (now.status, now.name, now.config) == (was.status, was.name, was.config)
    assert now.cell == was.cell
    expected = f"run {was.id} played again as run {now.id}: identical"
    assert repr(made).startswith(expected)


def test_the_numbers_of_runs_are_those_of_the_runs_in_their_place(root):
    made = again(root, "trains")
    (was,), (now,) = made.original.children, daf.load_run(made.run.id, runs_dir=root).children
    assert was != now and made.original.output != daf.load_run(made.run.id, runs_dir=root).output
    for number, parent in ((was, made.original.id), (now, made.run.id)):
        assert daf.load_run(number, runs_dir=root).parent == parent
    states = [daf.load_run(number, runs_dir=root).policy_state() for number in (was, now)]
    assert all((states[0][name] == states[1][name]).all() for name in states[0])


@pytest.mark.parametrize("place", [0, 1])
def test_of_several_in_a_cell_the_right_one_is_made_again(root, place):
    made = again(root, "twin", place=place)
    assert made.identical
    now = daf.load_run(made.run.id, runs_dir=root)
    assert now.result == of(root, "twin", place=place).result != of(root, "other").result


def test_what_depends_on_the_clock_is_told_by_its_first_line(root):
    first = again(root, "clock").first_difference
    assert first is not None and first.what == "output"
    ((name, (was, now)),) = first.values.items()
    assert name == "line 2" and was != now
    assert str(first) == f"in its output: line 2 {was} -> {now}"


def test_a_cell_that_was_stopped_is_stopped_when_it_came_as_far(root):
    made = again(root, "waits")
    assert made.original.status == "INTERRUPTED"
    assert made.identical and "as far as it came before it was INTERRUPTED" in repr(made)
    now = daf.load_run(made.run.id, runs_dir=root)
    assert now.status == "INTERRUPTED"
    assert len(now.metrics) >= len(made.original.metrics) >= 4


def test_a_training_that_outlived_its_cell_is_stopped_where_it_was_stopped(root):
    made = again(root, "left")
    assert made.identical, made
    (was,), (now,) = made.original.children, daf.load_run(made.run.id, runs_dir=root).children
    steps = [daf.load_run(number, runs_dir=root).metrics.index[-1] for number in (was, now)]
    assert steps[0] == steps[1] > 0


def changed(folder: Path, name: str, was: str, now: str) -> None:
    text = (folder / name).read_text()
    assert was in text
    (folder / name).write_text(text.replace(was, now))


@pytest.fixture
def copy(root, tmp_path):
    """Some record, where it may be changed."""

    def make(name: str) -> Path:
        import shutil

        record = of(root, name)
        for number in (record.id, *record.children):
            shutil.copytree(root / str(number), tmp_path / str(number))
        return tmp_path / str(record.id)

    return make


@pytest.mark.parametrize(
    ("name", "file", "was", "now", "what"),
    [
        ("numbers", "cout.txt", "tests", "elsewhere", "output"),
        ("numbers", "metrics.jsonl", '"draw": 0.', '"draw": 1.', "metric"),
        ("numbers", "run.json", '"result": 0.', '"result": 1.', "result"),
        ("numbers", "config.json", '"rounds": 3', '"rounds": 4', "spec"),
        ("fails", "run.json", "KeyError", "LookupError", "error"),
        ("fails", "run.json", "FAILED", "COMPLETED", "status"),
    ],
)
def test_what_differs_is_named(copy, tmp_path, name, file, was, now, what):
    folder = copy(name)
    changed(folder, file, was, now)
    made = daf.reproduce(folder.name, runs_dir=tmp_path, trust=True).wait()
    assert made.first_difference is not None and made.first_difference.what == what, made
    assert f"they part in its {what}" in repr(made) or what == "metric"


def test_a_training_inside_that_differs_is_named_with_its_run(copy, tmp_path):
    folder = copy("trains")
    (child,) = daf.load_run(folder.name, runs_dir=tmp_path).children
    changed(
        tmp_path / str(child), "config.json", '"total_timesteps": 200', '"total_timesteps": 300'
    )
    first = daf.reproduce(folder.name, runs_dir=tmp_path, trust=True).first_difference
    assert first is not None
    assert (first.run, first.what, first.values) == (
        child,
        "spec",
        {"total_timesteps": ("300", "200")},
    )


def test_a_cell_runs_only_where_it_is_trusted(root):
    record = of(root, "numbers")
    with pytest.raises(daf.ConfigError, match=r"executes the code in its source\.py.*trust=True"):
        daf.reproduce(record.id, runs_dir=root)
    with pytest.raises(daf.ConfigError, match="unknown argument of reproduce for a cell 'seed'"):
        daf.reproduce(record.id, runs_dir=root, trust=True, seed=3)


def test_a_cell_that_takes_too_long_is_given_up(copy, tmp_path):
    folder = copy("waits")
    changed(folder, "run.json", "INTERRUPTED", "COMPLETED")
    made = daf.reproduce(folder.name, runs_dir=tmp_path, trust=True, timeout=20)
    with pytest.raises(daf.RecordError, match="took longer than 20 s"):
        made.wait()
    assert repr(made).endswith("INTERRUPTED")
    assert "Traceback" not in repr(made)


def test_a_needed_cell_that_raises_now_is_told(copy, tmp_path):
    folder = copy("numbers")
    changed(folder, "history.json", "base = 100", "base = 100 / 0")
    with pytest.raises(daf.RecordError, match=r"cell 4, which it needs, raised ZeroDivisionError"):
        daf.reproduce(folder.name, runs_dir=tmp_path, trust=True).wait()


def test_where_the_folder_is_gone_another_one_is_named(copy, tmp_path):
    folder = copy("stops")
    changed(folder, "run.json", f'"directory": "{ROOT}"', '"directory": "/no/such/place"')
    said = repr(daf.reproduce(folder.name, runs_dir=tmp_path, trust=True).wait())
    assert "identical" in said and "/no/such/place is not here" in said


REPRODUCES = """
import sys
import daf_nb as daf
if __name__ == "__main__":
    made = daf.reproduce(int(sys.argv[2]), runs_dir=sys.argv[1], trust=True)
    while not made.run.id:
        made.run.wait(0.05)
    print(made.run.id, flush=True)
    made.wait()
"""


@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_no_kernel_outlives_who_asked_for_it(copy, tmp_path, how):
    folder = copy("waits")
    changed(folder, "run.json", "INTERRUPTED", "COMPLETED")
    child = start_child(REPRODUCES, tmp_path, folder.name, cwd=ROOT)
    number = hear(child)
    kernels = psutil.Process(child.pid).children(recursive=True)
    assert len(kernels) == 1
    if how == "kill":
        child.kill()
    else:
        import signal

        child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    _, alive = psutil.wait_procs(kernels, timeout=10)
    assert not alive
    status = daf.load_run(number, runs_dir=tmp_path).status
    assert status == ("LOST" if how == "kill" else "INTERRUPTED")


def test_a_script_is_made_again_too(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import random, sys\nimport daf_nb as daf\nimport beside\n"
        "for name in 'ab':\n"
        f"    with daf.experiment('same', runs_dir={str(tmp_path / 'runs')!r}) as one:\n"
        "        print(name, random.random(), beside.WORD, len(sys.argv))\n"
        "        one.result = __file__\n"
    )
    (tmp_path / "beside.py").write_text("WORD = 'beside'\n")
    import subprocess
    import sys

    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, script], check=True, cwd=tmp_path, env=environ)
    for number in (1, 2):
        made = daf.reproduce(number, runs_dir=tmp_path / "runs", trust=True).wait()
        assert made.identical, made
        name = daf.load_run(made.run.id, runs_dir=tmp_path / "runs").output.split()[0]
        assert name == "ab"[number - 1]


def test_a_record_without_code_is_refused(copy, tmp_path):
    folder = copy("stops")
    (folder / "source.py").write_text("")
    with pytest.raises(daf.RecordError, match="holds no code"):
        daf.reproduce(folder.name, runs_dir=tmp_path, trust=True)
    assert json.loads((folder / "run.json").read_text())["daf_nb"]["kind"] == "experiment"
