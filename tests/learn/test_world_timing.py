"""Copies and workers by measurement."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest

from daf_nb import RlConfig
from daf_nb.envs import World
from daf_nb.learn.world_timing import best_copies, best_workers, settled_numbers, timed_step
from daf_nb.testing import Scripted
from tests.learn.helpers import make_trainer


class Sleepy(Scripted):
    """Takes four milliseconds a step."""

    def step(self, actions: Any) -> Any:
        time.sleep(0.004)
        return super().step(actions)


def test_a_step_is_timed_with_its_part_of_the_resets():
    assert 0.004 <= timed_step(World(partial(Sleepy, limit=5))) < 0.02


@pytest.mark.parametrize(("step", "copies"), [(1e-2, 8), (1e-4, 16), (5e-5, 32), (1e-6, 64)])
def test_quick_worlds_get_more_copies(step, copies):
    assert best_copies(step) == copies


@pytest.mark.parametrize(
    ("step", "num_envs", "cores", "workers"),
    [(1e-6, 8, 2, 0), (2e-5, 8, 2, 0), (4e-4, 8, 2, 2), (4e-4, 8, 1, 0), (1e-2, 3, 16, 3)],
)
def test_slow_worlds_get_workers_where_there_are_cores(step, num_envs, cores, workers):
    assert best_workers(step, num_envs, cores) == workers


def test_what_is_given_stays_and_nothing_is_timed():
    config = RlConfig(num_envs=3, num_workers=1)
    assert settled_numbers(config, World("no.such.world")) == (config, None)


def test_what_was_found_is_part_of_the_config():
    trainer = make_trainer(partial(Sleepy, limit=5), num_envs="auto", num_workers=0)
    assert trainer.config.num_envs == 8
    assert trainer.timed is not None
    assert "num_envs=8, num_workers=0" in str(trainer.timed)
    trainer.close()
