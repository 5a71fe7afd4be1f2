"""The conformance suite: what it accepts, and that each broken promise is found and named."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import supersuit as ss
from pettingzoo.test import parallel_api_test
from stable_baselines3.common.vec_env import DummyVecEnv

from daf_nb.envs import AgentVecEnv
from daf_nb.errors import ConformanceError, DafWarning
from daf_nb.testing import PROMISES, SCENARIOS, Scripted, Witness, check_bridge, check_vec_env
from daf_nb.testing.witness import RESET, STEP
from tests import worlds


def broken(check, *args, **kwargs) -> dict[str, str]:
    """Promise -> what was seen; empty where the check is content."""
    try:
        check(*args, **kwargs)
    except ConformanceError as error:
        return error.broken
    return {}


def ours(world, num_envs):
    return AgentVecEnv(world, num_envs=num_envs)


def supersuit(world, *, death=False, cpus=0, base_class="stable_baselines3"):
    """Three copies of a world behind SuperSuit's bridge, as its users build it."""
    env = ss.black_death_v3(world) if death else world
    rows = ss.pettingzoo_env_to_vec_env_v1(env)
    return ss.concat_vec_envs_v1(rows, 3, num_cpus=cpus, base_class=base_class)


def time_limit(**kwargs):
    return Witness(Scripted(limit=5), **kwargs)


def common_death():
    return Witness(Scripted(limit=None, deaths={0: 4, 1: 4, 2: 4}))


def staggered():
    return Witness(worlds.Staggered())


# promise, words of what must be seen, SuperSuit's bridge; the comments number the behaviours.
SUPERSUIT = [
    ("seeding", "PPO(seed=0) calls, raised AttributeError", lambda: supersuit(time_limit())),  # 1
    ("row access", "raised AttributeError", lambda: supersuit(time_limit())),  # 1
    (
        "independent copies",
        "3 copies of 3 rows started ident",
        lambda: supersuit(time_limit()),
    ),  # 2
    ("time limits", "step 5, row 0: done=True with TimeL", lambda: supersuit(time_limit())),  # 3
    ("episode ends", "step 4, row 0: agent_0", lambda: supersuit(common_death(), death=True)),  # 4
    (
        "deaths",
        "agent_0 terminated, but done=False",
        lambda: supersuit(staggered(), death=True),
    ),  # 5
    ("no ghosts", "there is no `alive`", lambda: supersuit(staggered(), death=True)),  # 5
    ("vector metadata", "`metadata` is missing", lambda: supersuit(time_limit())),  # 7
    (
        "vector metadata",
        "metadata['autoreset_mode'] is None",
        lambda: supersuit(time_limit(), base_class="gymnasium"),
    ),  # 7
    ("interface", "not a stable", lambda: supersuit(time_limit(), base_class="gymnasium")),  # 7
    ("whole episodes", "over these 9 rows counts one agent", lambda: supersuit(time_limit())),  # 8
    ("credit", "the infos of episode 0's step say episode 1", lambda: supersuit(time_limit())),  # 9
]


@pytest.mark.parametrize(("promise", "words", "factory"), SUPERSUIT)
def test_supersuits_bridge_breaks(promise, words, factory):
    assert words in broken(check_vec_env, factory)[promise]


def test_supersuits_workers_never_close_their_worlds(tmp_path):
    seen = broken(
        check_vec_env,
        lambda: supersuit(time_limit(ledger=tmp_path / "ledger"), cpus=2),
        steps=6,
    )
    assert "3 of 3 worlds were closed 0 times" in seen["closing"]


def test_supersuits_ghost_steps_are_seen_behind_a_common_death():
    """The episode has 4 steps; black_death_v3 says done=True behind a fifth."""
    seen = broken(check_vec_env, lambda: supersuit(common_death(), death=True), steps=5)
    assert "terminated, but done=False on this, its last step" in seen["episode ends"]
    assert "and 17 more" in seen["episode ends"]  # 9 lost ends, 9 ghosts


def test_check_bridge_finds_all_of_supersuits_at_once():
    seen = broken(check_bridge, lambda world, _: supersuit(world(), death=True))
    expected = {promise for promise, _, _ in SUPERSUIT} - {"interface"}
    assert expected <= set(seen)
    assert seen["deaths"].startswith("with staggered deaths: step 2, row 0")


def test_our_bridge_keeps_every_promise_on_scripted_worlds():
    assert broken(check_bridge, ours) == {}


@pytest.mark.parametrize(
    "world",
    [
        worlds.Counting,
        worlds.Staggered,
        worlds.Visiting,
        worlds.SeedEcho,
        worlds.Continuous,
        worlds.Masked,
        lambda: worlds.Masked(in_observation=True),
    ],
)
def test_our_bridge_keeps_every_promise_on_the_worlds_of_the_tests(world):
    assert broken(check_vec_env, lambda: ours(lambda: Witness(world()), 2), steps=30) == {}


class Raises(AgentVecEnv):
    def step_wait(self):
        raise RuntimeError("no")


class WideRewards(AgentVecEnv):
    def step_wait(self):
        observations, rewards, dones, infos = super().step_wait()
        return observations, rewards.astype(np.float64), dones, infos


class OneBuffer(AgentVecEnv):
    def _observations(self):
        fresh = super()._observations()
        self.buffer = getattr(self, "buffer", fresh)
        self.buffer[...] = fresh
        return self.buffer


class AllRowsAtOnce(AgentVecEnv):
    def get_attr(self, attr_name, indices=None):
        return super().get_attr(attr_name)


class DeafToSeeds(AgentVecEnv):
    def seed(self, seed=None):
        return super().seed()


class ShiftedActions(AgentVecEnv):
    def step_async(self, actions):
        super().step_async(np.roll(actions, 1))


class SilentDeaths(AgentVecEnv):
    def step_wait(self):
        observations, rewards, dones, infos = super().step_wait()
        over = np.isin(self.row_copies, [episode.copy for episode in self.copies.episodes])
        return observations, rewards, dones & over, infos


class ChangedInfos(AgentVecEnv):
    def change(self, info, row):
        raise NotImplementedError

    def step_wait(self):
        observations, rewards, dones, infos = super().step_wait()
        for row in np.flatnonzero(dones):
            self.change(infos[row], row)
        return observations, rewards, dones, infos


class EveryEndIsALimit(ChangedInfos):
    def change(self, info, row):
        info["TimeLimit.truncated"] = True


class WrongFinalObservation(ChangedInfos):
    def change(self, info, row):
        info["terminal_observation"] = info["terminal_observation"] + 1


class LongerEpisodes(ChangedInfos):
    def change(self, info, row):
        info["episode"]["l"] += 1


class MergedInfos(ChangedInfos):
    def change(self, info, row):
        info.update(self.reset_infos[row])


class NobodyDies(AgentVecEnv):
    @property
    def alive(self):
        return np.ones(self.num_envs, bool)


class MixedCopies(AgentVecEnv):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.row_copies = np.roll(self.row_copies, 1)


class NeverCloses(AgentVecEnv):
    def close(self):
        pass


SABOTAGED = [
    (Raises, {"running"}),
    (WideRewards, {"arrays"}),
    (OneBuffer, {"fresh arrays"}),
    (AllRowsAtOnce, {"row access"}),
    (DeafToSeeds, {"seeding"}),
    (ShiftedActions, {"faithful"}),
    (SilentDeaths, {"deaths"}),
    (EveryEndIsALimit, {"time limits"}),
    (WrongFinalObservation, {"terminal observations"}),
    (LongerEpisodes, {"episode records"}),
    (NobodyDies, {"no ghosts", "episode records"}),
    (MixedCopies, {"whole episodes", "credit"}),
    (MergedInfos, {"credit"}),
    (NeverCloses, {"closing"}),
]


@pytest.mark.parametrize(("bridge", "promises"), SABOTAGED)
def test_a_sabotaged_bridge_breaks_just_what_was_sabotaged(bridge, promises):
    seen = broken(check_bridge, lambda world, num_envs: bridge(world, num_envs=num_envs))
    assert set(seen) == promises


@pytest.mark.parametrize(
    ("reseed", "promises"),
    [
        (lambda seed: seed // 2**31, {"independent copies"}),
        (lambda seed: 5, {"independent copies", "seeding"}),
    ],
)
def test_seeds_that_repeat_are_found(reseed, promises):
    class Reseeded(Witness):
        def reset(self, seed=None, options=None):
            return super().reset(reseed(seed), options)

    assert set(broken(check_vec_env, lambda: ours(lambda: Reseeded(Scripted()), 3))) == promises


def test_every_promise_has_a_bridge_here_that_breaks_it():
    shown = {promise for promise, _, _ in SUPERSUIT}.union(*(seen for _, seen in SABOTAGED))
    assert shown == set(PROMISES)


def test_stable_baselines_own_vector_lacks_only_what_agents_need():
    def factory():
        return DummyVecEnv([lambda: gymnasium.make("CartPole-v1")] * 3)

    assert set(broken(check_vec_env, factory)) == {"episode records", "no ghosts", "whole episodes"}


def test_a_check_that_saw_no_end_says_so():
    with pytest.warns(DafWarning, match="no episode ended within 5 steps"):
        check_vec_env(lambda: ours(lambda: Scripted(limit=6), 2), steps=5)


def test_a_factory_that_raises_is_reported_as_not_running():
    def factory():
        raise OSError("no such world")

    assert broken(check_vec_env, factory) == {
        "running": "the factory raised OSError: no such world"
    }


@pytest.mark.filterwarnings("ignore:No agents present")  # not everybody has come
@pytest.mark.parametrize("name", SCENARIOS)
def test_scripted_worlds_are_pettingzoo_worlds_with_or_without_a_witness(name):
    for env in (SCENARIOS[name](), Witness(SCENARIOS[name]())):
        parallel_api_test(env, num_cycles=30)


def test_a_scripted_world_follows_its_script():
    env = Scripted(agents=4, limit=6, deaths={0: 2, 3: 6}, limits={1: 3}, arrivals={2: 4})
    env.reset(seed=0)
    ends = {}
    for step in range(1, 7):
        before = list(env.agents)
        _, _, terminated, truncated, _ = env.step(dict.fromkeys(before, 0))
        ends |= {a: (step, terminated[a], truncated[a]) for a in before if a not in env.agents}
    assert ends == {
        "agent_0": (2, True, False),
        "agent_1": (3, False, True),
        "agent_2": (6, False, True),
        "agent_3": (6, True, True),
    }


def test_a_witness_tells_what_happened_and_changes_nothing(tmp_path):
    plain, env = Scripted(limit=2), Witness(Scripted(limit=2), ledger=tmp_path / "ledger")
    _, infos = env.reset(seed=7)
    plain.reset(seed=7)
    start = infos["agent_1"][RESET]
    assert (start.episode, start.step, start.seed, start.ended) == (0, 0, 7, False)
    actions = {"agent_0": 0, "agent_1": 2, "agent_2": 1}
    for last in (False, True):
        told, expected = env.step(actions), plain.step(actions)
        assert told[1:4] == expected[1:4]
        truth = told[4]["agent_1"][STEP]
        assert np.array_equal(truth.observation, expected[0]["agent_1"])
        assert (truth.action, truth.reward) == (2, expected[1]["agent_1"])
        assert (truth.terminated, truth.truncated, truth.world_over) == (False, last, last)
    env.close()
    assert (tmp_path / "ledger").read_text() == f"{start.world}\n"


def test_seed_echo_shows_any_64_bit_seed():
    for seed in (0, 1, 2**32 - 1, 2**63 + 12345):
        observations, _ = worlds.SeedEcho().reset(seed=seed)
        assert worlds.seed_of(observations["agent_0"]) == seed


def test_forbidden_actions_are_refused_by_the_masked_world():
    env = worlds.Masked()
    _, infos = env.reset(seed=0)
    assert infos["agent_0"]["action_mask"].tolist() == [0, 1, 1, 1]
    with pytest.raises(ValueError, match="agent_1 played 0"):
        env.step({"agent_0": 1, "agent_1": 0})
