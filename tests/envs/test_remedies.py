"""Worlds whose reset forgets something: with the remedy, an episode follows from its seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pettingzoo

from daf_nb.envs import World
from daf_nb.envs.remedies import remedy

KAZ = "butterfly/knights_archers_zombies-v11"


def zombies(env: Any, *, seed: int, steps: int) -> list[int]:
    """How many zombies there are after each step."""
    env.reset(seed=seed)
    counted = []
    for _ in range(steps):
        env.step(dict.fromkeys(env.agents, 5))
        counted.append(len(env.unwrapped.zombie_list))
    return counted


def test_in_pettingzoo_zombies_come_by_a_clock_that_runs_on_over_episodes():
    """Should this fail, PettingZoo has mended it: the remedy can go."""
    env = pettingzoo.make("parallel", KAZ, spawn_delay=10)
    assert zombies(env, seed=1, steps=12).index(1) == 9
    assert zombies(env, seed=1, steps=12).index(1) == 7


def test_with_the_remedy_the_clock_starts_over():
    env = World(KAZ, {"spawn_delay": 10}).build()
    for _ in range(3):
        assert zombies(env, seed=1, steps=12).index(1) == 9


def test_a_first_episode_is_the_stock_worlds():
    stock, ours = pettingzoo.make("parallel", KAZ), World(KAZ).build()
    for env in (stock, ours):
        env.reset(seed=3)
    rng = np.random.default_rng(0)
    while stock.agents:
        actions = {agent: int(rng.integers(6)) for agent in stock.agents}
        theirs, mine = stock.step(dict(actions)), ours.step(dict(actions))
        assert mine[1:] == theirs[1:]
        assert {a: seen.tobytes() for a, seen in mine[0].items()} == {
            a: seen.tobytes() for a, seen in theirs[0].items()
        }


def test_other_worlds_are_left_alone():
    class Bare:
        pass

    for world in (Bare(), pettingzoo.make("parallel", "sisl/pursuit-v5")):
        before = dict(vars(getattr(world, "unwrapped", world)))
        remedy(world)
        assert vars(getattr(world, "unwrapped", world)) == before
