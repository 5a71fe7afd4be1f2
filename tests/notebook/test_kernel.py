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


def press(client: BlockingKernelClient, comm: str, shell: str) -> None:
    data = {"method": "custom", "content": {"event": "click"}, "buffers": []}
    message = client.session.msg("comm_msg", {"comm_id": comm, "data": data})
    message["header"]["subshell_id"] = shell
    client.shell_channel.send(message)


def test_a_press_is_heard_while_a_cell_waits_for_the_run(client):
    view, saved = run_cell(client, START)
    assert WIDGET in view and view["text/plain"].startswith("run 1 experiment\n")
    assert "daf-live-" in saved["text/html"] and saved["text/plain"].startswith("State at ")

    comm, shell = value(client, "panel.stop.comm.comm_id"), subshell(client)
    waiting = client.execute("run.wait()")
    time.sleep(0.5)
    press(client, comm, shell)
    while True:
        try:
            reply = client.get_shell_msg(timeout=20)
        except queue.Empty:
            pytest.fail("the cell still waits: the press was not heard")
        if reply["parent_header"].get("msg_id") == waiting:
            break
    assert reply["content"]["status"] == "ok"
    assert value(client, "run.status") == "INTERRUPTED"
