"""Learning after equal agent-steps on simple_spread: SuperSuit + SB3 against daf_nb.

Both stacks train PPO with the same hyperparameters; one evaluator plays the trained policies, by
sampled actions, in fresh episodes whose seeds neither has seen. Every run has its own interpreter.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from _common import machine, run_job, save, table

WORLD, ENV_KWARGS = "mpe2.simple_spread_v3", {"N": 3, "max_cycles": 25}
COPIES, BATCH = 16, 1024
PPO_KWARGS = {
    "n_steps": 128,
    "n_epochs": 10,
    "learning_rate": 7e-4,
    "gamma": 0.99,
    "ent_coef": 0.01,
}


def train_stock(steps: int, seed: int) -> Any:
    """The model that SuperSuit + SB3 trains."""
    from _stock import stock_ppo, stock_world

    env = stock_world(WORLD, ENV_KWARGS)
    model = stock_ppo(env, copies=COPIES, seed=seed, batch_size=BATCH, **PPO_KWARGS)
    return model.learn(steps)


def train_daf(steps: int, seed: int) -> Any:
    """The model that daf_nb trains."""
    from daf_nb import RlConfig, RlTrainer

    fields: dict[str, Any] = {
        "total_timesteps": steps,
        "num_envs": COPIES,
        "seed": seed,
        "device": "cpu",
        "torch_threads": 1,
        "batch_size": BATCH,
        "algorithm_kwargs": PPO_KWARGS,
    }
    trainer = RlTrainer(RlConfig(**fields), env=WORLD, env_kwargs=ENV_KWARGS)
    trainer.train()
    trainer.close()
    return trainer.policies["all"]


STACKS = {"SuperSuit": train_stock, "daf_nb": train_daf}


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Trains and evaluates one policy."""
    import torch
    from _stock import stock_world

    from daf_nb.envs import Copies
    from daf_nb.learn.course import PlainCourse
    from daf_nb.learn.evaluate import evaluate
    from daf_nb.learn.success import success_rule

    began = time.perf_counter()
    model = STACKS[job["stack"]](job["steps"], job["seed"])
    seconds = time.perf_counter() - began
    torch.set_num_threads(1)

    def copies_of(num_envs: int) -> Copies:
        world = partial(stock_world, WORLD, ENV_KWARGS)
        return Copies(world, num_envs=num_envs, seed=job["seed"], held_out=True)

    played = evaluate(
        {"all": model.policy},
        copies_of,
        course=lambda: PlainCourse(success_rule(None)),
        episodes=job["episodes"],
        seed=job["seed"],
        deterministic=False,
    )
    return {
        "trained": model.num_timesteps,
        "seconds": seconds,
        "return": played.mean_reward,
        "random": played.random_mean_reward,
    }


def report(results: list[dict[str, Any]]) -> str:
    """One row per stack and length of training, and one for random actions on the same seeds."""
    # Any run of a seed has the same random episodes.
    chance = {r["seed"]: r["random"] for r in results}
    rows = [_row("random actions", 0, [chance[seed] for seed in sorted(chance)])]
    for stack, steps in dict.fromkeys((r["stack"], r["steps"]) for r in results):
        mine = [r for r in results if (r["stack"], r["steps"]) == (stack, steps)]
        mine.sort(key=lambda r: r["seed"])
        rows.append(_row(stack, mine[0]["trained"], [r["return"] for r in mine]))
    header = ["policy", "agent-steps", "return per agent", "95 % interval", "seed by seed"]
    return table(header, rows)


def _row(name: str, steps: int, returns: list[float]) -> list[str]:
    from daf_nb.learn.evaluate import bootstrap_interval

    low, high = bootstrap_interval(returns)
    each = "  ".join(f"{value:.2f}" for value in returns)
    return [name, f"{steps:,}", f"{mean(returns):.2f}", f"[{low:.2f}, {high:.2f}]", each]


def main() -> None:
    """Trains both stacks on every seed, prints the table, and writes the runs to `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300_000, help="agent-steps of each stack")
    parser.add_argument(
        "--stock-steps", type=int, nargs="+", help="train SuperSuit for these instead"
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--episodes", type=int, default=200, help="episodes of an evaluation")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--out", type=Path, help="write every run as JSON")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps(run(args.job)))
        return
    plan = [("SuperSuit", steps) for steps in args.stock_steps or [args.steps]]
    plan.append(("daf_nb", args.steps))
    jobs = [
        {"stack": stack, "steps": steps, "seed": seed, "episodes": args.episodes}
        for seed in range(args.seeds)
        for stack, steps in plan
    ]
    here, results = machine(), []
    with ThreadPoolExecutor(args.jobs) as pool:
        for result in pool.map(lambda job: run_job(__file__, job), jobs):
            results.append(result)
            save(args.out, machine=here, results=results)
    print(json.dumps(here, indent=1))
    print(report(results))


if __name__ == "__main__":
    main()
