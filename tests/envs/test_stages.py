"""A world's own curriculum does what it says, also where mpe2 forgets the stage."""

from __future__ import annotations

from typing import Any

import pytest

from daf_nb.envs import make_env, set_stage
from daf_nb.errors import ConfigError
from daf_nb.testing import Scripted


def crash(stage):
    """What two agents in one place earn in a stage of simple_spread."""
    env: Any = make_env("mpe2.simple_spread_v3", env_kwargs={"N": 2, "curriculum": True})
    set_stage(stage, env)
    env.reset(seed=0)
    world = env.unwrapped.world
    for entity in world.entities:
        entity.state.p_pos[:] = 0.0
    world.agents[1].state.p_pos[:] = 0.1
    _, rewards, _, _, _ = env.step(dict.fromkeys(env.agents, 0))
    return rewards["agent_0"]


def test_a_stage_changes_what_simple_spread_pays():
    """Stage 0 has no penalty for collisions."""
    assert crash(0) - crash(1) == pytest.approx(0.5, abs=1e-6)


def test_stages_can_be_changed_again_and_are_each_instances_own():
    first: Any
    second: Any
    first, second = (
        make_env("mpe2.simple_tag_v3", env_kwargs={"curriculum": True}) for _ in range(2)
    )
    stages = []
    for stage in (2, 0, 1):
        set_stage(stage, first)
        first.reset(seed=0)
        stages.append((first.unwrapped.curriculum_stage, second.unwrapped.curriculum_stage))
    assert stages == [(2, 0), (0, 0), (1, 0)]


def test_a_stage_that_the_world_does_not_have_is_refused():
    env = make_env("mpe2.simple_spread_v3", env_kwargs={"curriculum": True})
    with pytest.raises(ConfigError, match="asked for stage 7 and is in stage 1"):
        set_stage(7, env)


def test_a_world_without_stages_is_refused():
    with pytest.raises(ConfigError, match="no set_curriculum_stage"):
        set_stage(1, Scripted())
