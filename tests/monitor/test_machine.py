"""What is measured of the machine is so: work shows as processor time, written pages as memory."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from daf_nb.monitor import (
    CpuMeter,
    available_bytes,
    collect_metrics,
    cpu,
    disk_usage,
    get_cpu_usage,
    memory,
    memory_share,
    memory_usage,
)

MIB = 1 << 20


def work(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def test_work_on_one_core_is_its_share_of_the_cores_and_sleep_is_none():
    meter = CpuMeter()
    assert meter.look() == {}
    spent = time.process_time(), time.perf_counter()
    work(0.4)
    busy = meter.look()["process_share"]
    share = (time.process_time() - spent[0]) / (time.perf_counter() - spent[1])
    assert busy == pytest.approx(share / cpu.usable_cores(), rel=0.2)
    time.sleep(0.3)
    assert meter.look()["process_share"] < 0.5 * busy


def test_looks_in_quick_succession_give_what_the_last_long_enough_one_gave():
    meter = CpuMeter()
    meter.begin()
    assert meter.look() == {}
    work(0.15)
    first = meter.look()
    assert set(first) == {"machine_share", "process_share"}
    assert meter.look() == first
    meter.begin()
    assert meter.look() == {}


def test_a_quota_of_the_control_group_counts_as_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "_QUOTA", tmp_path / "cpu.max")
    for told, cores in (("max 100000", None), ("50000 100000", 0.5), ("nonsense", None)):
        (tmp_path / "cpu.max").write_text(told)
        cpu.usable_cores.cache_clear()
        assert cpu.usable_cores() == (cores or len(os.sched_getaffinity(0)))
    cpu.usable_cores.cache_clear()


def test_memory_of_the_process_grows_by_pages_that_are_written():
    before = memory_usage()["process_bytes"]
    # Not an array: an allocator may still have room from what was freed before.
    with mmap.mmap(-1, 64 * MIB) as pages:
        pages[:: mmap.PAGESIZE] = b"x" * (64 * MIB // mmap.PAGESIZE)
        assert 50 * MIB < memory_usage()["process_bytes"] - before < 90 * MIB


def test_another_process_measures_itself_after_a_fork():
    code = (
        "import os, numpy as np\n"
        "from daf_nb.monitor import memory_usage\n"
        "memory_usage()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    held = np.ones(200 << 20, np.uint8)\n"
        "    os._exit(0 if memory_usage()['process_bytes'] > 200 << 20 else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def groups(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


SECOND = {
    "memory.max": f"{100 * MIB}\n",
    "memory.current": f"{95 * MIB}\n",
    "memory.stat": f"anon 1\ninactive_file {45 * MIB}\n",
}
FIRST = {
    "memory/memory.limit_in_bytes": f"{100 * MIB}\n",
    "memory/memory.usage_in_bytes": f"{95 * MIB}\n",
    "memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {45 * MIB}\n",
}


@pytest.mark.parametrize("files", [SECOND, FIRST])
def test_a_containers_limit_counts_without_the_page_cache(tmp_path, monkeypatch, files):
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    groups(tmp_path, files)
    told = memory_usage()
    assert told["limit_bytes"] == 100 * MIB
    assert told["available_bytes"] == available_bytes() == 50 * MIB
    assert told["share"] == pytest.approx(max(0.5, psutil.virtual_memory().percent / 100), abs=0.05)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"memory.max": "max"},
        {**SECOND, "memory.current": "x"},
        {"memory/memory.limit_in_bytes": str((1 << 63) - 4096)},
    ],
)
def test_without_a_limit_it_is_the_machine(tmp_path, monkeypatch, files):
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    groups(tmp_path, files)
    assert memory_usage()["limit_bytes"] is None
    machine = psutil.virtual_memory()
    assert memory_share() == pytest.approx(1 - machine.available / machine.total, abs=0.02)
    assert available_bytes() == pytest.approx(machine.available, rel=0.05)


def test_disk_is_of_the_folders_and_of_the_nearest_that_there_is(tmp_path):
    told, yet = disk_usage(tmp_path), disk_usage(tmp_path / "not" / "yet")
    stats = os.statvfs(tmp_path)
    assert told["total_bytes"] == yet["total_bytes"] == stats.f_blocks * stats.f_frsize
    assert 0 < told["free_share"] < 1
    assert yet["folder"] == str(tmp_path / "not" / "yet")


def test_what_is_collected_is_plain_and_says_when(tmp_path):
    before = datetime.now().astimezone()
    told = collect_metrics(folder=tmp_path)
    assert list(told) == ["timestamp", "cpu", "memory", "disk", "gpu"]
    assert before <= datetime.fromisoformat(told["timestamp"]) <= datetime.now().astimezone()
    assert json.loads(json.dumps(told)) == told
    assert told["disk"]["folder"] == str(tmp_path)


def test_the_first_look_at_the_processors_has_shares_too():
    code = "from daf_nb.monitor import get_cpu_usage as g; print(sorted(g())[-1], g()['cores'])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["usable_cores", str(os.cpu_count())]
    assert 0 <= get_cpu_usage()["machine_share"] <= 1
