"""The example in the documentation is a world that can be trained on, looked at, and resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pettingzoo.test import parallel_api_test

import daf_nb as daf
from daf_nb.envs import World
from tests.envs.batched.points import Points

HERE = Path(__file__).parent


def test_the_documentation_shows_this_very_world():
    shown = (HERE.parents[2] / "docs" / "batched.md").read_text(encoding="utf-8")
    source = (HERE / "points.py").read_text(encoding="utf-8").partition('"""\n\n')[2]
    assert source.strip() in shown


def test_one_copy_is_an_ordinary_pettingzoo_world():
    env = daf.make_env(Points)
    parallel_api_test(env, num_cycles=100)


def test_a_description_tells_of_deaths_and_limits():
    described = daf.describe_env(Points, env_kwargs={"walkers": 3})
    assert described.agents == ("walker_0", "walker_1", "walker_2")
    assert described.repeats
    assert described.episode_length <= 20


def test_seeds_decide_an_episode():
    env = World(Points).build()
    first, _ = env.reset(seed=1)
    again, _ = env.reset(seed=1)
    other, _ = env.reset(seed=2)
    assert np.array_equal(first["walker_0"], again["walker_0"])
    assert not np.array_equal(first["walker_0"], other["walker_0"])
