"""Sparse spread: simple_spread's starts, one reward at success, and a difficulty between."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from mpe2 import simple_spread_v3
from mpe2.simple_spread import simple_spread
from pettingzoo.test import api_test, parallel_api_test

from daf_nb.envs import AgentVecEnv, DirectWorld, World, drive
from daf_nb.envs.sparse_spread import Scenario, env, parallel_env, raw_env
from daf_nb.errors import ConfigError
from daf_nb.learn.success import success_rule

STILL = {"agent_0": 0, "agent_1": 0}


def places(world: Any) -> np.ndarray:
    """Float [2, N, 2]: of the agents, then of the landmarks."""
    inner = world.unwrapped.world
    return np.array(
        [[each.state.p_pos for each in kind] for kind in (inner.agents, inner.landmarks)]
    )


def put(world: Any, agents: list[list[float]], landmarks: list[list[float]]) -> None:
    inner = world.unwrapped.world
    for entity, place in zip(inner.entities, [*agents, *landmarks], strict=True):
        entity.state.p_pos = np.array(place, float)


@pytest.mark.parametrize("kwargs", [{}, {"N": 3}, {"continuous_actions": True}], ids=str)
def test_the_world_keeps_pettingzoos_contract(kwargs, recwarn):
    parallel_api_test(parallel_env(**kwargs), num_cycles=100)
    api_test(env(**kwargs), num_cycles=100)
    assert [str(w.message) for w in recwarn if "gent was" in str(w.message)] == []


def test_it_is_known_by_its_module_path_and_drawn_and_named_as_a_world_of_its_own():
    world = World("daf_nb.envs.sparse_spread", {"render_mode": "rgb_array"}).build()
    world.reset(seed=0)
    assert str(world.unwrapped) == "sparse_spread"
    assert str(simple_spread_v3.parallel_env().unwrapped) == "simple_spread_v3"
    picture: Any = world.render()
    assert picture.shape == (700, 700, 3) and picture.std() > 0
    world.close()


@pytest.mark.parametrize("seed", range(20))
def test_at_difficulty_1_it_starts_as_simple_spread_bit_for_bit(seed):
    ours, native = parallel_env(), simple_spread_v3.parallel_env(N=2)
    expected, _ = native.reset(seed=seed)
    for options in (None, {}, {"difficulty": 1}, {"difficulty": 1.0}, {"unknown": 3}):
        seen, infos = ours.reset(seed=seed, options=options)
        assert all(np.array_equal(seen[agent], expected[agent]) for agent in expected)
        assert np.array_equal(places(ours), places(native))
        assert infos == {"agent_0": {}, "agent_1": {}}


@pytest.mark.parametrize("difficulty", [0, 0.1, 0.25, np.float32(0.5), 0.999])
def test_between_the_landmarks_are_on_the_way_from_the_agents_to_their_native_places(difficulty):
    world = parallel_env(N=4)
    for seed in range(5):
        world.reset(seed=seed)
        agents, native = places(world)
        seen, _ = world.reset(seed=seed, options={"difficulty": difficulty})
        assert np.array_equal(places(world)[0], agents)
        assert np.array_equal(places(world)[1], agents + float(difficulty) * (native - agents))
        assert np.allclose(seen["agent_2"][8:10], difficulty * (native - agents)[2], atol=1e-6)


def test_the_difficulty_is_of_one_episode_only_and_draws_no_chance():
    world, native = parallel_env(), simple_spread_v3.parallel_env(N=2)
    for each in (world, native):
        each.reset(seed=5)
    world.reset(options={"difficulty": 0.5})
    native.reset()
    world.reset()
    native.reset()
    assert np.array_equal(places(world), places(native))


@pytest.mark.parametrize("driven", [False, True])
def test_at_difficulty_0_the_first_step_succeeds(driven):
    for seed in range(10):
        world = drive(parallel_env()) if driven else parallel_env()
        world.reset(seed=seed, options={"difficulty": 0.0})
        _, rewards, terminations, truncations, infos = world.step({"agent_0": 1, "agent_1": 4})
        assert dict(rewards) == {"agent_0": 1.0, "agent_1": 1.0}
        assert dict(terminations) == {"agent_0": True, "agent_1": True}
        assert dict(truncations) == {"agent_0": False, "agent_1": False}
        assert dict(infos) == {"agent_0": {"is_success": 1.0}, "agent_1": {"is_success": 1.0}}
        assert world.agents == []


@pytest.mark.parametrize("difficulty", [-0.01, 1.01, float("nan"), "0.5", None, True, [0.5]])
def test_a_difficulty_outside_of_0_to_1_is_refused(difficulty):
    with pytest.raises(ConfigError, match=r"difficulty=.*\[0, 1\]"):
        parallel_env().reset(options={"difficulty": difficulty})


@pytest.mark.parametrize("kwargs", [{"N": 0}, {"max_cycles": 0}], ids=str)
def test_a_world_without_agents_or_cycles_is_refused(kwargs):
    with pytest.raises(ConfigError, match="at least 1"):
        raw_env(**kwargs)


@pytest.mark.parametrize(
    ("landmarks", "covered"),
    [
        ([[-0.5, 0.149], [0.5, 0]], True),
        ([[-0.5, 0.15], [0.5, 0]], False),
        ([[-0.5, 0], [0.5, 0.151]], False),
        ([[-0.5, 0.1], [-0.5, -0.1]], True),
    ],
    ids=["within", "at the radius", "one is not", "both by one agent"],
)
def test_success_is_every_landmark_with_an_agent_within_the_radius(landmarks, covered):
    world = parallel_env()
    world.reset(seed=0)
    put(world, [[-0.5, 0], [0.5, 0]], landmarks)
    _, rewards, terminations, _, infos = world.step(STILL)
    assert set(rewards.values()) == {float(covered)}
    assert set(terminations.values()) == {covered}
    assert infos["agent_1"] == ({"is_success": 1.0} if covered else {})


def test_covering_is_computed_as_mpe2_computes_it():
    world = simple_spread.Scenario().make_world(2)
    ours, rng, seen = Scenario(), np.random.default_rng(0), set()
    for _ in range(500):
        ours.difficulty = float(rng.uniform(0, 0.4))
        ours.reset_world(world, rng)
        verdict = ours.is_terminal(world)
        assert verdict == simple_spread.Scenario.is_terminal(ours, world)
        seen.add(verdict)
    assert seen == {False, True}


@pytest.mark.parametrize("driven", [False, True])
@pytest.mark.parametrize("covered", [False, True])
def test_the_last_cycle_counts(driven, covered):
    inner = parallel_env(max_cycles=3)
    world = drive(inner) if driven else inner
    world.reset(seed=0)
    put(inner, [[-0.5, 0], [0.5, 0]], [[-0.5, 0.8], [0.5, 0.8]])
    for _ in range(2):
        _, rewards, _, _, infos = world.step(STILL)
        assert set(rewards.values()) == {0.0} and not any(infos.values())
    if covered:
        put(inner, [[-0.5, 0.8], [0.5, 0.8]], [[-0.5, 0.8], [0.5, 0.8]])
    _, rewards, terminations, truncations, infos = world.step(STILL)
    assert dict(rewards) == dict.fromkeys(STILL, float(covered))
    assert dict(terminations) == dict.fromkeys(STILL, False)
    assert dict(truncations) == dict.fromkeys(STILL, True)
    assert dict(infos) == {agent: {"is_success": float(covered)} for agent in STILL}


@pytest.mark.parametrize("kwargs", [{}, {"N": 3, "continuous_actions": True}], ids=str)
def test_a_driven_world_plays_the_same_episodes(kwargs):
    stock, inner = parallel_env(**kwargs), parallel_env(**kwargs)
    driven = drive(inner)
    assert isinstance(driven, DirectWorld)
    lengths, rng = set(), np.random.default_rng(0)
    for episode in range(50):
        options = {"difficulty": float(rng.choice([0.15, 0.4, 1.0]))}
        both = [world.reset(seed=episode, options=options) for world in (driven, stock)]
        length = 0
        while stock.agents:
            for ours, theirs in zip(*both, strict=True):
                np.testing.assert_equal(dict(ours), dict(theirs))
            for agent in stock.agents:
                stock.action_space(agent).seed(int(rng.integers(2**31)))
            actions = {agent: stock.action_space(agent).sample() for agent in stock.agents}
            both = [world.step(dict(actions)) for world in (driven, stock)]
            assert driven.agents == stock.agents
            length += 1
        for ours, theirs in zip(*both, strict=True):
            np.testing.assert_equal(dict(ours), dict(theirs))
        lengths.add(length)
    assert max(lengths) == 25 and min(lengths) < 25, "no episode ended by success"


def test_a_seed_and_a_difficulty_make_the_episode():
    def episode(world: Any) -> list[np.ndarray]:
        seen, _ = world.reset(seed=11, options={"difficulty": 0.7})
        path = [*seen.values()]
        for step in range(10):
            seen, *_ = world.step(dict.fromkeys(world.agents, step % 5))
            path += seen.values()
        return path

    world = parallel_env()
    first, again, other = episode(world), episode(world), episode(parallel_env())
    assert np.array_equal(first, again) and np.array_equal(first, other)


def test_a_copy_through_pickle_is_the_same_world():
    world = raw_env(N=3, max_cycles=7)
    copy = pickle.loads(pickle.dumps(world))  # noqa: S301 - our own bytes
    for each in (world, copy):
        each.reset(seed=2)
    assert copy.max_cycles == 7 and np.array_equal(places(copy), places(world))


def test_the_default_success_rule_reads_its_episodes():
    rows = AgentVecEnv(lambda: parallel_env(max_cycles=3), num_envs=2, seed=0)
    rows.set_options([{"difficulty": d} for d in (0.0, 0.0, 1.0, 1.0)])
    rows.reset()
    ended = []
    for _ in range(3):
        rows.step(np.zeros(4, int))
        ended += rows.copies.episodes
    rows.close()
    said = {each.copy: (success_rule(None)(each), each.length) for each in reversed(ended)}
    assert said == {0: (1.0, 1), 1: (0.0, 3)}
