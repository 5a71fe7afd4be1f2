"""Which agents share one policy, and what the groups are called."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from daf_nb.envs import AgentSpaces
from daf_nb.errors import ConfigError
from daf_nb.learn.groups import group_agents


def kind(size: int, actions: int = 2) -> AgentSpaces:
    return AgentSpaces(spaces.Box(-1, 1, (size,), np.float32), spaces.Discrete(actions))


ALIKE = {"walker_0": kind(3), "walker_1": kind(3)}
TWO = {"archer_0": kind(3), "knight_0": kind(4), "archer_1": kind(3), "knight_1": kind(4)}
CONFUSING = {"a_1": kind(3), "a_2": kind(4), "b": kind(3)}


@pytest.mark.parametrize(
    ("agents", "share", "groups"),
    [
        (ALIKE, "group", {"all": ["walker_0", "walker_1"]}),
        (ALIKE, "all", {"all": ["walker_0", "walker_1"]}),
        (ALIKE, "none", {"walker_0": ["walker_0"], "walker_1": ["walker_1"]}),
        (TWO, "group", {"archer": ["archer_0", "archer_1"], "knight": ["knight_0", "knight_1"]}),
        (CONFUSING, "group", {"group_0": ["a_1", "b"], "group_1": ["a_2"]}),
        ({"x_1": kind(3), "x_2": kind(4)}, "group", {"group_0": ["x_1"], "group_1": ["x_2"]}),
        ({"1": kind(3), "2": kind(3, 5)}, "group", {"group_0": ["1"], "group_1": ["2"]}),
    ],
)
def test_agents_are_grouped(agents, share, groups):
    made = group_agents(agents, share)
    assert made == groups
    assert list(made) == list(groups)


def test_actions_make_a_kind_as_observations_do():
    assert len(group_agents({"a": kind(3, 2), "b": kind(3, 4)}, "group")) == 2


def test_masks_make_a_kind():
    masked = AgentSpaces(kind(3).observation, kind(3).action, masked=True)
    assert len(group_agents({"a": kind(3), "b": masked}, "group")) == 2


def test_one_policy_for_different_agents_is_refused_with_the_listing():
    with pytest.raises(ConfigError) as caught:
        group_agents(TWO, "all")
    for agent in TWO:
        assert f"  {agent}: Box(" in str(caught.value)
