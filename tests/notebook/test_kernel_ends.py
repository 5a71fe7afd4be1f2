"""The stop button, and kernels that end, while a run trains in them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

import daf_nb as daf

ROOT = Path(__file__).resolve().parents[2]
CELL = """
import daf_nb as daf
from tests import test_signals
test_signals.Lazy.pace = 0.01
run = test_signals.train({root!r}, total_timesteps=10**6)
run.wait()
"""


@pytest.fixture
def kernel():
    manager, client = start_new_kernel(cwd=str(ROOT), kernel_name="python3")
    yield manager, client
    client.stop_channels()
    if manager.has_kernel:
        manager.shutdown_kernel(now=True)


def until_it_trains(root: Path, number: int) -> None:
    metrics = root / str(number) / "metrics.jsonl"
    end = time.monotonic() + 60
    while not (metrics.exists() and metrics.stat().st_size):
        assert time.monotonic() < end, "it never trained"
        time.sleep(0.02)


def reply(client: BlockingKernelClient, number: str) -> dict[str, Any]:
    while True:
        message = client.get_shell_msg(timeout=30)
        if message["parent_header"].get("msg_id") == number:
            return message["content"]


@pytest.mark.slow
def test_the_stop_button_ends_the_run_and_the_cell_runs_again(kernel, tmp_path):
    manager, client = kernel
    for number in (1, 2):
        cell = client.execute(CELL.format(root=str(tmp_path)), stop_on_error=False)
        until_it_trains(tmp_path, number)
        time.sleep(0.3)
        pressed = time.monotonic()
        manager.interrupt_kernel()
        assert reply(client, cell)["ename"] == "KeyboardInterrupt"
        assert time.monotonic() - pressed < 5.0
        record = daf.load_run(number, runs_dir=tmp_path)
        assert record.status == "INTERRUPTED"
        assert "daf.resume" in repr(record)
    again = f"r = daf.resume(1, runs_dir={str(tmp_path)!r}, trust=True); r.step"
    assert reply(client, client.execute(again))["status"] == "ok"


@pytest.mark.slow
@pytest.mark.parametrize(("now", "statuses"), [(True, {"LOST"}), (False, {"INTERRUPTED", "LOST"})])
def test_a_restarted_kernel_leaves_a_true_record_that_goes_on(kernel, tmp_path, now, statuses):
    manager: KernelManager
    manager, client = kernel
    client.execute(CELL.format(root=str(tmp_path)))
    until_it_trains(tmp_path, 1)
    time.sleep(1.2)
    manager.restart_kernel(now=now)
    record = daf.load_run(1, runs_dir=tmp_path)
    assert record.status in statuses
    (row,) = daf.list_runs(runs_dir=tmp_path).to_dict("records")
    assert (row["status"], row["next"]) == (record.status, "daf.resume(1)")
    client.wait_for_ready(timeout=60)
    go_on = f"""
import daf_nb as daf
run = daf.resume(1, runs_dir={str(tmp_path)!r}, trust=True)
run.stop(); run.wait()
"""
    assert reply(client, client.execute(go_on))["status"] == "ok"
    record = daf.load_run(1, runs_dir=tmp_path)
    assert record.status == "INTERRUPTED"
    assert len(record.parts) == 2
