"""One layout for the worlds of all tasks: what is merged, what is padded, what cannot be."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from daf_nb.envs import AgentSpaces, Layout, World, agent_spaces, merge_layouts
from daf_nb.envs.layout import misfit
from daf_nb.errors import ConfigError
from tests import worlds


def box(size: int = 3, low: float = -1, high: float = 1, dtype: Any = np.float32) -> spaces.Box:
    return spaces.Box(low, high, (size,), dtype)


def sees(observation: spaces.Space, action: spaces.Space | None = None) -> dict[str, AgentSpaces]:
    """The spaces of a world with one agent, a."""
    return {"a": AgentSpaces(observation, action or spaces.Discrete(2))}


def spread(**env_kwargs: Any) -> dict[str, AgentSpaces]:
    return agent_spaces(World("mpe2.simple_spread_v3", env_kwargs).build())


def test_one_world_is_laid_out_as_it_is():
    own = agent_spaces(worlds.TwoKinds())
    layout = merge_layouts({"it": own})
    assert layout == Layout(own, goal_size=0, padded_actions=False)
    assert list(layout.spaces) == ["wolf_0", "wolf_1", "sheep_0"]


def test_agents_are_the_union_in_the_order_of_the_largest_world():
    small = agent_spaces(worlds.TwoKinds(wolves=1, sheep=1))
    large = agent_spaces(worlds.TwoKinds(wolves=2, sheep=2))
    other = {"goat": small["wolf_0"]}
    layout = merge_layouts({"small": small, "other": other, "large": large})
    assert list(layout.spaces) == ["wolf_0", "wolf_1", "sheep_0", "sheep_1", "goat"]


def test_mpe2_with_bounded_neighbours_needs_no_padding():
    near = {"num_agent_neighbors": 1, "num_landmark_neighbors": 1}
    layout = merge_layouts({"two": spread(N=2, **near), "three": spread(N=3, **near)})
    assert layout == Layout(spread(N=3, **near))


def test_spaces_that_differ_are_refused_with_the_ways_out():
    variants = {"few": spread(N=2), "also few": spread(N=2), "many": spread(N=3)}
    with pytest.raises(ConfigError) as caught:
        merge_layouts(variants)
    message = str(caught.value)
    assert "agent_0" in message
    assert "few: Box(-inf, inf, (12,), float32) -> Discrete(5)" in message
    assert "many: Box(-inf, inf, (18,), float32) -> Discrete(5)" in message
    assert "pad_spaces=True" in message
    assert "num_agent_neighbors" in message


def test_bounds_that_differ_are_spaces_that_differ():
    with pytest.raises(ConfigError, match="spaces of a differ"):
        merge_layouts({"one": sees(box(high=1)), "other": sees(box(high=2))})


def test_padding_takes_the_longest_observation_and_the_most_actions():
    layout = merge_layouts({"few": spread(N=2), "many": spread(N=3)}, pad=True)
    assert layout == Layout(spread(N=3))
    one, two = sees(box(2), spaces.Discrete(5)), sees(box(4), spaces.Discrete(3))
    padded = merge_layouts({"one": one, "two": two}, pad=True)
    assert padded == Layout(sees(box(4), spaces.Discrete(5)), padded_actions=True)


def test_the_bounds_of_padding_are_the_union_with_zero():
    low, high = np.array([-1, 5, 5], np.float32), np.array([1, 6, 7], np.float32)
    long = sees(spaces.Box(low, high, dtype=np.float32))
    merged = merge_layouts({"short": sees(box(1, -3, 0.5)), "long": long}, pad=True)
    seen: Any = merged.spaces["a"].observation
    assert seen.low.tolist() == [-3, 0, 0]
    assert seen.high.tolist() == [1, 6, 7]
    assert seen.dtype == np.float32


def test_equal_actions_are_not_padded_actions():
    layout = merge_layouts({"one": sees(box(2)), "two": sees(box(4))}, pad=True)
    assert not layout.padded_actions


@pytest.mark.parametrize(
    ("one", "two", "what"),
    [
        (sees(box(dtype=np.float32)), sees(box(4, dtype=np.float64)), "observations"),
        (sees(box()), sees(spaces.Discrete(3)), "observations"),
        (sees(spaces.Discrete(3)), sees(spaces.Discrete(4)), "observations"),
        (sees(spaces.Box(0, 1, (2, 2))), sees(spaces.Box(0, 1, (2, 3))), "observations"),
        (sees(box(), box(1)), sees(box(), box(2)), "actions"),
        (sees(box(), spaces.MultiDiscrete([2, 2])), sees(box(), spaces.Discrete(2)), "actions"),
    ],
)
def test_what_cannot_be_padded_is_named(one, two, what):
    with pytest.raises(ConfigError) as caught:
        merge_layouts({"one": one, "two": two}, pad=True)
    message = str(caught.value)
    assert f"{what} of a cannot be padded" in message
    assert f"one: {one['a']}" in message
    assert f"two: {two['a']}" in message


def test_a_goal_ends_the_observation_within_zero_and_one():
    layout = merge_layouts({"short": sees(box(2)), "long": sees(box(3))}, pad=True, goal_size=2)
    seen: Any = layout.spaces["a"].observation
    assert layout.goal_size == 2
    assert seen.low.tolist() == [-1, -1, -1, 0, 0]
    assert seen.high.tolist() == [1, 1, 1, 1, 1]
    assert seen.dtype == np.float32


def test_one_world_may_have_a_goal_too():
    layout = merge_layouts({"it": sees(box(2))}, goal_size=3)
    assert layout.spaces["a"].observation.shape == (5,)


@pytest.mark.parametrize(
    "observation",
    [
        spaces.Discrete(3),
        spaces.Box(0, 1, (2, 2)),
        box(dtype=np.uint8, low=0),
        spaces.MultiBinary(2),
    ],
    ids=str,
)
def test_a_goal_is_refused_where_it_cannot_be_appended(observation):
    with pytest.raises(ConfigError, match="goal can be appended to a one-dimensional Box"):
        merge_layouts({"it": sees(observation)}, goal_size=1)


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"b": AgentSpaces(box(3), spaces.Discrete(2))}, "b is not among the agents laid out: a"),
        (sees(box(4)), r"a observes Box.*\(4,\).*expected Box.*\(5,\)"),
        (sees(box(3, dtype=np.float64)), "a observes Box.*float64.*; expected Box.*float32"),
        (sees(spaces.Discrete(3)), r"a observes Discrete\(3\); expected Box"),
        (sees(spaces.Box(0, 1, (3, 1))), "a observes Box"),
        (sees(box(3), spaces.Discrete(3)), r"a acts in Discrete\(3\); expected Discrete\(2\)"),
        (sees(box(3), box(2)), r"a acts in Box.*; expected Discrete\(2\)"),
    ],
)
def test_a_world_that_does_not_fit_is_told_why(own, words):
    layout = merge_layouts({"it": sees(box(3))}, goal_size=2)
    assert misfit(layout, sees(box(3)), exact=False) is None
    assert re.search(words, misfit(layout, own, exact=False) or "")


def test_less_fits_unless_it_must_be_exact():
    layout = Layout(sees(box(3), spaces.Discrete(3)))
    for less in (sees(box(2), spaces.Discrete(3)), sees(box(3), spaces.Discrete(2))):
        assert misfit(layout, less, exact=False) is None
        assert misfit(layout, less, exact=True) is not None
    assert misfit(layout, {}, exact=True) is None


def test_a_mask_in_any_task_is_a_mask_in_the_layout():
    plain = AgentSpaces(box(2), spaces.Discrete(2))
    masked = AgentSpaces(box(3), spaces.Discrete(2), masked=True)
    layout = merge_layouts({"plain": {"a": plain}, "masked": {"a": masked}}, pad=True)
    assert layout.spaces["a"] == masked


def test_agents_that_are_alike_wherever_they_meet_stay_alike():
    """Wolf 1 never plays the task with the long observations, but shares its policy with wolf 0."""
    short, long = (AgentSpaces(box(size), spaces.Discrete(2)) for size in (2, 5))
    sheep = AgentSpaces(box(3), spaces.Discrete(2))
    variants = {
        "pack": {"wolf_0": short, "wolf_1": short, "sheep": sheep},
        "lone": {"wolf_0": long, "sheep": sheep},
    }
    layout = merge_layouts(variants, pad=True)
    assert dict(layout.spaces) == {"wolf_0": long, "wolf_1": long, "sheep": sheep}


def test_actions_are_padded_for_agents_that_have_one_kind_alone():
    few, many = (AgentSpaces(box(2), spaces.Discrete(n)) for n in (2, 4))
    layout = merge_layouts({"both": {"a": few, "b": few}, "alone": {"a": many}}, pad=True)
    assert dict(layout.spaces) == {"a": many, "b": many}
    assert layout.padded_actions
