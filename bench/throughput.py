"""Training throughput and memory: raw world, SuperSuit + SB3 and daf_nb, measured in turn.

Every measurement has an interpreter of its own, warms up with one rollout and update, and times
whole rollouts with their updates. A round measures every variant of every world once.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psutil
from _common import machine, run_job, save, table


class Case(NamedTuple):
    """A world, and whether its agents die before their episode ends."""

    world: str
    env_kwargs: dict[str, Any]
    deaths: bool = False


CASES = {
    "simple_spread": Case("mpe2.simple_spread_v3", {"N": 3}),
    "knights_archers_zombies": Case("butterfly/knights_archers_zombies-v11", {}, deaths=True),
    "multiwalker": Case("sisl/multiwalker-v9", {}),
    "pursuit": Case("sisl/pursuit-v5", {}),
}
COPIES, N_STEPS, BATCH, EPOCHS = 8, 128, 512, 4

LEGEND = f"""
Live agent-steps a second, medians over rounds; "vs": daf_nb over its peer, by round, with range.
PPO, {COPIES} copies, n_steps {N_STEPS}, batch {BATCH}, {EPOCHS} epochs. Raw world: one copy.
"x2": SuperSuit with two worker processes; "best": the faster of SuperSuit's two in each round.
MiB: the process's peak of resident memory, and what its workers hold for themselves alone."""

Measured = dict[str, float]
"""Agent-steps a second, `live` and with the `rows` of dead agents; and `mib`, the peak memory."""


def raw(case: Case, steps: int) -> Measured:
    """The world's own `parallel_env`, one copy, with random actions drawn beforehand."""
    from _stock import stock_world

    env = stock_world(case.world, case.env_kwargs)
    env.reset(seed=0)
    drawn = {}
    for number, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(number)
        drawn[agent] = [env.action_space(agent).sample() for _ in range(500)]

    def play(least: int) -> int:
        live = turn = 0
        while live < least:
            if not env.agents:
                env.reset()
            actions = {agent: drawn[agent][turn % 500] for agent in env.agents}
            env.step(actions)
            live += len(actions)
            turn += 1
        return live

    play(N_STEPS * len(drawn))
    began = time.perf_counter()
    live = play(steps)
    seconds = time.perf_counter() - began
    return {"live": live / seconds, "rows": live / seconds, "mib": peak_mib()}


def stock(case: Case, steps: int, *, processes: int = 0) -> Measured:
    """SuperSuit + SB3, stepping in this process or in workers."""
    from _stock import LiveRows, stock_ppo, stock_world

    model = stock_ppo(
        stock_world(case.world, case.env_kwargs),
        copies=COPIES,
        processes=processes,
        black_death=case.deaths,
        n_steps=N_STEPS,
        batch_size=BATCH,
        n_epochs=EPOCHS,
    )
    rollout = N_STEPS * model.n_envs
    model.learn(rollout)
    rows = rollout * math.ceil(steps / rollout)
    counter = LiveRows()
    began = time.perf_counter()
    model.learn(rows, callback=counter if case.deaths else None, reset_num_timesteps=False)
    seconds = time.perf_counter() - began
    live = counter.live if case.deaths else rows
    measured = {"live": live / seconds, "rows": rows / seconds, "mib": peak_mib()}
    copies = model.get_env()
    assert copies is not None, "made by stock_ppo"
    copies.close()
    return measured


def daf(case: Case, steps: int, *, recorded: bool = False) -> Measured:
    """daf_nb in this thread; or in the background and recorded, as `daf_nb.train` does it."""
    from daf_nb import RlConfig, RlTrainer

    fields: dict[str, Any] = {
        "total_timesteps": 10**9,  # the listener below ends it
        "num_envs": COPIES,
        "seed": 0,
        "device": "cpu",
        "batch_size": BATCH,
        "algorithm_kwargs": {"n_steps": N_STEPS, "n_epochs": EPOCHS},
    }
    trainer = RlTrainer(RlConfig(**fields), env=case.world, env_kwargs=case.env_kwargs)
    rollout = N_STEPS * sum(model.n_envs for model in trainer.policies.values())
    cycles = math.ceil(steps / rollout)
    marks: list[tuple[float, int]] = []

    def mark(event: Any) -> None:
        if event.kind == "metrics":
            marks.append((time.perf_counter(), event.step))
            if len(marks) > cycles:
                trainer.gate.stop()

    trainer.subscribe(mark)
    if recorded:
        from daf_nb import launch

        with tempfile.TemporaryDirectory() as folder:
            launch(trainer, runs_dir=folder).wait()
    else:
        trainer.train()
    (began, before), (ended, after) = marks[0], marks[cycles]
    seconds = ended - began
    measured = {"live": (after - before) / seconds, "rows": cycles * rollout / seconds}
    trainer.close()
    return {**measured, "mib": peak_mib()}


def peak_mib() -> float:
    """This process's peak of resident memory, and what its workers hold for themselves alone."""
    workers = psutil.Process().children(recursive=True)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
    return (own + sum(worker.memory_full_info().uss for worker in workers)) / 2**20


VARIANTS = {
    "raw world": raw,
    "SuperSuit": stock,
    "SuperSuit x2": lambda case, steps: stock(case, steps, processes=2),
    "daf_nb": daf,
    "daf_nb recorded": lambda case, steps: daf(case, steps, recorded=True),
}


def report(results: list[dict[str, Any]]) -> str:
    """Medians over rounds, speed and memory; ratios are formed within rounds."""
    shown = [name for name in VARIANTS if any(r["variant"] == name for r in results)]
    trained = [name for name in shown if name != "raw world"]
    rates, memory, ghosts = [], [], []
    for world in dict.fromkeys(r["world"] for r in results):

        def column(variant: str, key: str, world: str = world) -> list[float]:
            mine = [r for r in results if (r["world"], r["variant"]) == (world, variant)]
            return [r[key] for r in mine]

        ours, single = column("daf_nb", "live"), column("SuperSuit", "live")
        best = [max(pair) for pair in zip(single, column("SuperSuit x2", "live"), strict=True)]
        live = [f"{median(column(name, 'live')):,.0f}" for name in shown]
        rates.append([world, *live, _ratio(ours, single), _ratio(ours, best)])
        memory.append([world, *(f"{median(column(name, 'mib')):,.0f}" for name in trained)])
        if CASES[world].deaths:
            each = [f"{n} {median(column(n, 'rows')):,.0f}" for n in ("SuperSuit", "SuperSuit x2")]
            ghosts.append(f"With the rows of dead agents counted, {world}: {', '.join(each)}.")
    speed = table(["agent-steps/s", *shown, "vs in process", "vs best"], rates)
    return "\n".join([speed, "", table(["MiB", *trained], memory), "", *ghosts])


def _ratio(ours: list[float], theirs: list[float]) -> str:
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


def main() -> None:
    """Measures, prints the table, and writes every measurement where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--steps", type=int, default=16_384, help="rows to time, at least")
    parser.add_argument("--repeats", type=int, default=3, help="rounds")
    parser.add_argument("--recorded", action="store_true", help="measure recorded training too")
    parser.add_argument("--out", type=Path, help="write the measurements as JSON")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        variant, world = VARIANTS[args.job["variant"]], CASES[args.job["world"]]
        print(json.dumps(variant(world, args.job["steps"])))
        return
    here, results = machine(), []
    for turn in range(args.repeats):
        for world in args.worlds:
            for variant in VARIANTS:
                if variant != "daf_nb recorded" or args.recorded:
                    job = {"round": turn, "world": world, "variant": variant, "steps": args.steps}
                    results.append(run_job(__file__, job))
                    save(args.out, machine=here, results=results)
    print(json.dumps(here, indent=1))
    print(report(results))
    print(LEGEND)


if __name__ == "__main__":
    main()
