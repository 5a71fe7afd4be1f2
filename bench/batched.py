"""Batched worlds: training throughput on VMAS's simple_spread, beside its ceilings and stock SB3.

For every number of copies, in turn and each in an interpreter of its own: the world alone, with
random actions; our update alone, on a rollout that is not played anew; daf_nb; and SB3's own PPO,
fed by the same world through a `VecEnv`. Whole rollouts with their updates are timed, after one
that is not.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

import _batched
from _common import machine, run_job, save, table

COPIES = (64, 1024, 4096, 16_384)

LEGEND = f"""
Agent-steps a second, medians over rounds, on {{device}}, {{threads}} thread(s). PPO, hidden layers
of 64 and 64, {_batched.EPOCHS} epochs, minibatches of a quarter of the rollout, which has {{steps}}
steps of every copy.
"daf_nb, by processor": for each second of a processor, whoever else uses the machine.
"of both": daf_nb's time over that of world alone and update alone together.
"vs SB3": daf_nb over stock SB3, by round, with range. SB3 was given the same threads and device."""

VARIANTS = {
    "world alone": _batched.world_alone,
    "update alone": _batched.update_alone,
    "daf_nb": _batched.ours,
    "SB3": _batched.stock,
}


def report(results: list[dict[str, Any]]) -> str:
    """Medians over rounds; ratios are formed within rounds."""
    lines = []
    for copies in dict.fromkeys(one["copies"] for one in results):

        def column(variant: str, key: str = "rate", copies: int = copies) -> list[float]:
            mine = [r for r in results if (r["copies"], r["variant"]) == (copies, variant)]
            return [r[key] for r in mine]

        columns = {name: column(name) for name in VARIANTS}
        ours, world, update = (columns[n] for n in ("daf_nb", "world alone", "update alone"))
        both = [(1 / o) / (1 / w + 1 / u) for o, w, u in zip(ours, world, update, strict=True)]
        ratios = [a / b for a, b in zip(ours, columns["SB3"], strict=False)]
        span = f"{median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}]" if ratios else "-"
        rates = [f"{median(one):,.0f}" if one else "-" for one in columns.values()]
        spent = f"{median(column('daf_nb', 'per_processor_second')):,.0f}"
        lines.append([f"{copies:,}", *rates, spent, f"{median(both):.2f}", span])
    return table(["copies", *VARIANTS, "daf_nb, by processor", "of both", "vs SB3"], lines)


def measure(args: argparse.Namespace, script: str) -> list[dict[str, Any]]:
    """All rounds."""
    here, results = machine(), []
    for turn in range(args.repeats):
        for copies in args.copies:
            for variant in VARIANTS:
                if variant == "SB3" and copies > args.stock_up_to:
                    continue
                job = {"round": turn, "variant": variant, "copies": copies}
                job |= {
                    name: getattr(args, name) for name in ("device", "seconds", "steps", "threads")
                }
                results.append(run_job(script, job, OMP_NUM_THREADS=str(args.threads)))
                save(args.out, machine=here, results=results)
    print(json.dumps(here, indent=1))
    return results


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options, which `gpu.py` has too."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--copies", type=int, nargs="+", default=list(COPIES))
    options.add_argument("--device", default="cpu")
    options.add_argument("--threads", type=int, default=1, help="torch's, for everybody")
    options.add_argument("--steps", type=int, default=32, help="of a rollout, in every copy")
    options.add_argument("--repeats", type=int, default=3, help="rounds")
    options.add_argument("--seconds", type=float, default=5.0, help="to time, at least")
    options.add_argument(
        "--stock-up-to", type=int, default=16_384, help="copies beyond which SB3 is left out"
    )
    options.add_argument("--out", type=Path, help="write the measurements as JSON")
    options.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    return options


def main() -> None:
    """Measures, prints the table, and writes every measurement where `--out` says."""
    args = parser(__doc__).parse_args()
    if args.job:
        print(json.dumps(VARIANTS[args.job["variant"]](args.job)))
        return
    print(report(measure(args, __file__)))
    print(LEGEND.format(**vars(args)))


if __name__ == "__main__":
    main()
