"""What a live notebook costs the training, and how soon it answers: in a real kernel.

overhead: three equal runs take turns: bare, recorded, recorded and on an open panel. answers: how
soon the kernel executes, and how soon a slider's message is pending and takes effect, while it
trains at full speed. flood: a slider that is moved a thousand times a second.

The panel's messages go over the kernel's sockets to a client that takes them in, as JupyterLab's
server does; a browser would draw them on the machine of whoever looks.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import numpy as np
from _common import machine, save, table
from jupyter_client.manager import start_new_kernel

HERE = Path(__file__).resolve().parent
PARTS = ("overhead", "answers", "flood")
KNOB = "learning_rate"
OVERHEAD_LEGEND = """
simple_spread, N=3: PPO, 8 copies, n_steps 128, batch 512, 4 epochs, a curriculum that changes
nothing and rules that only look, in all arms. "to bare": over the rate of the bare run, by round:
median and a 95 % bootstrap interval of the median. "other threads": processor time of all other
threads of the kernel (panel, writer, sockets) as a part of the time."""


class Kernel:
    """A kernel of its own, and a client that takes in whatever it publishes.

    Args:
        runs_dir: where it records.
    """

    def __init__(self, runs_dir: Path) -> None:
        self._manager, self._client = start_new_kernel(cwd=str(HERE))
        self._published: Queue[Any] = Queue()
        self.bytes = 0
        threading.Thread(target=self._drain, daemon=True).start()
        self.run("import json, time, pathlib, _overhead_kernel as kernel")
        self.run(f"turns = kernel.Turns(pathlib.Path({str(runs_dir)!r}))")

    def run(self, code: str) -> Any:
        """Executes code; the last line that it printed, as JSON, or None."""
        asked = self._client.execute(code)
        while True:
            reply = self._client.get_shell_msg(timeout=120)
            if reply["parent_header"].get("msg_id") == asked:
                break
        if reply["content"]["status"] != "ok":
            raise SystemExit("\n".join(reply["content"]["traceback"]))
        if "say(" not in code:
            return None
        while True:
            message = self._published.get(timeout=30)
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                return json.loads(message["content"]["text"])

    def execute_seconds(self) -> float:
        """From asking for the least of cells to its answer."""
        began = time.perf_counter()
        self.run("1 + 1")
        return time.perf_counter() - began

    def move(self, comm: str, value: float, name: str) -> None:
        """What the browser sends when the slider is moved."""
        content = {"method": "custom", "content": {"ask": value, "id": name}}
        message = self._client.session.msg("comm_msg", {"comm_id": comm, "data": content})
        self._client.shell_channel.send(message)

    def pending_seconds(self, comm: str, value: float, name: str) -> tuple[float, str]:
        """From the slider's message to the widget's answer; and what it says then."""
        self.forget()
        began = time.perf_counter()
        self.move(comm, value, name)
        state: dict[str, Any] = {}
        while state.get("heard") != name:
            message = self._published.get(timeout=30)
            if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == comm:
                state |= message["content"]["data"].get("state", {})
        return time.perf_counter() - began, state.get("said", "")

    def forget(self) -> None:
        """Leaves out what was published so far."""
        try:
            while True:
                self._published.get_nowait()
        except Empty:
            return

    def close(self) -> None:
        """Ends the runs, and the kernel."""
        self.run("turns.end()")
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def _drain(self) -> None:
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except Empty:
                continue
            self.bytes += len(json.dumps(message["content"], default=str))
            self._published.put(message)


def overhead(kernel: Kernel, args: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """The arms in turns."""
    kernel.run(f"turns.start(rounds={args.rounds}, seconds={args.seconds})")
    sent, began = kernel.bytes, time.perf_counter()
    while not kernel.run("kernel.say(turns.done)"):
        time.sleep(1)
    sent = (kernel.bytes - sent) / (time.perf_counter() - began)
    kernel.forget()
    results = kernel.run("kernel.say(turns.results)")
    prints = kernel.run("kernel.say(turns.fingerprints)")
    steps = kernel.run("kernel.say({a: t.progress.step for a, t in turns.trainers.items()})")
    alike = len(set(prints.values())) == 1
    assert alike or len(set(steps.values())) > 1, "recording or showing changed what was learned"
    arms = list(dict.fromkeys(r["arm"] for r in results))
    rates = {arm: np.array([r["rate"] for r in results if r["arm"] == arm]) for arm in arms}
    rows = []
    for arm in arms:
        ratios, others = (
            rates[arm] / rates[arms[0]],
            [r["others"] for r in results if r["arm"] == arm],
        )
        low, high = _interval(ratios)
        rows.append(
            [
                arm,
                f"{np.median(rates[arm]):,.0f}",
                f"{np.median(ratios):.4f} [{low:.4f}, {high:.4f}]",
                f"{np.median(others):.2%}",
            ]
        )
    told = table(["arm", "agent-steps/s", "to bare", "other threads"], rows)
    told += f"\n{OVERHEAD_LEGEND}\nThe kernel published {sent / 1e3:.1f} kB/s."
    return told, {"results": results, "bytes_per_second": sent}


def answers(kernel: Kernel, args: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """How soon, while the run on the panel trains at full speed."""
    kernel.run("turns.shown.resume()")
    comm = kernel.run(f"kernel.say(kernel.knob(turns, {KNOB!r}).model_id)")
    time.sleep(2)
    executed = np.array([kernel.execute_seconds() for _ in range(args.samples)])
    waited, asked = [], []
    for index in range(args.samples // 2):
        seconds, said = kernel.pending_seconds(comm, 1e-4 * (1 + index % 7), f"bench:{index}")
        waited.append(seconds)
        asked.append(said)
        time.sleep(0.05)
    time.sleep(2)
    late = kernel.run("kernel.say(kernel.late(turns))")
    pending = np.array(waited)
    rows = [
        ["a cell is executed", *_milliseconds(executed)],
        ["a slider's message is pending", *_milliseconds(pending)],
    ]
    told = table(["from asking until", "times", "median", "95 %", "longest"], rows)
    words = {said.split(" at step")[0].split(",")[0] for said in asked}
    told += f"\n\nWhat the slider said then: {', '.join(sorted(words))}. Changes applied: "
    told += f"{late['applied']}, of which at the very next boundary: {late['next']}."
    return told, {"executed": executed.tolist(), "pending": waited, **late}


def flood(kernel: Kernel, args: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Ten thousand messages in ten seconds."""
    kernel.run("turns.shown.resume()")
    comm = kernel.run(f"kernel.say(kernel.knob(turns, {KNOB!r}).model_id)")
    facts = "kernel.say(kernel.memory_and_journal(turns))"
    before, executed, value = kernel.run(facts), [], 0.0
    began = time.perf_counter()
    for index in range(args.messages):
        value = 1e-5 + index * 1e-8
        kernel.move(comm, value, f"flood:{index}")
        if index % 200 == 199:
            executed.append(kernel.execute_seconds())
        time.sleep(
            max(0.0, began + args.messages_seconds * index / args.messages - time.perf_counter())
        )
    lasted = time.perf_counter() - began
    kernel.execute_seconds()
    time.sleep(2)
    after, rate = kernel.run(facts), kernel.run(f"kernel.say(turns.shown.controls[{KNOB!r}])")
    rows, updates = (after[name] - before[name] for name in ("rows", "updates"))
    told = (
        f"{args.messages:,} messages in {lasted:.1f} s; the last one asked for {value:.6g}, in "
        f"effect is {rate:.6g}; {rows} rows in the journal, {updates} updates; "
        f"memory {before['mib']:.0f} to {after['mib']:.0f} MiB; a cell in between took "
        f"{1e3 * np.median(executed):.0f} ms, at most {1e3 * max(executed):.0f}."
    )
    assert rate == value, "the last value did not win"
    return told, {"seconds": lasted, "rows": rows, "before": before, "after": after}


def _interval(values: np.ndarray) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    drawn = np.median(rng.choice(values, (2_000, len(values))), axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _milliseconds(seconds: np.ndarray) -> list[str]:
    middle, most, longest = 1e3 * np.percentile(seconds, [50, 95, 100])
    return [f"{len(seconds)}", f"{middle:.0f} ms", f"{most:.0f} ms", f"{longest:.0f} ms"]


def main() -> None:
    """Measures what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", choices=PARTS, help="only this one")
    parser.add_argument("--rounds", type=int, default=30, help="turns of each arm")
    parser.add_argument("--seconds", type=float, default=2.5, help="of one stretch")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--messages-seconds", type=float, default=10.0)
    parser.add_argument("--out", type=Path, help="write every measurement as JSON")
    args = parser.parse_args()
    kept: dict[str, Any] = {"machine": machine()}
    print(json.dumps(kept["machine"]))
    with tempfile.TemporaryDirectory() as runs_dir:
        kernel = Kernel(Path(runs_dir))
        try:
            for part in [args.part] if args.part else PARTS:
                told, kept[part] = {"overhead": overhead, "answers": answers, "flood": flood}[part](
                    kernel, args
                )
                print(f"\n{told}", flush=True)
        finally:
            kernel.close()
    save(args.out, **kept)


if __name__ == "__main__":
    main()
