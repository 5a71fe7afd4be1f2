"""Curricula: what they are worth on sparse spread, and what they cost.

learn: success on sparse spread, every run in an interpreter of its own. cost: microseconds per
episode, by strategy and number of tasks. throughput: training with and without, taking turns.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _common import machine, run_job, save
from _curriculum_cost import COST_LEGEND, cost, cost_report
from _curriculum_learning import ARMS, LEARNING_LEGEND, learn, learning_report
from _curriculum_picture import draw
from _curriculum_throughput import THROUGHPUT_LEGEND, throughput, throughput_report

PARTS = ("learn", "cost", "throughput")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", choices=PARTS, help="only this one")
    parser.add_argument("--out", "--output", type=Path, help="write every measurement as JSON")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    learn = parser.add_argument_group("learn")
    learn.add_argument("--strategies", nargs="+", choices=ARMS, default=list(ARMS), metavar="NAME")
    learn.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    learn.add_argument("--steps", type=int, default=400_000, help="agent-steps of each run")
    learn.add_argument("--episodes", type=int, default=400, help="episodes of the evaluation")
    learn.add_argument("--jobs", type=int, default=1, help="runs at once")
    learn.add_argument("--curve", action="store_true", help="evaluate while training, too")
    learn.add_argument("--picture", type=Path, help="draw the curves into this PNG")
    cost = parser.add_argument_group("cost")
    cost.add_argument("--tasks", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    cost.add_argument("--played", type=int, default=2_000, help="episodes of a repeat")
    cost.add_argument("--repeats", type=int, default=5)
    throughput = parser.add_argument_group("throughput")
    throughput.add_argument("--rounds", type=int, default=5, help="after one that is discarded")
    throughput.add_argument("--stretch", type=int, default=24_576, help="agent-steps, at least")
    return parser.parse_args()


def learn_all(args: argparse.Namespace, kept: dict[str, Any]) -> str:
    """Trains every curriculum on every seed."""
    jobs = [
        {
            "arm": arm,
            "seed": seed,
            "steps": args.steps,
            "episodes": args.episodes,
            "curve": args.curve or args.picture is not None,
        }
        for seed in args.seeds
        for arm in args.strategies
    ]
    results = kept["learning"] = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for result in pool.map(lambda job: run_job(__file__, job, OMP_NUM_THREADS="1"), jobs):
            results.append(result)
            save(args.out, **kept)
    if args.picture:
        draw(results, args.picture)
    return learning_report(results) + "\n" + LEARNING_LEGEND


def cost_all(args: argparse.Namespace, kept: dict[str, Any]) -> str:
    """Measures every strategy at every number of tasks."""
    kept["cost"] = list(cost(counts=args.tasks, episodes=args.played, repeats=args.repeats))
    return cost_report(kept["cost"]) + "\n" + COST_LEGEND


def throughput_all(args: argparse.Namespace, kept: dict[str, Any]) -> str:
    """Measures training with and without a curriculum."""
    kept["throughput"] = throughput(rounds=args.rounds, steps=args.stretch)
    return throughput_report(kept["throughput"]) + "\n" + THROUGHPUT_LEGEND


def main() -> None:
    """Measures what was asked for, prints the tables, and writes the runs to `--out`."""
    args = parse()
    if args.job:
        print(json.dumps(learn(args.job, ARMS[args.job["arm"]])))
        return
    kept: dict[str, Any] = {"machine": machine()}
    print(json.dumps(kept["machine"], indent=1))
    work = {"learn": learn_all, "cost": cost_all, "throughput": throughput_all}
    for part in [args.part] if args.part else PARTS:
        print(f"\n{work[part](args, kept)}", flush=True)
        save(args.out, **kept)


if __name__ == "__main__":
    main()
