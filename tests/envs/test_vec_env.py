"""Copies x agents as the rows of one SB3 `VecEnv`: ends, seeds, credit, and what is refused."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import pytest
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

from daf_nb import envs
from daf_nb.envs import Copies, GroupVecEnv, make_env
from daf_nb.errors import ConfigError, TrainingEnvironmentError
from daf_nb.testing import Scripted
from tests import worlds


class Noting(Scripted):
    """Keeps the options of its resets and says in every info which episode it belongs to."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.episode = -1
        self.options: list[Any] = []
        self.closed = 0

    def reset(self, seed=None, options=None):
        self.episode += 1
        self.options.append(options)
        return super().reset(seed=seed, options=options)

    def info(self, agent):
        return {"episode_number": self.episode, "elapsed": self.elapsed}

    def close(self):
        self.closed += 1


# SB3 declares wider types than arrays for what a VecEnv gives.
AgentVecEnv: Any = envs.AgentVecEnv


def scripted(num_envs=1, seed=0, **kwargs) -> Any:
    env = AgentVecEnv(lambda: Scripted(**kwargs), num_envs=num_envs, seed=seed)
    env.reset()
    return env


def still(env: Any) -> np.ndarray:
    """Every row's action 0."""
    return np.zeros((env.num_envs, *env.action_space.shape), env.action_space.dtype)


def play(env: Any, steps: int) -> list[Any]:
    return [env.step(still(env)) for _ in range(steps)]


# Rows


def test_rows_are_copy_major_with_agents_in_the_worlds_order():
    env = scripted(num_envs=3, agents=2)
    assert env.num_envs == 6
    assert env.row_agents == ["agent_0", "agent_1"] * 3
    assert env.row_copies.tolist() == [0, 0, 1, 1, 2, 2]


def test_what_a_row_is_given_and_gives_is_its_own_agents():
    """An agent sees its index plus one and earns that plus a tenth of its action."""
    env = scripted(num_envs=2, agents=3)
    observations, rewards, dones, _ = env.step(np.array([0, 1, 2, 2, 1, 0]))
    assert observations[:, 2].tolist() == [1, 2, 3, 1, 2, 3]
    np.testing.assert_allclose(rewards, [1.0, 2.1, 3.2, 1.2, 2.1, 3.0], rtol=1e-6)
    assert (observations.dtype, rewards.dtype, dones.dtype) == (np.float32, np.float32, bool)
    assert not dones.any()


# Ends (promises 1 and 2)


def test_a_death_is_terminal_on_the_agents_own_last_step():
    """Agents die at steps 2, 4 and 6; the copy's next episode begins with the last death."""
    env = scripted(limit=None, deaths={0: 2, 1: 4, 2: 6})
    dones, alive, rewards = [], [env.alive.tolist()], []
    for _ in range(7):
        _, reward, done, infos = env.step(still(env))
        dones.append(done.tolist())
        alive.append(env.alive.tolist())
        rewards.append(reward.tolist())
        assert not any(info.get("TimeLimit.truncated") for info in infos)
        assert [bool(info) for info in infos] == done.tolist()
        assert env.terminated.tolist() == done.tolist()
        assert not env.truncated.any()
    yes, no = True, False
    assert dones == [
        [no, no, no],
        [yes, no, no],
        [no, no, no],
        [no, yes, no],
        [no, no, no],
        [no, no, yes],
        [no, no, no],
    ]
    everybody = [yes, yes, yes]
    assert alive == [
        everybody,
        everybody,
        [no, yes, yes],
        [no, yes, yes],
        [no, no, yes],
        [no, no, yes],
        everybody,
        everybody,
    ]
    assert rewards[2:6] == [[0, 2, 3], [0, 2, 3], [0, 0, 3], [0, 0, 3]]


def test_dead_rows_are_silent_until_the_next_episode():
    env = scripted(limit=None, deaths={0: 2, 1: 4, 2: 6})
    for step, (observations, rewards, dones, infos) in enumerate(play(env, 12), 1):
        gone = (2 + 2 * np.arange(3) <= step % 6) & (step % 6 > 0)
        assert np.array_equal(observations.any(axis=1), ~gone)
        dead = np.flatnonzero(gone).tolist()
        for row in dead:
            if not dones[row]:
                assert (rewards[row], infos[row]) == (0, {})


def test_a_time_limit_is_truncated_with_the_final_observation():
    env = scripted(num_envs=2, agents=2, limit=3)
    *_, (observations, _, dones, infos) = play(env, 3)
    assert dones.all()
    assert env.truncated.all()
    assert not env.terminated.any()
    for row, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True
        assert info["terminal_observation"][1:].tolist() == [3, 1 + row % 2]
        assert observations[row, 1:].tolist() == [0, 1 + row % 2]  # the next episode has begun
        assert info["episode"] == {"r": 3.0 * (1 + row % 2), "l": 3}
    assert env.alive.all()


def test_an_agents_own_limit_truncates_it_alone():
    env = scripted(agents=2, limit=5, limits={0: 2}, deaths={1: 4})
    results = play(env, 4)
    first, last = results[1][3][0], results[3][3][1]
    assert (first["TimeLimit.truncated"], last["TimeLimit.truncated"]) == (True, False)
    assert first["terminal_observation"][1:].tolist() == [2, 1]
    assert last["terminal_observation"][1:].tolist() == [4, 2]
    assert results[2][3] == [{}, {}]


def test_a_death_at_the_limit_is_a_death():
    env = scripted(agents=2, limit=3, deaths={0: 3})
    infos = play(env, 3)[-1][3]
    assert [info["TimeLimit.truncated"] for info in infos] == [False, True]


def test_copies_whose_episodes_differ_in_length_restart_by_themselves():
    lengths = iter([2, 3])
    env = AgentVecEnv(lambda: Scripted(agents=1, limit=next(lengths)), num_envs=2, seed=0)
    env.reset()
    assert [done.tolist() for _, _, done, _ in play(env, 6)] == [
        [False, False],
        [True, False],
        [False, True],
        [True, False],
        [False, False],
        [True, True],
    ]


def test_absent_agents_have_rows_that_are_not_alive():
    env = AgentVecEnv(worlds.Visiting, num_envs=5, seed=0)
    observations = env.reset()
    patterns = set()
    for step in range(1, 25):
        alive = env.alive.copy()
        assert alive.reshape(5, 4).any(axis=1).all()
        assert not observations[~alive].any()
        observations, rewards, dones, infos = env.step(still(env))
        assert not rewards[~alive].any()
        assert np.array_equal(dones, alive if step % 4 == 0 else np.zeros(20, bool))
        assert [bool(info) for info in infos] == dones.tolist()
        patterns.add(alive.tobytes())
    assert len(patterns) == 6  # who comes is drawn anew for each of the six episodes


def test_an_agent_that_joins_late_acts_from_then_on():
    env = scripted(limit=5, arrivals={2: 2})
    results = play(env, 5)
    assert [r[1][2] for r in results] == [0, 0, 3, 3, 3]
    assert results[1][0][2].tolist()[1:] == [2, 3]
    assert results[4][3][2]["episode"] == {"r": 9.0, "l": 3}


def test_whole_episodes_are_told_once_per_copy():
    env = scripted(num_envs=2, limit=None, deaths={0: 2, 1: 3, 2: 3})
    play(env, 2)
    assert env.copies.episodes == []
    play(env, 1)
    episodes = env.copies.episodes
    assert [(e.copy, e.number, e.length, e.terminated) for e in episodes] == [
        (0, 0, 3, True),
        (1, 0, 3, True),
    ]
    assert episodes[0].returns == {"agent_0": 2.0, "agent_1": 6.0, "agent_2": 9.0}
    assert episodes[0].mean_return == pytest.approx(17 / 3)
    play(env, 3)
    assert [e.number for e in env.copies.episodes] == [1, 1]


def test_an_episode_keeps_the_last_info_of_agents_that_died_before_its_end():
    env = AgentVecEnv(lambda: Noting(agents=2, limit=4, deaths={0: 2}), num_envs=1, seed=0)
    env.reset()
    play(env, 4)
    (episode,) = env.copies.episodes
    assert {agent: info["elapsed"] for agent, info in episode.info.items()} == {
        "agent_0": 2,
        "agent_1": 4,
    }


# Seeds (promise 3)


def trajectory(env: Any, steps: int = 9) -> np.ndarray:
    env.action_space.seed(0)
    first = env.reset()
    results = [
        env.step(np.array([env.action_space.sample() for _ in range(env.num_envs)]))
        for _ in range(steps)
    ]
    return np.stack([first, *(r[0] for r in results)])


@pytest.mark.parametrize("world", ["scripted", "mpe2.simple_spread_v3"])
def test_the_seed_decides_the_trajectory(world):
    def factory():
        return Scripted() if world == "scripted" else make_env(world, env_kwargs={"max_cycles": 4})

    one, same, other = (
        trajectory(AgentVecEnv(factory, num_envs=3, seed=seed)) for seed in (5, 5, 6)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_seed_starts_over():
    env = AgentVecEnv(worlds.SeedEcho, num_envs=2, seed=5)
    first = trajectory(env)
    assert not np.array_equal(trajectory(env), first)  # a reset goes on with the next episode
    assert env.seed(5) == [5] * 4
    assert np.array_equal(trajectory(env), first)
    env.seed(6)
    assert not np.array_equal(trajectory(env), first)


def test_no_two_episodes_of_any_copy_are_given_one_seed():
    env = AgentVecEnv(worlds.SeedEcho, num_envs=4, seed=0)
    seeds = [[worlds.seed_of(row) for row in env.reset()]]
    for _ in range(30):
        observations, *_ = env.step(still(env))
        if env.copies.episodes:
            seeds.append([worlds.seed_of(row) for row in observations])
    assert len(seeds) == 11
    by_copy = np.array(seeds).reshape(11, 4, 2)
    assert np.array_equal(by_copy[..., 0], by_copy[..., 1])  # one copy, one seed
    assert len(np.unique(by_copy[..., 0])) == 44


def test_a_copys_episode_can_be_played_again_from_its_seed_and_actions():
    env = scripted(num_envs=2, seed=9)
    rng = np.random.default_rng(0)
    seen, actions = [], []
    for _ in range(5):
        actions.append(rng.integers(0, 3, (2, 3)))
        observations, rewards, _, _ = env.step(actions[-1].reshape(-1))
        seen.append((observations.reshape(2, 3, 3)[1], rewards.reshape(2, 3)[1]))
    world = Scripted()
    world.reset(seed=env.copies.episodes[1].seed)
    for (observations, rewards), chosen in zip(seen[:-1], actions, strict=False):
        again, earned, *_ = world.step(dict(zip(world.possible_agents, chosen[1], strict=True)))
        assert np.array_equal(observations, np.stack(list(again.values())))
        np.testing.assert_allclose(rewards, list(earned.values()), rtol=1e-6)


def test_a_run_without_a_seed_says_which_one_it_drew():
    one, other = (AgentVecEnv(worlds.SeedEcho, num_envs=1) for _ in range(2))
    assert one.copies.seed != other.copies.seed
    again = AgentVecEnv(worlds.SeedEcho, num_envs=1, seed=one.copies.seed)
    assert np.array_equal(one.reset(), again.reset())


# Credit (promise 4)


def test_options_reach_their_copys_next_episode_and_are_credited_to_it_alone():
    env = AgentVecEnv(lambda: Noting(agents=2, limit=2), num_envs=2, seed=0)
    env.set_options([{"task": "a"}, {"task": "a"}, {"task": "b"}, {"task": "b"}])
    env.reset()
    play(env, 2)
    assert [e.options for e in env.copies.episodes] == [{"task": "a"}, {"task": "b"}]
    play(env, 2)
    assert [e.options for e in env.copies.episodes] == [{}, {}]
    assert env.get_attr("options", [0, 2]) == [
        [{"task": "a"}, None, None],
        [{"task": "b"}, None, None],
    ]


def test_the_infos_of_an_episodes_last_step_are_its_own():
    """What the next episode's reset says is in `reset_infos`, and in no step's infos."""
    env = AgentVecEnv(lambda: Noting(agents=2, limit=2), num_envs=2, seed=0)
    env.reset()
    assert env.reset_infos == [{"episode_number": 0, "elapsed": 0}] * 4
    for number in range(3):
        for elapsed in (1, 2):
            infos = env.step(still(env))[3]
            assert {(i["episode_number"], i["elapsed"]) for i in infos} == {(number, elapsed)}
        assert env.reset_infos == [{"episode_number": number + 1, "elapsed": 0}] * 4


def test_an_interrupted_episode_is_credited_to_nobody():
    env = AgentVecEnv(lambda: Noting(agents=2, limit=3), num_envs=1, seed=0)
    env.reset()
    play(env, 2)
    env.reset()
    told = []
    for _ in range(6):
        play(env, 1)
        told += [(e.number, e.length) for e in env.copies.episodes]
    assert told == [(1, 3), (2, 3)]


# Arrays and attributes


def test_what_a_step_returned_is_never_written_again():
    env = scripted(num_envs=2, limit=3, deaths={0: 2})
    observations = env.reset()
    results = [observations, *(array for r in play(env, 3) for array in r[:3])]
    finals = [env.alive, env.terminated, env.truncated]
    infos = play(env, 3)[-1][3]
    kept = [array.copy() for array in [*results, *finals]]
    final = infos[1]["terminal_observation"].copy()
    play(env, 7)
    assert all(map(np.array_equal, [*results, *finals], kept))
    assert np.array_equal(infos[1]["terminal_observation"], final)


def test_attributes_and_methods_reach_the_world_behind_each_row():
    env = AgentVecEnv(lambda: Scripted(agents=2, limit=4), num_envs=2, seed=0)
    env.reset()
    env.set_attr("limit", 7, indices=[2])
    assert env.get_attr("limit") == [4, 4, 7, 7]
    assert env.env_method("index", "agent_1", indices=[0, 3]) == [1, 1]
    assert env.env_is_wrapped(Scripted) == [True] * 4
    assert env.env_is_wrapped(worlds.Masked, indices=0) == [False]
    assert env.has_attr("limit")
    assert not env.has_attr("nothing")
    play(env, 4)
    assert env.alive.all()
    assert [e.copy for e in env.copies.episodes] == [0]


@pytest.mark.parametrize("world", ["mpe2.simple_spread_v3", "butterfly/pistonball-v6"])
def test_worlds_driven_directly_can_be_drawn_and_asked(world):
    """They are stepped beneath PettingZoo's wrappers, which must not notice."""
    env = AgentVecEnv(
        lambda: make_env(world, env_kwargs={"render_mode": "rgb_array", "max_cycles": 4}),
        num_envs=2,
        seed=0,
    )
    env.reset()
    env.step(still(env))
    pictures = env.get_images()
    assert [picture.dtype for picture in pictures] == [np.uint8] * 2
    assert not np.array_equal(*pictures)
    assert env.get_attr("agents", indices=0) == [env.row_agents[: env.num_envs // 2]]
    one, other = env.env_method("state", indices=[0, env.num_envs - 1])
    assert not np.array_equal(one, other)
    env.close()


def test_close_reaches_every_world_once():
    made = []

    def factory():
        made.append(Noting())
        return made[-1]

    env = AgentVecEnv(factory, num_envs=3)
    env.close()
    env.close()
    assert [world.closed for world in made] == [1, 1, 1]


def test_worlds_are_closed_where_the_bridge_cannot_be_built():
    made = []

    class TwoClosing(worlds.TwoKinds):
        closed = 0

        def close(self):
            self.closed += 1

    def factory():
        made.append(TwoClosing())
        return made[-1]

    with pytest.raises(ConfigError):
        AgentVecEnv(factory, num_envs=2)
    assert [world.closed for world in made] == [1, 1]


# Action masks


@pytest.mark.parametrize("in_observation", [False, True])
def test_masks_reach_sb3_contrib(in_observation):
    env = AgentVecEnv(
        lambda: worlds.Masked(in_observation=in_observation, limit=3), num_envs=2, seed=0
    )
    env.reset()
    assert is_masking_supported(env)
    for elapsed in (0, 1, 2, 0, 1):
        expected = np.ones((4, 4), bool)
        expected[:, elapsed] = False
        assert np.array_equal(get_action_masks(env), expected)
        assert env.env_method("action_masks", indices=[1])[0].tolist() == expected[1].tolist()
        env.step(np.full(4, (elapsed + 1) % 4))


def test_dead_rows_may_do_anything():
    class Dying(worlds.Masked):
        def __init__(self):
            super().__init__(limit=6)
            self.deaths = {0: 1}

    env = AgentVecEnv(Dying, num_envs=1, seed=0)
    env.reset()
    env.step(np.array([1, 1]))
    assert env.action_masks().tolist() == [[True] * 4, [True, False, True, True]]


def test_a_mask_that_the_world_no_longer_gives_no_longer_holds():
    class Once(worlds.Masked):
        def info(self, agent):
            return super().info(agent) if self.elapsed == 0 else {}

        def mask(self):
            return super().mask() if self.elapsed == 0 else np.ones(4, np.int8)

    env = AgentVecEnv(Once, num_envs=1, seed=0)
    env.reset()
    assert not env.action_masks().all()
    env.step(np.array([1, 1]))
    assert env.action_masks().all()


def test_maskable_ppo_of_sb3_contrib_trains_on_the_bridge():
    """A forbidden action raises in this world."""
    env = AgentVecEnv(worlds.Masked, num_envs=2, seed=0)
    MaskablePPO("MlpPolicy", env, n_steps=16, batch_size=32, n_epochs=1, seed=0).learn(128)


# What is refused


def test_agents_with_different_spaces_are_listed_with_both_ways_out():
    with pytest.raises(ConfigError) as caught:
        AgentVecEnv(worlds.TwoKinds, num_envs=1)
    message = str(caught.value)
    assert "wolf_0: Box(-inf, inf, (3,), float32) -> Discrete(3)" in message
    assert "sheep_0: Box(-inf, inf, (5,), float32) -> Discrete(2)" in message
    assert "share='group'" in message
    assert "pad_observations_v0" in message
    assert "pad_action_space_v0" in message


def test_the_way_out_by_padding_is_one():
    wrappers = ("pad_observations_v0", "pad_action_space_v0")
    env = AgentVecEnv(lambda: make_env(worlds.TwoKinds, wrappers=wrappers), num_envs=2, seed=0)
    assert env.reset().shape == (6, 5)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [({"num_envs": 0}, "num_envs=0"), ({"num_envs": 1, "seed": -1}, "non-negative")],
)
def test_numbers_that_cannot_be_are_refused(kwargs, words):
    with pytest.raises(ConfigError, match=words):
        AgentVecEnv(Scripted, **kwargs)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("where", "at", "what"),
    [
        ("reward", 3, "reward"),
        ("observation", 3, "observation"),
        ("observation", 5, "final observation"),
        ("reward", 5, "reward"),
    ],
)
def test_what_is_not_finite_is_named_by_copy_agent_step_and_action(value, where, at, what):
    def factory():
        made.append(1)
        ours = {"where": where, "value": value, "at": at, "agent": 1}
        return worlds.Poisoned(**ours) if len(made) == 2 else worlds.Counting(limit=5)

    made: list[int] = []
    env = AgentVecEnv(factory, num_envs=3, seed=4)
    env.reset()
    rng = np.random.default_rng(0)
    played = [rng.integers(0, 3, 6) for _ in range(at)]
    for actions in played[:-1]:
        env.step(actions)
    with pytest.raises(TrainingEnvironmentError) as caught:
        env.step(played[-1])
    message = str(caught.value)
    assert message.startswith(f"{what} of agent_1 is {value} in copy 1, episode 0 (seed ")
    assert f"step {at}, after action {played[-1][3]}." in message


def test_what_is_not_finite_at_a_reset_is_named_too():
    env = AgentVecEnv(
        lambda: worlds.Poisoned(where="observation", at=0, agent=1), num_envs=1, seed=0
    )
    with pytest.raises(TrainingEnvironmentError, match="observation of agent_1 is nan in copy 0"):
        env.reset()


def test_what_is_not_finite_at_an_automatic_reset_is_named_with_its_own_episode():
    class Second(worlds.Poisoned):
        def strikes(self, agent, where):
            return super().strikes(agent, where) and self.number == 1

        number = -1

        def reset(self, seed=None, options=None):
            self.number += 1
            return super().reset(seed, options)

    env = AgentVecEnv(lambda: Second(where="observation", at=0, limit=2), num_envs=1, seed=0)
    env.reset()
    play(env, 1)
    with pytest.raises(TrainingEnvironmentError, match=r"episode 1 \(seed \d+\), step 0, at reset"):
        play(env, 1)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_reward_too_big_for_float32_is_not_finite():
    env = AgentVecEnv(lambda: worlds.Counting(step_reward=1e39), num_envs=1, seed=0)
    env.reset()
    with pytest.raises(TrainingEnvironmentError, match="reward of agent_0 is inf"):
        play(env, 1)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (3, r"copy 1, agent_0: action .*3.* is not in Discrete\(3\)"),
        (-1, r"copy 1, agent_0: action .*-1.* is not in Discrete\(3\)"),
    ],
)
def test_a_discrete_action_out_of_range_is_refused_by_name(action, words):
    env = scripted(num_envs=2, agents=2)
    with pytest.raises(ConfigError, match=words):
        env.step(np.array([0, 0, action, 0]))


@pytest.mark.parametrize("world", [Scripted, "mpe2.simple_spread_v3"], ids=str)
def test_a_discrete_action_that_is_no_whole_number_is_refused(world):
    env = AgentVecEnv(lambda: make_env(world), num_envs=1, seed=0)
    env.reset()
    with pytest.raises(ConfigError, match=r"1\.5"):
        env.step(np.full(3, 1.5))


def test_a_continuous_action_that_is_not_finite_is_refused_by_name():
    env = AgentVecEnv(worlds.Continuous, num_envs=1, seed=0)
    env.reset()
    with pytest.raises(ConfigError, match=r"copy 0, agent_1: action .*nan"):
        env.step(np.array([[0, 0], [0, np.nan]], np.float32))


def test_the_actions_of_dead_rows_are_not_looked_at():
    env = scripted(agents=2, limit=5, deaths={0: 1})
    play(env, 1)
    _, rewards, _, _ = env.step(np.array([99, 2]))
    assert rewards.tolist() == [0, pytest.approx(2.2)]


@pytest.mark.parametrize(
    ("at", "where", "more"),
    [
        (3, "step 3", "Its actions were {'agent_0': 0, 'agent_1': 0}."),
        (0, "the reset", "Mend the world"),
    ],
)
def test_a_world_that_raises_is_named_with_its_cause(at, where, more):
    env = AgentVecEnv(lambda: worlds.Raising(at=at), num_envs=2, seed=0)
    with pytest.raises(TrainingEnvironmentError) as caught:
        env.reset()
        play(env, 3)
    message = str(caught.value)
    assert message.startswith("copy 0, episode 0 (seed ")
    assert f"), {where}: the world raised RuntimeError: the world broke at step {at}. " in message
    assert more in message
    cause = caught.value.__cause__
    assert isinstance(cause, RuntimeError)
    frames = traceback.extract_tb(cause.__traceback__)
    assert {frame.filename for frame in frames[-1:]} == {worlds.__file__}
    assert not [frame for frame in frames if "daf_nb/envs" in frame.filename], "ours are cut off"


def test_an_observation_of_another_shape_is_named():
    env = AgentVecEnv(lambda: worlds.WrongShape(agent=1, shape=(2,)), num_envs=1, seed=0)
    env.reset()
    play(env, 2)
    words = r"copy 0, .* step 3: agent_1 observed an array of shape \(2,\); its space says \(3,\)"
    with pytest.raises(TrainingEnvironmentError, match=words):
        play(env, 1)


def test_an_observation_that_would_broadcast_is_refused():
    """numpy would copy one number into all three places without a word."""
    env = AgentVecEnv(lambda: worlds.WrongShape(shape=(1,), at=1), num_envs=1, seed=0)
    env.reset()
    with pytest.raises(TrainingEnvironmentError, match=r"shape \(1,\)"):
        play(env, 1)


def test_an_agent_that_leaves_without_an_end_is_named():
    class Leaving(Scripted):
        def step(self, actions):
            result = super().step(actions)
            if self.elapsed == 2:
                self.agents.remove("agent_1")
            return result

    env = AgentVecEnv(Leaving, num_envs=1, seed=0)
    env.reset()
    words = r"episode 0 \(seed \d+\), step 2: agent_1 left the world neither terminated nor trunc"
    with pytest.raises(TrainingEnvironmentError, match=words):
        play(env, 2)


def test_the_groups_face_does_not_step():
    """One collector steps the world for all groups; a model's own env must not."""
    copies = Copies(
        worlds.TwoKinds, groups={"wolf": ["wolf_0", "wolf_1"], "sheep": ["sheep_0"]}, num_envs=2
    )
    face: Any = GroupVecEnv(copies, "wolf")
    assert (face.num_envs, face.row_agents) == (4, ["wolf_0", "wolf_1"] * 2)
    assert face.action_space.n == 3
    for call in (face.reset, face.step_wait, lambda: face.step(np.zeros(4))):
        with pytest.raises(ConfigError, match="AgentVecEnv"):
            call()
    face.close()
    assert not copies.closed


# SB3 itself on the bridge

sb3_evaluate: Any = evaluate_policy  # declared as returning floats, whatever is asked for


@pytest.mark.parametrize("world", [worlds.Counting, worlds.Staggered, worlds.Visiting])
def test_stock_ppo_trains_with_a_seed_and_repeats(world):
    def weights(seed):
        env = AgentVecEnv(world, num_envs=2)
        model = PPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=2, seed=seed)
        model.learn(16 * env.num_envs * 2)
        return np.concatenate([p.detach().numpy().ravel() for p in model.policy.parameters()])

    one, same, other = weights(0), weights(0), weights(1)
    assert np.isfinite(one).all()
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_sb3s_evaluation_sees_every_agents_return():
    """Agents earn 1, 2 and 3 a step over 5 steps; the untrained policy adds tenths of actions."""
    env = AgentVecEnv(Scripted, num_envs=2, seed=0)
    model = PPO("MlpPolicy", env, n_steps=2, batch_size=2, seed=0)
    returns, lengths = sb3_evaluate(
        model, env, n_eval_episodes=6, return_episode_rewards=True, warn=False
    )
    assert lengths == [5] * 6
    assert sorted(int(r // 5) for r in returns) == [1, 1, 2, 2, 3, 3]


def test_sb3_bootstraps_the_time_limit_through_our_infos():
    """Stock PPO adds gamma times the value of `terminal_observation` to a truncated reward."""
    env = AgentVecEnv(lambda: worlds.Counting(limit=4), num_envs=1, seed=0)
    model = PPO("MlpPolicy", env, n_steps=4, batch_size=8, gamma=0.5, seed=0)
    model.learn(8)
    rewards = model.rollout_buffer.rewards.reshape(-1)
    assert np.count_nonzero(rewards == 1.0) == 6
    assert np.count_nonzero(rewards != 1.0) == 2
