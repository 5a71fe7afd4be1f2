"""Training throughput and memory against copies, agents, workers and the width of the network.

simple_spread, trained by daf_nb unrecorded. Every measurement has an interpreter of its own, warms
up with one rollout and update, and times whole rollouts with their updates. A round measures every
point of every sweep once. What daf_nb refuses is left out, with what it says.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from _common import machine, run_job, save, table
from _scaling_picture import draw

USUAL = {"copies": 8, "agents": 3, "workers": 0, "width": 64}
SWEEPS: dict[str, tuple[int, ...]] = {
    "copies": (2, 4, 8, 16, 32, 64),
    "agents": (2, 3, 4, 8, 16),
    "workers": (0, 1, 2, 3, 4),
    "width": (32, 64, 128, 256, 512),
}
COPIES_FOR_WORKERS = 16
N_STEPS, BATCH, EPOCHS = 128, 256, 4

SAID = ", ".join(f"{name} {value}" for name, value in USUAL.items())
LEGEND = f"""
Live agent-steps a second, medians over rounds, with their range; "to first": over the first row
of the same round. CPU µs: of processor time per agent-step, workers included. MiB: the peak of
resident memory, and what workers hold for themselves. PPO on simple_spread, n_steps {N_STEPS},
batch {BATCH}, {EPOCHS} epochs, two layers. What is not swept: {SAID};
{COPIES_FOR_WORKERS} copies where workers are.
"""


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Agent-steps a second, `rate`, `cpu` seconds of one, peak memory, `mib`; or why `refused`."""
    from daf_nb import ConfigError, RlConfig, RlTrainer

    fields: dict[str, Any] = {
        "total_timesteps": 10**9,  # the listener below ends it
        "num_envs": job["copies"],
        "num_workers": job["workers"],
        "seed": 0,
        "device": job["device"],
        "torch_threads": 1,
        "batch_size": BATCH,
        "algorithm_kwargs": {"n_steps": N_STEPS, "n_epochs": EPOCHS},
        "policy_kwargs": {"net_arch": [job["width"]] * 2},
    }
    try:
        trainer = RlTrainer(
            RlConfig(**fields), env="mpe2.simple_spread_v3", env_kwargs={"N": job["agents"]}
        )
    except ConfigError as error:
        return {"refused": str(error)}
    cycles = math.ceil(job["steps"] / (N_STEPS * job["copies"] * job["agents"]))
    marks: list[tuple[float, float, int]] = []
    held = 0.0

    def mark(event: Any) -> None:
        nonlocal held
        if event.kind == "metrics":
            marks.append((time.perf_counter(), cpu_seconds(), event.step))
            if len(marks) > cycles:
                held = peak_mib()  # while the workers live
                trainer.gate.stop()

    trainer.subscribe(mark)
    trainer.train()
    trainer.close()
    seconds, cpu, steps = (b - a for a, b in zip(marks[0], marks[cycles], strict=True))
    return {"rate": steps / seconds, "cpu": cpu / steps, "mib": held}


def cpu_seconds() -> float:
    """Processor time of this process and of its workers so far."""
    taken = time.process_time()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            taken += times.user + times.system
    return taken


def peak_mib() -> float:
    """This process's peak of resident memory, and what its workers hold for themselves alone."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            held += child.memory_full_info().uss
    return held / 2**20


def job_of(sweep: str, value: int, **more: Any) -> dict[str, Any]:
    """The usual settings, but for what is swept."""
    settings = {**USUAL, sweep: value}
    if sweep == "workers":
        settings["copies"] = COPIES_FOR_WORKERS
    return {"sweep": sweep, **settings, **more}


def report(results: Sequence[dict[str, Any]], sweep: str) -> str:
    """The table of one sweep, and what was refused in it."""
    mine = [result for result in results if result["sweep"] == sweep]
    points = {value: [r for r in mine if r[sweep] == value] for value in SWEEPS[sweep]}
    measured = {value: [r for r in rounds if "rate" in r] for value, rounds in points.items()}
    first = next((rounds for rounds in measured.values() if rounds), [])
    base = {r["round"]: r["rate"] for r in first}
    rows = []
    for value, rounds in measured.items():
        if rounds:
            rates = [r["rate"] for r in rounds]
            ratios = [r["rate"] / base[r["round"]] for r in rounds if r["round"] in base]
            span = f"{median(rates):,.0f} [{min(rates):,.0f}, {max(rates):,.0f}]"
            mib = median(r["mib"] for r in rounds)
            cpu = f"{1e6 * median(r['cpu'] for r in rounds):.0f}"
            rows.append([str(value), span, f"{median(ratios):.2f}", cpu, f"{mib:,.0f}"])
    heads = [sweep, "agent-steps/s", "to first", "CPU µs", "MiB"]
    told = table(heads, rows) if rows else ""
    refused = {value: r["refused"] for value, rs in points.items() for r in rs if "refused" in r}
    if refused:
        values = ", ".join(map(str, refused))
        told += f"\nRefused, {sweep} {values}: {next(iter(refused.values()))}"
    return told


def main() -> None:
    """Measures, prints a table for each sweep, and writes and draws where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", nargs="+", choices=SWEEPS, default=list(SWEEPS))
    parser.add_argument("--steps", type=int, default=24_576, help="agent-steps to time, at least")
    parser.add_argument("--repeats", type=int, default=3, help="rounds")
    parser.add_argument("--device", default="cpu", help="where the policies are")
    parser.add_argument("--out", type=Path, help="write the measurements as JSON")
    parser.add_argument("--picture", type=Path, help="draw them, as docs/scaling.png")
    parser.add_argument("--again", type=Path, help="report what --out wrote; measure nothing")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps(measure(args.job)))
        return
    here, results = machine(), []
    if args.again:
        saved = json.loads(args.again.read_text())
        here, results = saved["machine"], saved["results"]
    for turn in range(0 if args.again else args.repeats):
        for sweep in args.sweeps:
            for value in SWEEPS[sweep]:
                job = job_of(sweep, value, round=turn, steps=args.steps, device=args.device)
                results.append(run_job(__file__, job))
                save(args.out, machine=here, results=results)
    print(json.dumps(here, indent=1))
    for sweep in dict.fromkeys(result["sweep"] for result in results):
        print(f"\n{report(results, sweep)}")
    print(LEGEND)
    if args.picture:
        draw(results, args.picture)


if __name__ == "__main__":
    main()
