"""Live control: a wrong start on sparse spread, with the adaptive controller and without.

The same world, update and judge as `curriculum.py learn`. "tuned" is its `adaptive` curriculum;
"wrong start" has a learning rate 10 times too high and the difficulty fixed at 1; the controller
of "wrong start, controlled" has the standard rules on auto, and nothing else is different.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _common import machine, run_job, save, table
from _curriculum_learning import ALGORITHM_KWARGS, ARMS, Arm, learn, learning_report, one_task

_FIXED: dict[str, Any] = {"strategy": "fixed", "strategy_options": {"difficulty": 1.0}}
_RATE = {"learning_rate": 10 * ALGORITHM_KWARGS["learning_rate"]}
CONTROL_ARMS: dict[str, Arm | None] = {
    "tuned": ARMS["adaptive"],
    "wrong start": Arm(_FIXED, one_task, _RATE),
    "wrong start, controlled": Arm(_FIXED, one_task, _RATE, "standard"),
}


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="write every measurement as JSON")
    parser.add_argument("--arms", nargs="+", choices=CONTROL_ARMS, default=list(CONTROL_ARMS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=400_000, help="agent-steps of each run")
    parser.add_argument("--episodes", type=int, default=400, help="episodes of the evaluation")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    return parser.parse_args()


def decisions_report(results: list[dict[str, Any]]) -> str:
    """How often which rule changed what, by seed."""
    rows = []
    for result in results:
        counts: dict[tuple[str, str], list[Any]] = {}
        for row in result["journal"]:
            counts.setdefault((row["by"], row["name"]), []).append(row)
        for (by, name), changes in counts.items():
            first, last = changes[0], changes[-1]
            way = f"{first['old']:.3g} to {last['new']:.3g}"
            rows.append([f"seed {result['seed']}", by, name, f"{len(changes)}", way])
    return table(["controlled", "by", "knob", "changes", "from first to last"], rows)


def main() -> None:
    """Trains every arm on every seed, each in an interpreter of its own."""
    args = parse()
    if args.job:
        print(json.dumps(learn(args.job, CONTROL_ARMS[args.job["arm"]])))
        return
    jobs = [
        {
            "arm": arm,
            "seed": seed,
            "steps": args.steps,
            "episodes": args.episodes,
            "curve": False,
        }
        for seed in args.seeds
        for arm in args.arms
    ]
    with ThreadPoolExecutor(args.jobs) as pool:
        one_thread = {"OMP_NUM_THREADS": "1"}
        results = list(pool.map(lambda job: run_job(__file__, job, **one_thread), jobs))
    facts = machine()
    print(json.dumps(facts))
    print(learning_report(results))
    controlled = [result for result in results if result["journal"]]
    if controlled:
        print(f"\n{decisions_report(controlled)}")
    save(args.out, machine=facts, learning=results)


if __name__ == "__main__":
    main()
