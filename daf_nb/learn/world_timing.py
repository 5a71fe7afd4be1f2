"""Copies and workers by measurement: how long a step of this world takes on this machine."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from daf_nb.config import RlConfig
from daf_nb.envs import Copies, Watch, World
from daf_nb.learn.choosers import random_chooser

__all__ = ["Timed", "best_copies", "best_workers", "settled_numbers", "timed_step"]

_SECONDS, _LEAST, _MOST = 0.4, 20, 2_000
"""How long a world is stepped, and the least and most steps."""
_THOUGHT = 0.25e-3
"""Seconds that the trainer takes to choose all rows' actions, of small networks on one core."""
_TURN = 0.15e-3
"""Seconds that a half's message to a worker and back takes, of both processes together."""
_GAIN = 0.85
"""Workers must take at most this share of the time without them."""
_COPIES = (8, 16, 32, 64)


@dataclass(frozen=True)
class Timed:
    """What `auto` found.

    Attributes:
        step: seconds of one step of one copy, resets included.
        num_envs, num_workers: what was chosen, or given.
    """

    step: float
    num_envs: int
    num_workers: int

    def __str__(self) -> str:
        return (
            f"a step of a copy takes {1e6 * self.step:,.0f} us here: num_envs={self.num_envs}, "
            f"num_workers={self.num_workers}"
        )


def settled_numbers(config: RlConfig, world: World) -> tuple[RlConfig, Timed | None]:
    """The config with numbers of copies and workers for "auto", and what was found, if asked.

    The number of copies decides what is trained, so it is part of the run's spec from then on. That
    of workers changes nothing but the speed.
    """
    if "auto" not in (config.num_envs, config.num_workers):
        return config, None
    step, cores = timed_step(world, config.step_deadline), len(os.sched_getaffinity(0))
    envs = best_copies(step) if config.num_envs == "auto" else config.num_envs
    workers = config.num_workers
    if workers == "auto":
        workers = best_workers(step, envs, cores)
    update = {"num_envs": envs, "num_workers": workers}
    return config.model_copy(update=update), Timed(step, envs, workers)


def timed_step(world: World, deadline: float | None = None) -> float:
    """Seconds of one step of one copy under random actions, resets included.

    Raises:
        TrainingEnvironmentError: the world failed.
        ConfigError: it is no world that can be stepped.
    """
    watch = Watch(deadline)
    copies = Copies(world.build, num_envs=1, seed=0, groups=_groups(world), watch=watch)
    rng = np.random.default_rng(0)
    try:
        with watch.on():
            copies.reset()
            copies.step(_random(copies, rng))  # what only a first step has to do
            steps, spent, limit = 0, 0.0, time.perf_counter() + _SECONDS
            while steps < _LEAST or (steps < _MOST and time.perf_counter() < limit):
                actions = _random(copies, rng)
                began = time.perf_counter()
                copies.step(actions)
                spent += time.perf_counter() - began
                steps += 1
    finally:
        copies.close()
    return spent / steps


def best_copies(step: float) -> int:
    """How many copies make what each rollout step costs beside the worlds small.

    As few as make the worlds' part four times as long as the trainer's, of 8, 16, 32 and 64: more
    copies make rollouts larger, which is not always what learns best.

    Args:
        step: seconds of one step of one copy.
    """
    return next((n for n in _COPIES if n * step >= 4 * _THOUGHT), _COPIES[-1])


def best_workers(step: float, num_envs: int, cores: int) -> int:
    """How many workers make a rollout step shortest; 0 where none make it much shorter.

    With w workers on c cores the worlds take `num_envs * step / w` and the trainer thinks twice;
    both go on at once, and all of it together has no more than the cores.

    Args:
        step: seconds of one step of one copy.
        num_envs: copies.
        cores: that this process may use.
    """
    worlds = num_envs * step
    seconds = {0: worlds + _THOUGHT}
    for workers in range(1, min(cores, num_envs) + 1):
        work = worlds + 2 * _THOUGHT + 2 * _TURN * workers
        alone = worlds / workers + 2 * _TURN
        seconds[workers] = max(work / min(cores, workers + 1), alone)
    best = min(seconds, key=lambda workers: seconds[workers])
    return best if seconds[best] <= _GAIN * seconds[0] else 0


def _groups(world: World) -> dict[str, list[str]]:
    env = world.build()
    try:
        return {agent: [agent] for agent in env.possible_agents}
    finally:
        env.close()


def _random(copies: Copies, rng: np.random.Generator) -> dict[str, Any]:
    return random_chooser(rng)(copies)
