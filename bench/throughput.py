"""Training throughput and memory: raw world, SuperSuit + SB3 and daf_nb, measured in turn.

Every measurement has an interpreter of its own, warms up with one rollout and update, and times
whole rollouts with their updates. A round measures every configuration of every world once, the
two stacks in turn, in an order that turns round from round to round.
"""

from __future__ import annotations

import argparse
import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

from _common import machine, run_job, save
from _throughput_cases import BATCH, CASES, DEFAULT
from _throughput_report import report

PROCESSES = (0, 2)
"""Of the peer."""

LEGEND = f"""
Live agent-steps a second, medians over rounds; ratios are formed within rounds, median [range].
PPO, n_steps 128, 4 epochs (pistonball: 32 and 2), batch {BATCH}, one thread in each process. Raw
world: one copy, random actions, no learning; with the wrappers that both stacks have, pistonball's
small grey images. simple_tag: SuperSuit pads the observations and trains one policy, daf_nb one for
each kind of agent; simple_tag_padded: one of padded observations for both. "best": of a stack's
configurations in each round; named is the one with the best median. CPU us/step: processor time of
all processes for an agent-step, which other work on the machine disturbs less. MiB: the process's
peak of resident memory, and what its workers hold for themselves alone; its ratio is to the peer
with as many copies, in process or with two processes as daf_nb is without or with workers. A dash:
refused, or not measured."""


def main() -> None:
    """Measures, prints the tables, and writes every measurement where `--out` says."""
    args = _arguments()
    if args.job:
        from _throughput_measured import measure

        print(json.dumps(measure(args.job)))
        return
    if args.report:
        saved = json.loads(args.report.read_text())
        here, results = saved["machine"], saved["results"]
    else:
        here, results = machine(), []
        for job in _jobs(args):
            missing = CASES[job["world"]].missing
            told = {"missing": missing} if missing else {}
            results.append({**job, **told} if missing else run_job(__file__, job, **_ONE_THREAD))
            save(args.out, machine=here, results=results)
    print(json.dumps(here, indent=1))
    print(report(results))
    print(LEGEND)


_ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def _jobs(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Every measurement, round by round and world by world."""
    stock = [("SuperSuit", copies, workers) for copies in args.copies for workers in PROCESSES]
    ours = [("daf_nb", copies, workers) for copies in args.copies for workers in args.workers]
    ours += [("daf_nb", "auto", "auto")] if args.auto else []
    ours += [("daf_nb recorded", args.copies[0], 0)] if args.recorded else []
    in_turn = [config for pair in zip_longest(stock, ours) for config in pair if config]
    order = [("raw", 1, 0), *in_turn]
    return [
        {
            "round": turn,
            "world": world,
            "stack": stack,
            "copies": copies,
            "workers": workers,
            "steps": args.steps,
        }
        for turn in range(args.repeats)
        for world in args.worlds
        for stack, copies, workers in order[:: -1 if turn % 2 else 1]
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="+", choices=CASES, default=DEFAULT)
    parser.add_argument("--steps", type=int, default=16_384, help="rows to time, at least")
    parser.add_argument("--repeats", type=int, default=3, help="rounds")
    parser.add_argument("--copies", type=int, nargs="+", default=[8, 16])
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[0, 1, 2], help="daf_nb's; the peer has 0 and 2"
    )
    parser.add_argument(
        "--auto",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let daf_nb choose copies and workers too",
    )
    parser.add_argument("--recorded", action="store_true", help="measure recorded training too")
    parser.add_argument(
        "--quick", action="store_true", help="one round of one rollout each: does it run?"
    )
    parser.add_argument("--out", type=Path, help="write the measurements as JSON")
    parser.add_argument("--report", type=Path, help="print the tables of such a JSON, no more")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.quick:
        args.repeats, args.steps = 1, 1
    return args


if __name__ == "__main__":
    main()
