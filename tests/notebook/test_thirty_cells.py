"""A notebook of thirty recorded cells: thirty true records, and the same again from them alone."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient

from daf_nb.record import load_run

ROOT = Path(__file__).resolve().parents[2]
SETUP = [
    "%load_ext daf_nb.notebook.extension",
    "import random, time\nimport numpy as np\nfrom daf_nb.record.cells.scope import log",
    "import daf_nb as daf\nfrom stable_baselines3.common.callbacks import BaseCallback\n"
    "from tests.worlds import Counting",
    "class Talker(BaseCallback):\n"
    "    def __init__(self, word):\n        super().__init__()\n        self.word = word\n"
    "    def _on_rollout_end(self):\n        print(self.word, self.num_timesteps)\n"
    "    def _on_step(self):\n        return True",
    "SMALL = {'num_envs': 2, 'batch_size': 16, 'algorithm_kwargs': {'n_steps': 16}}",
    "base = 100",
    "unneeded = 'nobody reads this'",
    "def noisy(scale):\n    return scale * random.random() + base",
]
LEFT, RIGHT, REAL_STOP = 0, 1, 20


def body(number: int) -> tuple[str, str]:
    """Cell `number` of the thirty: its code, and the status that its record must have."""
    if number in (LEFT, RIGHT):
        word, steps = ("left", 3000) if number == LEFT else ("right", 2000)
        told = f"total_timesteps={steps}, callback=Talker('{word}'), **SMALL"
        return (
            f"{word} = daf.train(Counting, {told})\nprint('launched {word}')\n{word}.id",
            "COMPLETED",
        )
    if number == REAL_STOP:
        return "print('waiting', flush=True)\ntime.sleep(120)", "INTERRUPTED"
    if number % 10 == 5:
        return f"print('about to fail {number}')\n{{}}['cell {number}']", "FAILED"
    if number % 10 == 8:
        return f"print('stops {number}')\nraise KeyboardInterrupt", "INTERRUPTED"
    code = (
        f"print('cell {number}', noisy({number}))\n"
        f"for step in range({number}):\n    log('count', step * {number})\n"
        "time.sleep(0.05)\nround(noisy(1) + np.random.random() + base, 9)"
    )
    return code, "COMPLETED"


def cell(number: int) -> str:
    return f"%%experiment 'cell {number}' --seed {number} --tag t{number}\n{body(number)[0]}"


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def interrupt_when_waiting(client: NotebookClient, root: Path, stop: threading.Event) -> None:
    """Presses stop, once, while the cell that waits for it runs."""
    while not stop.is_set():
        for folder in root.glob("[0-9]*"):
            if (folder / "cout.txt").exists() and b"waiting" in (folder / "cout.txt").read_bytes():
                assert client.km is not None
                asyncio.run(ensure_async(client.km.interrupt_kernel()))
                return
        time.sleep(0.05)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The notebook, executed; and its runs folder."""
    root = tmp_path_factory.mktemp("runs")
    sources = [*SETUP, *map(cell, range(30)), "left.wait()\nright.wait();"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAF_NB_RUNS", str(root))
        environment.setenv("DAF_NB_RUNS_DIR", str(root))
        environment.setenv("OMP_NUM_THREADS", "1")
        client = NotebookClient(
            book, timeout=120, allow_errors=True, resources={"metadata": {"path": str(ROOT)}}
        )
        stop = threading.Event()
        finger = threading.Thread(target=interrupt_when_waiting, args=(client, root, stop))
        finger.start()
        try:
            client.execute()
        finally:
            stop.set()
            finger.join()
    return book, root


def recorded(root: Path) -> dict[int, Path]:
    """The folder of each of the thirty cells."""
    folders = [folder for folder in root.iterdir() if (folder / "run.json").is_file()]
    notes = {folder: read(folder, "run.json")["daf_nb"] for folder in folders}
    cells = [folder for folder in folders if notes[folder]["kind"] == "experiment"]
    return {int(notes[folder]["name"].split()[1]): folder for folder in cells}


def shown(cell: Any) -> str:
    """What a cell of the notebook printed."""
    return "".join(o["text"] for o in cell["outputs"] if o["output_type"] == "stream")


@pytest.mark.slow
def test_thirty_cells_leave_thirty_true_records(notebook):
    book, root = notebook
    folders = recorded(root)
    assert sorted(folders) == list(range(30))
    for number, folder in folders.items():
        document, source = read(folder, "run.json"), cell(number)
        assert document["status"] == body(number)[1], (number, document)
        assert (folder / "source.py").read_text().rstrip() == source
        assert document["daf_nb"]["tags"] == [f"t{number}"]
        assert document["daf_nb"]["incomplete"] == []
        printed = (folder / "cout.txt").read_text()
        mine = book.cells[len(SETUP) + number]
        seen = iter(shown(mine))  # with what the trainings print meanwhile
        assert printed and all(letter in seen for letter in printed)
        if number not in (LEFT, RIGHT):  # a training's own prints go where the notebook is now
            assert document["daf_nb"]["children"] == []
        failed = [o["ename"] for o in mine["outputs"] if o["output_type"] == "error"]
        assert len(failed) == (0 if document["status"] == "COMPLETED" else 1)
        if document["status"] == "FAILED":
            assert document["fail_trace"][-1] == f"KeyError: 'cell {number}'\n"
        if number not in (LEFT, RIGHT) and document["status"] == "COMPLETED":
            (value,) = [o["data"] for o in mine["outputs"] if o["output_type"] == "execute_result"]
            assert repr(document["result"]) == value["text/plain"]
            counts = load_run(int(folder.name), runs_dir=root).metrics["count"] if number else None
            assert counts is None or counts.tolist() == [s * number for s in range(number)]


@pytest.mark.slow
def test_two_trainings_behind_them_keep_to_their_own_records(notebook):
    _, root = notebook
    folders = recorded(root)
    spans = []
    for number, word in ((LEFT, "left"), (RIGHT, "right")):
        (child,) = read(folders[number], "run.json")["daf_nb"]["children"]
        document = read(root / str(child), "run.json")
        assert document["daf_nb"]["parent"] == int(folders[number].name)
        assert (document["status"], document["daf_nb"]["kind"]) == ("COMPLETED", "training")
        lines = (root / str(child) / "cout.txt").read_text().splitlines()
        assert len(lines) > 10 and all(line.startswith(f"{word} ") for line in lines)
        assert (root / str(child) / "source.py").read_text().rstrip() == cell(number)
        spans.append((document["start_time"], document["stop_time"]))
    assert max(start for start, _ in spans) < min(stop for _, stop in spans), "both at once"
    assert len({folder.name for folder in root.glob("[0-9]*")}) == 32


@pytest.mark.slow
def test_the_records_alone_bring_the_same_cells_again(notebook, tmp_path, monkeypatch):
    """history.json and source.py, in a fresh kernel: the same output and result."""
    _, root = notebook
    folders = recorded(root)
    chosen = [LEFT, 2, 5, 13, 29]
    rows = {row["number"]: row for row in read(folders[29], "history.json")["cells"]}
    setup = [rows[number]["needed"] for number in range(1, len(SETUP) + 1)]
    assert setup == [True, True, False, False, False, True, False, True]
    ends = [rows[len(SETUP) + 1 + number]["ok"] for number in range(29)]
    assert ends == [body(number)[1] == "COMPLETED" for number in range(29)]
    assert not any(rows[len(SETUP) + 1 + number]["needed"] for number in range(29))
    monkeypatch.setenv("DAF_NB_RUNS", str(tmp_path))
    monkeypatch.setenv("DAF_NB_RUNS_DIR", str(tmp_path))
    manager, client = start_new_kernel(cwd=str(ROOT), kernel_name="python3")
    try:
        for place, number in enumerate(chosen):
            if place:
                manager.restart_kernel(now=True)
                client.wait_for_ready(timeout=60)
            before = set(tmp_path.glob("[0-9]*"))
            rows = read(folders[number], "history.json")["cells"]
            needed = [row["source"] for row in rows if row["needed"]]
            for source in [*needed, (folders[number] / "source.py").read_text()]:
                client.execute_interactive(source, timeout=60, output_hook=lambda message: None)
            new = {int(f.name): f for f in set(tmp_path.glob("[0-9]*")) - before}
            names = {f: read(f, "run.json")["daf_nb"]["name"] for f in new.values()}
            (again,) = [folder for folder, name in names.items() if name == f"cell {number}"]
            first, second = (read(f, "run.json") for f in (folders[number], again))
            assert second["status"] == first["status"]
            assert (again / "cout.txt").read_text() == (folders[number] / "cout.txt").read_text()
            if number != LEFT:  # its value is a run's number
                assert second["result"] == first["result"]
                continue
            seeds = [
                read(f.parent / str(read(f, "run.json")["daf_nb"]["children"][0]), "config.json")
                for f in (folders[number], again)
            ]
            assert seeds[0]["seed"] == seeds[1]["seed"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
