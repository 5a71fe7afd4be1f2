"""`%%experiment`: in a shell of this process, and in a real kernel."""

from __future__ import annotations

import json
import queue
import time
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel

from daf_nb.notebook.extension import load_ipython_extension, unload_ipython_extension
from daf_nb.record import list_runs, load_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("DAF_NB_RUNS_DIR", str(tmp_path))
    monkeypatch.setenv("DAF_NB_RUNS", str(tmp_path))
    shell = InteractiveShell.instance()
    load_ipython_extension(shell)
    yield shell
    unload_ipython_extension(shell)
    InteractiveShell.clear_instance()


def run(shell, cell):
    return shell.run_cell(cell, store_history=True)


def test_a_cell_is_recorded_with_what_it_was_told(shell, tmp_path):
    cell = """%%experiment "warm up" --seed 3 --tag a --tag 'b c' --config n=4 --config t=text
    print(n, t)
    n * 10
    """.replace("\n    ", "\n")
    run(shell, cell)
    record = load_run(1, runs_dir=tmp_path)
    assert (record.name, record.tags, record.status) == ("warm up", ("a", "b c"), "COMPLETED")
    assert record.config == {"n": 4, "t": "text", "seed": 3}
    assert record.result == 40
    assert record.cell.rstrip() == cell.rstrip()
    assert (tmp_path / "1" / "cout.txt").read_text().startswith("4 text\n")
    assert (shell.user_ns["n"], shell.user_ns["_"]) == (4, 40)
    notes = json.loads((tmp_path / "1" / "run.json").read_text())["daf_nb"]
    assert notes["cell_line"] == "print(n, t)"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "has a name"),
        ("two words", "quote"),
        ("x --sed 3", "Did you mean '--seed'"),
        ("x --seed three", "invalid int"),
        ("x --seed -1", "0 to"),
        ("x --config 3=4", "name=value"),
        ("x --config class=4", "name=value"),
        ("x --config n", "name=value"),
        ("x --config n=1 --config n=2", "twice"),
        ("x --config seed=1", "seed="),
        ("x --observer mango", "mongo"),
        ("'x", "quotation"),
    ],
)
def test_a_bad_line_says_what_is_allowed_and_nothing_runs(shell, tmp_path, capsys, line, message):
    shell.user_ns.pop("ran", None)
    result = run(shell, f"%%experiment {line}\nran = True")
    assert not result.success
    assert message in capsys.readouterr().err
    assert "ran" not in shell.user_ns
    assert not list(tmp_path.iterdir())


def test_names_and_json_are_taken_as_they_are(shell, tmp_path):
    run(shell, """%%experiment "{x} $y" --config 'c={"a": [1, null]}'\nc["a"]""")
    assert load_run(1, runs_dir=tmp_path).name == "{x} $y"
    assert load_run(1, runs_dir=tmp_path).result == [1, None]


def test_an_error_is_shown_once_with_the_cells_frames_only(shell, tmp_path, capsys):
    result = run(shell, "%%experiment bad\ndef f():\n    1 / 0\nf()")
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert text.count("ZeroDivisionError") == 2  # the heading and the last line of one traceback
    assert "magic.py" not in text and "interactiveshell" not in text
    trace = "".join(json.loads((tmp_path / "1" / "run.json").read_text())["fail_trace"])
    assert trace.count("File ") == 2 and "1 / 0" in trace
    run(shell, "1 / 0")
    assert "ZeroDivisionError" in capsys.readouterr().out, "the next error is shown as ever"


def test_a_cell_that_is_no_python_fails_with_the_reason(shell, tmp_path, capsys):
    assert not run(shell, "%%experiment syntax\nif x\n").success
    assert capsys.readouterr().out.count("SyntaxError") == 1
    record = load_run(1, runs_dir=tmp_path)
    assert record.status == "FAILED" and "SyntaxError" in str(record.fail_trace)


def test_an_interrupted_cell_is_interrupted(shell, tmp_path):
    result = run(shell, "%%experiment stop\nraise KeyboardInterrupt")
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    assert load_run(1, runs_dir=tmp_path).status == "INTERRUPTED"


def test_a_semicolon_hides_the_value_as_ever(shell, capsys):
    run(shell, "%%experiment loud\n5")
    assert "5" in capsys.readouterr().out
    run(shell, "%%experiment quiet\n5;")
    assert capsys.readouterr().out == ""


def test_an_experiment_inside_is_a_child(shell, tmp_path):
    run(shell, "from daf_nb.record.cells.experiment import experiment")
    run(shell, "%%experiment outer\nwith experiment('inner'):\n    print(1)")
    assert json.loads((tmp_path / "2" / "run.json").read_text())["daf_nb"]["parent"] == 1


def test_the_extension_can_be_loaded_twice_and_taken_away(shell, tmp_path):
    load_ipython_extension(shell)
    run(shell, "%%experiment x\n1")
    assert len(list_runs(runs_dir=tmp_path)) == 1
    unload_ipython_extension(shell)
    assert not run(shell, "%%experiment x\n1").success


LOAD = """
from daf_nb.notebook.extension import load_ipython_extension
load_ipython_extension(get_ipython())
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("DAF_NB_RUNS_DIR", str(tmp_path))
    monkeypatch.setenv("DAF_NB_RUNS", str(tmp_path))
    manager, client = start_new_kernel(cwd=str(ROOT), kernel_name="python3")
    execute(client, LOAD)
    yield client, manager
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def execute(client, code):
    sent = []
    reply = client.execute_interactive(
        code, timeout=60, output_hook=sent.append, stop_on_error=False
    )
    return reply["content"], [
        one for one in sent if one["msg_type"] not in ("status", "execute_input")
    ]


def test_a_kernel_shows_a_recorded_cell_as_a_plain_one(kernel, tmp_path):
    client, _ = kernel
    execute(
        client,
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nfrom IPython.display import SVG",
    )
    body = "print('hi')\nplt.plot([1, 2])\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')"
    _, plain = execute(client, body)
    reply, recorded = execute(client, "%%experiment plot\n" + body)
    assert reply["status"] == "ok"
    shape = lambda sent: [(one["msg_type"], sorted(one["content"].get("data", {}))) for one in sent]  # noqa: E731
    assert shape(recorded) == shape(plain)
    counts = [one["content"].get("execution_count") for one in recorded + plain]
    assert sorted(count for count in counts if count) == [3, 4]
    figures = sorted(path.name for path in (tmp_path / "1" / "figures").iterdir())
    assert figures == ["001.svg", "002.png"]
    assert (tmp_path / "1" / "cout.txt").read_text() == "hi\n"
    _, plain = execute(client, "1 / 0")
    reply, recorded = execute(client, "%%experiment bad\n1 / 0")
    assert (reply["status"], reply["ename"]) == ("error", "ZeroDivisionError")
    assert [one["msg_type"] for one in recorded] == ["error"]
    frames = [len(one["content"]["traceback"]) for one in (*plain, *recorded)]
    assert frames[0] == frames[1]
    reply, sent = execute(client, "%%experiment wait\nimport asyncio\nawait asyncio.sleep(0)")
    assert reply["status"] == "error" and "with daf_nb.experiment" in str(sent)


def test_the_stop_button_interrupts_a_recorded_cell(kernel, tmp_path):
    client, manager = kernel
    body = "import time\nprint('on')\ntime.sleep(60)"
    request = client.execute(f"%%experiment long\n{body}", stop_on_error=False)
    deadline = time.monotonic() + 30
    while (
        not (tmp_path / "1" / "cout.txt").exists()
        or not (tmp_path / "1" / "cout.txt").stat().st_size
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    manager.interrupt_kernel()
    while True:
        try:
            reply = client.get_shell_msg(timeout=20)
        except queue.Empty:
            pytest.fail("the cell did not end")
        if reply["parent_header"].get("msg_id") == request:
            break
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert load_run(1, runs_dir=tmp_path).status == "INTERRUPTED"
    assert execute(client, "1")[0]["status"] == "ok"
