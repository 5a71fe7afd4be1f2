"""One measurement of the throughput benchmark: the raw world, SuperSuit + SB3, or daf_nb."""

from __future__ import annotations

import math
import resource
import tempfile
import time
from contextlib import suppress
from typing import Any

import psutil
from _throughput_cases import BATCH, CASES, Case, policy

RAW_SECONDS = 1.0

Measured = dict[str, Any]
"""Agent-steps a second, `live` and with the `rows` of dead agents; `cpu_us`, microseconds of all
processes' processor time for a live one; `mib`, the peak of memory, and how many `children` the
process had; the `copies_used` and `workers_used`. Or `refused`, and why."""


def measure(job: dict[str, Any]) -> Measured:
    """What a job asks for; it has an interpreter of its own."""
    case, steps = CASES[job["world"]], job["steps"]
    if job["stack"] == "raw":
        return raw(case, steps)
    if job["stack"] == "SuperSuit":
        return stock(case, steps, copies=job["copies"], processes=job["workers"])
    recorded = job["stack"] == "daf_nb recorded"
    return daf(case, steps, copies=job["copies"], workers=job["workers"], recorded=recorded)


def raw(case: Case, steps: int) -> Measured:
    """The world's own `parallel_env`, one copy, with random actions drawn beforehand."""
    from _stock import stock_world

    env = stock_world(case.world, case.env_kwargs, case.wrappers)
    env.reset(seed=0)
    drawn = {}
    for number, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(number)
        drawn[agent] = [env.action_space(agent).sample() for _ in range(500)]

    def play(least: int, seconds: float) -> int:
        live = turn = 0
        ending = time.perf_counter() + seconds
        while live < least or time.perf_counter() < ending:
            if not env.agents:
                env.reset()
            actions = {agent: drawn[agent][turn % 500] for agent in env.agents}
            env.step(actions)
            live += len(actions)
            turn += 1
        return live

    play(case.n_steps * len(drawn), 0.0)
    began = spent()
    live = play(steps, RAW_SECONDS)
    return {**rates(began, spent(), live=live, rows=live), **taken()}


def stock(case: Case, steps: int, *, copies: int, processes: int) -> Measured:
    """SuperSuit + SB3, stepping in this process or in workers."""
    from _stock import LiveRows, stock_ppo, stock_world

    name, policy_kwargs = policy(case)
    model = stock_ppo(
        stock_world(case.world, case.env_kwargs, case.stock_wrappers),
        copies=copies,
        processes=processes,
        policy=name,
        policy_kwargs=policy_kwargs,
        n_steps=case.n_steps,
        batch_size=BATCH,
        n_epochs=case.epochs,
    )
    rollout = case.n_steps * model.n_envs
    model.learn(rollout)
    rows = rollout * math.ceil(steps / rollout)
    counter = LiveRows()
    began = spent()
    model.learn(rows, callback=counter if case.deaths else None, reset_num_timesteps=False)
    ended = spent()
    live = counter.live if case.deaths else rows
    measured = {**rates(began, ended, live=live, rows=rows), **taken()}
    world = model.get_env()
    assert world is not None, "made by stock_ppo"
    world.close()
    return measured


def daf(
    case: Case, steps: int, *, copies: int | str, workers: int | str, recorded: bool = False
) -> Measured:
    """daf_nb in this thread; or in the background and recorded, as `daf_nb.train` does it."""
    from daf_nb import ConfigError

    try:
        trainer = _trainer(case, copies=copies, workers=workers)
    except ConfigError as error:
        if workers == 0:
            raise  # nothing that it may refuse
        return {"refused": str(error)}
    groups = trainer._learner.groups.values()
    rows = sum(model.n_envs for model in trainer.policies.values())
    cycles = math.ceil(steps / (case.n_steps * rows))
    marks: list[tuple[Spent, int]] = []
    memory: Measured = {}

    def mark(event: Any) -> None:
        if event.kind == "metrics":
            marks.append((spent(), event.step))
            if len(marks) > cycles:
                memory.update(taken())  # while the workers live
                trainer.gate.stop()

    trainer.subscribe(mark)
    if recorded:
        from daf_nb import launch

        with tempfile.TemporaryDirectory() as folder:
            launch(trainer, runs_dir=folder).wait()
    else:
        trainer.train()
    (began, before), (ended, after) = marks[0], marks[cycles]
    came_to = trainer.config.num_workers
    trainer.close()
    return {
        **rates(began, ended, live=after - before, rows=cycles * case.n_steps * rows),
        **memory,
        "copies_used": rows // sum(len(agents) for agents in groups),
        "workers_used": memory["children"] if came_to == "auto" else came_to,
    }


def _trainer(case: Case, *, copies: int | str, workers: int | str) -> Any:
    from daf_nb import RlConfig, RlTrainer

    name, policy_kwargs = policy(case)
    fields: dict[str, Any] = {
        "total_timesteps": 10**9,  # the listener ends it
        "num_envs": copies,
        "num_workers": workers,
        "seed": 0,
        "device": "cpu",
        "torch_threads": 1,
        "batch_size": BATCH,
        "partial_minibatch": True,  # as SB3 does; asked for by odd numbers of copies alone
        "algorithm_kwargs": {"n_steps": case.n_steps, "n_epochs": case.epochs},
        "policy_kwargs": policy_kwargs,
    }
    return RlTrainer(
        RlConfig(**fields),
        env=case.world,
        env_kwargs=case.env_kwargs,
        wrappers=case.wrappers,
        policy=name,
    )


Spent = tuple[float, float]
"""Seconds on the clock, and of processor time."""


def spent() -> Spent:
    """Until now, by this process and its workers, whose time the clock alone does not tell."""
    now, cpu = time.perf_counter(), time.process_time()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            cpu += times.user + times.system
    return now, cpu


def rates(began: Spent, ended: Spent, *, live: int, rows: int) -> Measured:
    """What was done between two readings, of so many live agent-steps and rows."""
    seconds, cpu = ended[0] - began[0], ended[1] - began[1]
    return {"live": live / seconds, "rows": rows / seconds, "cpu_us": cpu / live * 1e6}


def taken() -> Measured:
    """Memory: this process's peak, and what its workers hold for themselves alone.

    All that it has started counts: what serves forks or keeps track of shared memory too.
    """
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
    children = 0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            held += child.memory_full_info().uss
            children += 1
    return {"mib": held / 2**20, "children": children}
