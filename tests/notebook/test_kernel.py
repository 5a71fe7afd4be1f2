"""The panel in a real kernel, spoken to as JupyterLab speaks."""

from __future__ import annotations

import queue
import time
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).resolve().parents[2]
START = """
import daf_nb as daf
from tests.worlds import Counting
run = daf.train(Counting, total_timesteps=10**9, num_envs=2, algorithm_kwargs={"n_steps": 16})
panel = run.panel()
panel
"""
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setenv("DAF_NB_RUNS", str(tmp_path))
    manager, client = start_new_kernel(cwd=str(ROOT), kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run_cell(client: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """Runs a cell to its end; what it put out, by MIME type."""
    sent: list[dict[str, Any]] = []
    reply = client.execute_interactive(code, timeout=60, output_hook=sent.append)
    assert reply["content"]["status"] == "ok", reply["content"]
    kinds = ("display_data", "execute_result")
    return [message["content"]["data"] for message in sent if message["msg_type"] in kinds]


def value(client: BlockingKernelClient, expression: str) -> str:
    (data,) = run_cell(client, expression)
    return data["text/plain"].strip("'")


def subshell(client: BlockingKernelClient) -> str:
    request = client.session.msg("create_subshell_request")
    client.control_channel.send(request)
    while True:
        reply = client.get_control_msg(timeout=10)
        if reply["parent_header"].get("msg_id") == request["header"]["msg_id"]:
            return reply["content"]["subshell_id"]


def tell(client: BlockingKernelClient, comm: str, shell: str, **content: Any) -> None:
    data = {"method": "custom", "content": content, "buffers": []}
    message = client.session.msg("comm_msg", {"comm_id": comm, "data": data})
    message["header"]["subshell_id"] = shell
    client.shell_channel.send(message)


def value_of(client: BlockingKernelClient, comm: str, name: str) -> Any:
    """The newest value of a trait that the kernel sent while nothing was read."""
    newest: Any = None
    while True:
        try:
            message = client.get_iopub_msg(timeout=0.1)
        except queue.Empty:
            return newest
        content = message["content"]
        if message["msg_type"] == "comm_msg" and content["comm_id"] == comm:
            newest = content["data"].get("state", {}).get(name, newest)


def test_presses_and_knobs_are_heard_while_a_cell_waits_for_the_run(client):
    view, saved = run_cell(client, START)
    assert WIDGET in view and view["text/plain"].startswith("run 1 experiment\n")
    assert "daf-live-" in saved["text/html"] and saved["text/plain"].startswith("State at ")

    stop = value(client, "panel.status.stop.comm.comm_id")
    knob = value(client, "panel.controls['learning_rate'].comm.comm_id")
    run_cell(client, "panel.tabs.selected_index = 1")
    shell = subshell(client)
    waiting = client.execute("run.wait()")
    time.sleep(0.5)
    tell(client, knob, shell, ask=0.001, id="view:1")
    for _ in range(100):
        if "applied at step" in str(value_of(client, knob, "said")):
            break
    else:
        pytest.fail("the knob was not heard")
    tell(client, stop, shell, event="click")
    while True:
        try:
            reply = client.get_shell_msg(timeout=20)
        except queue.Empty:
            pytest.fail("the cell still waits: the press was not heard")
        if reply["parent_header"].get("msg_id") == waiting:
            break
    assert reply["content"]["status"] == "ok"
    assert value(client, "run.status") == "INTERRUPTED"
    assert value(client, "[(e.name, e.new, e.by) for e in run.controls.journal]") == (
        "[('learning_rate', 0.001, 'panel')]"
    )


def test_one_run_has_one_panel_however_often_its_cell_is_run(client):
    run_cell(client, START)
    again = "run.panel() is panel and sum('panel' in t.name for t in threading.enumerate())"
    assert value(client, f"import threading; {again}") == "1"
    attached = "__import__('daf_nb.notebook').notebook.attach(run.id) is panel"
    assert value(client, attached) == "True"
    run_cell(client, "run.stop(); run.wait();")


def test_a_run_that_ended_is_attached_by_its_record(client):
    run_cell(client, f"{START.replace('10**9', '640')[:-6]}\nrun.wait();")
    code = "from daf_nb.notebook import attach; attach(run.id)"
    view, saved = run_cell(client, code)
    assert WIDGET in view
    assert "COMPLETED, 640 of 640 agent-steps" in saved["text/plain"]
    assert value(client, "[t.source.run for t in [attach(run.id)]]") == "[None]"
