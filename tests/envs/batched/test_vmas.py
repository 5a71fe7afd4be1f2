"""VMAS's scenarios: seeds, resets of some copies, states, and the names of worlds."""

from __future__ import annotations

import importlib.util
import random
import sys
from typing import Any

import pytest
import torch

import daf_nb as daf
from daf_nb.envs import World, is_known_world
from daf_nb.errors import ConfigError

VMAS = importlib.util.find_spec("vmas") is not None
needs_vmas = pytest.mark.skipif(not VMAS, reason="VMAS is not installed: daf_nb[vmas]")
SCENARIOS = ["balance", "navigation", "simple_tag", "transport", "waterfall"]


def made(scenario: str, num_envs: int = 6, **env_kwargs: Any) -> Any:
    return World(f"vmas/{scenario}", env_kwargs).build_batched(num_envs, "cpu")


def actions(world: Any, seed: int) -> dict[str, torch.Tensor]:
    chance = torch.Generator().manual_seed(seed)
    found = {}
    for agent in world.agents:
        space = world.action_space(agent)
        size = (world.num_envs, *space.shape)
        if hasattr(space, "n"):
            found[agent] = torch.randint(int(space.n), size, generator=chance)
        else:
            found[agent] = torch.rand(size, generator=chance) * 2 - 1
    return found


def flat(seen: Any) -> torch.Tensor:
    return torch.cat(list(seen.values()), 1)


@needs_vmas
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_seeds_decide_and_nothing_else_that_draws(scenario: str):
    def played(disturb: bool) -> list[torch.Tensor]:
        if disturb:
            torch.manual_seed(99)
        world = made(scenario)
        seen = [flat(world.reset(seed=7))]
        for number in range(5):
            if disturb:
                torch.rand(3)
                random.seed(number)
            seen.append(flat(world.step(actions(world, number))[0]))
        seen.append(flat(world.reset(torch.arange(6) % 2 == 0)))
        return seen

    assert all(torch.equal(*pair) for pair in zip(played(False), played(True), strict=True))


@needs_vmas
def test_the_global_generators_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    world = made("simple_spread")
    world.reset(seed=1)
    world.step(actions(world, 0))
    assert torch.equal(torch.rand(4), expected)


@needs_vmas
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_reset_of_some_copies_leaves_the_others_as_they_were(scenario: str):
    world, twin = made(scenario), made(scenario)
    for one in (world, twin):
        one.reset(seed=3)
        for number in range(4):
            one.step(actions(one, number))
    some = torch.tensor([True, False, False, True, False, True])
    before = flat(twin.step(actions(twin, 4))[0])
    flat(world.step(actions(world, 4))[0])
    seen = flat(world.reset(some))
    assert torch.equal(seen[~some], before[~some])
    assert (seen[some] != before[some]).any(1).all()
    # And they go on as if nobody had been reset beside them.
    ours, theirs = world.step(actions(world, 5)), twin.step(actions(twin, 5))
    assert torch.equal(flat(ours[0])[~some], flat(theirs[0])[~some])
    assert torch.equal(ours[1][~some], theirs[1][~some])


@needs_vmas
def test_the_steps_of_reset_copies_count_anew():
    world = made("simple_spread", max_steps=3)
    world.reset(seed=0)
    cut = []
    for number in range(5):
        *_, truncated = world.step(actions(world, number))
        cut.append(truncated[:, 0].tolist())
        if number == 1:
            world.reset(torch.arange(6) < 2)
    late, early = [True] * 6, [False] * 6
    assert cut == [early, early, [False] * 2 + [True] * 4, [False] * 2 + [True] * 4, late]


@needs_vmas
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_state_goes_on_exactly(scenario: str, fresh: bool):
    def rest(world: Any) -> list[torch.Tensor]:
        found = []
        for number in range(10, 14):
            seen, *planes = world.step(actions(world, number))
            found += [flat(seen), *(plane.clone() for plane in planes)]
        return [*found, flat(world.reset(torch.arange(6) > 2)), flat(world.reset())]

    world = made(scenario)
    world.reset(seed=2)
    for number in range(5):
        world.step(actions(world, number))
    state = world.state()
    expected = rest(world)
    other = made(scenario) if fresh else world
    other.load_state(state)
    assert all(torch.equal(*pair) for pair in zip(rest(other), expected, strict=True))


@needs_vmas
def test_our_step_is_vmas_own():
    import vmas

    world = made("simple_spread", max_steps=50)
    theirs: Any = vmas.make_env("simple_spread", num_envs=6, device="cpu", max_steps=50, seed=11)
    seen = world.reset(seed=11)
    assert torch.equal(flat(seen), torch.cat(theirs.reset(seed=11), 1))
    for number in range(20):
        given = actions(world, number)
        ours = world.step(given)
        obs, rewards, _, _ = theirs.step(list(given.values()))
        assert torch.equal(flat(ours[0]), torch.cat(obs, 1))
        assert torch.equal(ours[1], torch.stack(rewards, 1))


@needs_vmas
def test_discrete_actions_and_arguments_reach_the_scenario():
    world = made("simple_spread", n_agents=5, continuous_actions=False)
    assert len(world.agents) == 5
    assert world.action_space("agent_0").n == 9
    world.reset(seed=0)
    assert world.step(actions(world, 0))[1].shape == (6, 5)


@needs_vmas
def test_an_unknown_scenario_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'vmas/simple_spread'"):
        daf.describe_env("vmas/simple_sprad")


@needs_vmas
def test_arguments_that_the_scenario_does_not_take_are_refused():
    with pytest.raises(ConfigError, match=r"vmas/balance refused.*wheels"):
        daf.describe_env("vmas/balance", env_kwargs={"wheels": 3})


@needs_vmas
def test_its_names_are_known_and_paths_are_not():
    assert is_known_world("vmas/simple_spread")
    assert not is_known_world("vmas/../simple_spread")
    assert not is_known_world("vmas/")


def test_without_vmas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "vmas", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"daf_nb\[vmas\]"):
        daf.describe_env("vmas/simple_spread")
    assert not is_known_world("vmas/simple_spread")


def test_wrappers_are_refused():
    from tests.envs.batched.points import Points

    with pytest.raises(ConfigError, match="copy by copy"):
        daf.make_env(Points, wrappers=("frame_stack_v1",))
