"""Learning after equal agent-steps: SuperSuit + SB3 against daf_nb.

Both stacks train PPO with the same hyperparameters; one evaluator plays the trained policies, by
sampled actions, in fresh episodes whose seeds neither has seen. On simple_tag, where two sides play
against each other, each stack's predators meet the other stack's prey. Every run has its own
interpreter. With `--out` a later call goes on with the runs that are missing there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from _common import earlier, machine, run_job, save
from _learning_report import ENOUGH, report
from _learning_runs import BATCH, CONTESTS, COPIES, OURS, PPO_KWARGS, STOCK, run

_ARGUMENTS = ", ".join(f"{name} {value}" for name, value in PPO_KWARGS.items())
LEGEND = f"""
PPO, {COPIES} copies, batch {BATCH}, {_ARGUMENTS}.
Steps count living agents alone. Return per agent: the mean of the agents' summed rewards over an
episode. Intervals: 95 % bootstrap over seeds; with fewer than {ENOUGH}, the least and the greatest.
simple_tag: SuperSuit pads the prey's observations and trains one policy for both sides, as it can
have one only; daf_nb trains one for each."""


def main() -> None:
    """Trains both stacks on every seed, prints the tables, and writes the runs to `--out`."""
    args = _arguments()
    if args.job:
        print(json.dumps(run(args.job)))
        return
    here = machine()
    results = earlier(args.out, here)
    missing = [job for job in _jobs(args) if not any(job.items() <= r.items() for r in results)]
    ending = time.monotonic() + 60 * args.minutes

    def begin(job: dict[str, Any]) -> dict[str, Any] | None:
        late = time.monotonic() > ending
        return None if late else run_job(__file__, job, OMP_NUM_THREADS="1")

    with ThreadPoolExecutor(args.jobs) as pool:
        try:
            for done in as_completed([pool.submit(begin, job) for job in missing]):
                if (result := done.result()) is not None:
                    missing.remove({key: result[key] for key in result.keys() & _KEYS})
                    results.append(result)
                    save(args.out, machine=here, results=results)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    print(json.dumps(here, indent=1))
    print(report(results))
    print(LEGEND)
    if missing:
        print(f"\n{len(missing)} runs are still to be measured: call again with the same --out.")


_KEYS = {"world", "stack", "steps", "seed", "episodes"}
"""What a job says."""


def _jobs(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Seed by seed, so that what a call leaves out are whole seeds."""
    plan = [(STOCK, steps) for steps in args.stock_steps or [args.steps]] + [(OURS, args.steps)]
    for seed in range(args.seeds):
        for world in args.worlds:
            rest = {"seed": seed, "episodes": args.episodes}
            if CONTESTS[world].sides:
                yield {"world": world, "steps": args.steps, **rest}
                continue
            for stack, steps in plan:
                yield {"world": world, "stack": stack, "steps": steps, **rest}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="+", choices=CONTESTS, default=list(CONTESTS))
    parser.add_argument("--steps", type=int, default=300_000, help="agent-steps of each stack")
    parser.add_argument(
        "--stock-steps",
        type=int,
        nargs="+",
        help="train SuperSuit for these instead, where it plays alone",
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--episodes", type=int, default=200, help="episodes of an evaluation")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin no run after so many"
    )
    parser.add_argument("--out", type=Path, help="write every run as JSON, and skip those in it")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
