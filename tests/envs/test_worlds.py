"""Names that become worlds, and names that do not."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pettingzoo
import pytest
from mpe2 import simple_spread_v3
from pettingzoo.utils import BaseParallelWrapper, parallel_to_aec
from pettingzoo.utils.conversions import aec_to_parallel_wrapper
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs import World, known_wrappers, make_env
from daf_nb.errors import ConfigError, DafError
from tests import worlds


def turn_based():
    return pettingzoo.make("aec", "classic/tictactoe-v3")


def parallelizable_aec(**kwargs):
    return simple_spread_v3.env(**kwargs)


def refused(*args, **kwargs) -> str:
    with pytest.raises(ConfigError) as caught:
        make_env(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "env_kwargs", "agents", "title"),
    [
        ("sisl/pursuit-v5", {"n_pursuers": 3, "max_cycles": 5}, 3, "pursuit_v5"),
        ("pettingzoo.sisl.pursuit_v5", {"n_pursuers": 3, "max_cycles": 5}, 3, "pursuit_v5"),
        ("mpe2.simple_spread_v3", {"N": 4}, 4, "simple_spread_v3"),
        ("mpe2.simple_spread_v3:parallel_env", {"N": 4}, 4, "simple_spread_v3"),
        ("tests.worlds:Counting", {"agents": 5}, 5, "counting"),
        ("classic/rps-v2", {"max_cycles": 5}, 2, "rps_v2"),
    ],
)
def test_a_name_becomes_its_world_without_a_warning(name, env_kwargs, agents, title):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = make_env(name, env_kwargs=env_kwargs)
    assert isinstance(env, ParallelEnv)
    assert len(env.possible_agents) == agents
    assert env.metadata["name"] == title
    env.close()


def test_a_callable_becomes_a_fresh_world_at_every_call():
    one, other = (make_env(worlds.Counting, env_kwargs={"limit": 3}) for _ in range(2))
    assert type(one) is worlds.Counting
    assert one.limit == 3
    assert one is not other


def test_a_built_world_has_not_been_played():
    """The pre-flight episode is played on another instance."""
    env: Any = make_env(worlds.Counting)
    assert (env.elapsed, env.agents) == (0, [])


def test_a_parallelizable_aec_world_is_converted_and_plays_like_the_parallel_one():
    env = make_env(parallelizable_aec, env_kwargs={"max_cycles": 4})
    other = simple_spread_v3.parallel_env(max_cycles=4)
    assert isinstance(env, aec_to_parallel_wrapper)
    (ours, _), (theirs, _) = env.reset(seed=5), other.reset(seed=5)
    while other.agents:
        assert all(np.array_equal(ours[agent], theirs[agent]) for agent in other.agents)
        actions = dict.fromkeys(other.agents, 2)
        ours, rewards, *_ = env.step(actions)
        theirs, expected, *_ = other.step(actions)
        assert rewards == expected
    assert env.agents == []


def test_a_parallel_world_that_was_turned_into_an_aec_world_comes_back():
    class Parallelizable(worlds.Counting):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.metadata["is_parallelizable"] = True

    env = make_env(lambda: parallel_to_aec(Parallelizable(limit=3)))
    env.reset(seed=0)
    assert env.step(dict.fromkeys(env.agents, 0))[1] == {"agent_0": 1.0, "agent_1": 1.0}


def test_a_turn_based_world_is_refused_with_the_reason_and_a_way_out():
    message = refused(turn_based)
    assert "turn_based" in message  # the world's name
    assert "metadata does not say is_parallelizable" in message
    assert "pettingzoo.utils.turn_based_aec_to_parallel" in message
    import pettingzoo.utils

    assert callable(pettingzoo.utils.turn_based_aec_to_parallel)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("sisl/pursuit-v4", "sisl/pursuit-v5"),
        ("sisl/persuit-v5", "sisl/pursuit-v5"),
        ("pettingzoo.sisl.pursuit_v4", "sisl/pursuit-v5"),
        ("mpe.simple_spread_v3", "mpe2.simple_spread_v3"),
        ("simple_spread_v3", "mpe2.simple_spread_v3"),
        ("mpe2.simple_spred_v3", "mpe2.simple_spread_v3"),
    ],
)
def test_an_unknown_world_is_told_with_the_nearest_known_one(name, nearest):
    assert f"Did you mean {nearest!r}?" in refused(name)


@pytest.mark.parametrize("name", ["pettingzoo.mpe.simple_spread_v3", "mpe/simple_spread-v3"])
def test_the_particle_worlds_of_old_are_sent_to_mpe2(name):
    message = refused(name)
    assert "mpe2.simple_spread_v3" in message
    assert "package mpe2" in message


@pytest.mark.parametrize(
    ("world", "words"),
    [
        ("tests.worlds", "module 'tests.worlds' has no callable parallel_env or env"),
        ("tests.worlds:Nothing", "module 'tests.worlds' has no callable Nothing"),
        (dict, "gave an object of type dict; a PettingZoo ParallelEnv or AECEnv is needed"),
    ],
)
def test_what_makes_no_world_is_said_to(world, words):
    assert words in refused(world)


def test_arguments_that_the_world_does_not_take_are_named():
    message = refused(worlds.Counting, env_kwargs={"size": 3})
    assert "{'size': 3}" in message
    assert "unexpected keyword argument 'size'" in message


def test_a_missing_dependency_of_a_world_is_not_called_an_unknown_world(tmp_path, monkeypatch):
    (tmp_path / "lonely_world.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        make_env("lonely_world")


def test_wrappers_are_put_on_by_name_with_arguments_innermost_first():
    env = make_env(
        worlds.Continuous,
        wrappers=(("frame_stack_v1", {"stack_size": 4}), ("dtype_v0", {"dtype": np.float64})),
    )
    space = env.observation_space("agent_0")
    assert (space.shape, space.dtype) == ((12,), np.float64)
    observations, _ = env.reset(seed=0)
    assert observations["agent_0"].shape == (12,)
    assert observations["agent_0"].dtype == np.float64


def test_a_wrapper_may_be_a_function_of_the_world():
    class Louder(BaseParallelWrapper):
        def step(self, actions) -> Any:
            observations, rewards, *rest = self.env.step(actions)
            return observations, {agent: 10 * r for agent, r in rewards.items()}, *rest

    env = make_env(worlds.Counting, wrappers=(Louder,))
    env.reset(seed=0)
    assert env.step(dict.fromkeys(env.agents, 0))[1] == {"agent_0": 10.0, "agent_1": 10.0}


def test_padding_gives_different_agents_one_pair_of_spaces():
    env: Any = make_env(worlds.TwoKinds, wrappers=("pad_observations_v0", "pad_action_space_v0"))
    assert {env.observation_space(agent).shape for agent in env.possible_agents} == {(5,)}
    assert {env.action_space(agent).n for agent in env.possible_agents} == {3}


@pytest.mark.parametrize(
    ("wrapper", "words"),
    [
        ("black_death_v3", "black death would train ghosts"),
        ("concat_vec_envs_v1", "copies are made by num_envs"),
        ("pettingzoo_env_to_vec_env_v1", "the bridge does this"),
        ("frame_stack", "Did you mean 'frame_stack_v"),
        (("frame_stack_v1", {"size": 4}), "unexpected keyword argument 'size'"),
        ("color_reduction_v0", "wrapper color_reduction_v0({}) was refused"),
    ],
)
def test_a_wrapper_with_no_place_here_is_refused(wrapper, words):
    assert words in refused(worlds.Counting, wrappers=(wrapper,))


def test_the_known_wrappers_change_worlds_and_not_their_number():
    names = known_wrappers()
    assert {"clip_reward_v0", "frame_stack_v1", "pad_observations_v0", "resize_v1"} <= set(names)
    assert not [name for name in names if re.search("black_death|vec_env", name)]


def test_a_world_is_named_as_it_was_given():
    assert World("sisl/pursuit-v5").name == "sisl/pursuit-v5"
    assert World(worlds.Counting).name == "tests.worlds:Counting"


def test_what_is_refused_is_both_ours_and_a_value_error():
    with pytest.raises(DafError):
        make_env("sisl/pursuit-v4")
    with pytest.raises(ValueError, match="unknown world"):
        make_env("sisl/pursuit-v4")
