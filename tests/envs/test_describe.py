"""The pre-flight episode: what it finds in broken worlds, and what it says of sound ones."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from daf_nb.envs import describe_env, make_env
from daf_nb.errors import DafWarning, TrainingEnvironmentError
from daf_nb.testing import SCENARIOS, Scripted
from tests import worlds


class Bounded(Scripted):
    """agent_1 sees numbers in [0, 1], of `dtype`; at step 2 one of them is `value`."""

    def __init__(self, *, value=0.5, dtype=np.float32, declared=np.float32):
        self.value, self.dtype, self.declared = value, dtype, declared
        super().__init__(agents=2, limit=3)

    def make_observation_space(self, agent):
        return spaces.Box(0, 1, (3,), self.declared)

    def observe(self, agent):
        seen = np.zeros(3, self.dtype)
        if (agent, self.elapsed) == ("agent_1", 2):
            seen[1] = self.value
        return seen


class Careless(Scripted):
    """At step 2, `habit` befalls what the step returns about agent_1."""

    def __init__(self, habit):
        super().__init__(agents=2, limit=4, deaths={0: 3})
        self.habit = habit

    def step(self, actions) -> Any:
        observations, rewards, terminated, truncated, infos = super().step(actions)
        if self.elapsed == 2:
            match self.habit:
                case "vanishes":
                    self.agents.remove("agent_1")
                case "keeps acting":
                    terminated["agent_1"] = True
                case "has no reward":
                    del rewards["agent_1"]
                case "has no truncation":
                    del truncated["agent_1"]
                case "has no observation":
                    del observations["agent_1"]
                case "has two rewards":
                    rewards["agent_1"] = np.array([1.0, 2.0])
                case "is a stranger":
                    self.agents.append("stranger")
                    observations["stranger"] = observations["agent_1"]
                case "has a list of infos":
                    return observations, rewards, terminated, truncated, [{}, {}]
                case "has four results":
                    return observations, rewards, terminated, infos
        if self.elapsed == 4 and self.habit == "sees no end":
            del observations["agent_1"]
        return observations, rewards, terminated, truncated, infos


class Glancing(Scripted):
    """One agent sees one of four things, the other three bits."""

    def make_observation_space(self, agent):
        return spaces.MultiBinary(3) if self.index(agent) else spaces.Discrete(4)

    def observe(self, agent):
        if self.index(agent):
            return np.array([1, 0, self.elapsed % 2], np.int8)
        return self.elapsed % 4


def preflight_fails(world, **kwargs) -> str:
    with pytest.raises(TrainingEnvironmentError) as caught:
        make_env(world, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("world", "env_kwargs", "words"),
    [
        (
            worlds.WrongShape,
            {"shape": (4,), "agent": 1, "at": 2},
            "observation of agent_1 at step 2: expected shape (3,), got (4,)",
        ),
        (
            worlds.WrongShape,
            {"shape": (), "at": 0},
            "observation of agent_0 at step 0: expected shape (3,), got ()",
        ),
        (
            Bounded,
            {"dtype": np.float32, "declared": np.int64},
            "observation of agent_0 at step 0: expected dtype int64, got float32",
        ),
        (worlds.Poisoned, {"agent": 1, "at": 3}, "reward of agent_1 is nan"),
        (worlds.Poisoned, {"value": -np.inf}, "reward of agent_0 is -inf"),
        (
            worlds.Poisoned,
            {"where": "observation", "at": 0, "agent": 1},
            "observation of agent_1 at step 0: nan where a finite number is needed",
        ),
        (
            worlds.Poisoned,  # the final observation, at the limit
            {"where": "observation", "at": 5, "value": np.inf},
            "observation of agent_0 at step 5: inf where a finite number is needed",
        ),
        (Careless, {"habit": "vanishes"}, "agent_1 left the world neither terminated nor trunc"),
        (Careless, {"habit": "keeps acting"}, "agent_1 ended but is still among the agents that"),
        (Careless, {"habit": "has no reward"}, "rewards say nothing of agent_1, who acted"),
        (Careless, {"habit": "has no truncation"}, "truncations say nothing of agent_1, who acted"),
        (Careless, {"habit": "has no observation"}, "no observation of agent_1"),
        (Careless, {"habit": "has two rewards"}, "reward of agent_1 is array([1., 2.]) at"),
        (Careless, {"habit": "is a stranger"}, "stranger acts but is not among possible_agents"),
        (Careless, {"habit": "has a list of infos"}, "infos are a list; expected a dict by agent"),
        (Careless, {"habit": "has four results"}, "step did not return (observations, rewards,"),
        (Careless, {"habit": "sees no end"}, "agent_1 was truncated without a final observation"),
    ],
)
def test_a_broken_contract_is_found_before_training(world, env_kwargs, words):
    message = preflight_fails(world, env_kwargs=env_kwargs)
    assert words in message
    assert message.startswith(f"{world.__module__}:{world.__name__}, pre-flight: ")


def test_the_same_worlds_without_the_fault_pass():
    """The findings above come from the faults, not from the worlds around them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_env(Bounded)
        make_env(Careless, env_kwargs={"habit": None})
        make_env(worlds.Poisoned, env_kwargs={"at": 99})


def test_an_observation_outside_its_box_is_a_warning_that_names_the_element():
    words = (
        r"observation of agent_1 at step 2: element \(1,\) is 1\.5, outside its Box \[0\.0, 1\.0\]"
    )
    with pytest.warns(DafWarning, match=words):
        env = make_env(Bounded, env_kwargs={"value": 1.5})
    assert isinstance(env, Bounded)
    assert describe_env(Bounded, env_kwargs={"value": 1.5}).findings[0].startswith("observation of")


def test_an_observation_outside_its_box_is_an_error_where_strict():
    message = preflight_fails(Bounded, env_kwargs={"value": -0.25}, strict=True)
    assert "observation of agent_1 at step 2: element (1,) is -0.25, outside its Box" in message


def test_a_wider_float_than_declared_is_allowed():
    """float64 numbers in a float32 space lose bits, not meaning; half the worlds give them."""
    assert describe_env(Bounded, env_kwargs={"dtype": np.float64}).findings == ()


def test_a_world_without_possible_agents_is_told_to_declare_them():
    message = preflight_fails(worlds.Counting, env_kwargs={"agents": 0})
    assert "declares no possible_agents" in message


@pytest.mark.parametrize(
    ("make_space", "words"),
    [
        ("make_observation_space", "agent_0 observes Tuple("),
        ("make_action_space", "agent_0 acts in Tuple("),
    ],
)
def test_a_space_that_cannot_be_trained_on_is_refused(make_space, words):
    pair = spaces.Tuple([spaces.Discrete(2), spaces.Discrete(2)])
    odd = type("Odd", (Scripted,), {make_space: lambda self, agent: pair})
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        make_env(odd)


def test_a_discrete_action_that_does_not_start_at_zero_is_refused():
    class Shifted(Scripted):
        def make_action_space(self, agent):
            return spaces.Discrete(3, start=1)

    with pytest.raises(ValueError, match="a Discrete that starts at 0 is needed"):
        make_env(Shifted)


def test_the_particle_world_is_described():
    seen = describe_env("mpe2.simple_spread_v3", env_kwargs={"max_cycles": 7})
    assert seen.name == "mpe2.simple_spread_v3"
    assert seen.agents == ("agent_0", "agent_1", "agent_2")
    assert seen.groups == (seen.agents,)
    assert seen.spaces["agent_1"].observation.shape == (18,)
    assert seen.spaces["agent_1"].action == spaces.Discrete(5)
    assert (seen.episode_length, seen.episode_end) == (7, "truncated")
    assert (seen.agents_die, seen.action_masks, seen.direct) == (False, False, True)
    assert (seen.absent, seen.findings) == ((), ())


def test_pursuers_and_pursued_are_two_groups():
    seen = describe_env("mpe2.simple_tag_v3")
    assert seen.groups == (("adversary_0", "adversary_1", "adversary_2"), ("agent_0",))
    assert seen.spaces["adversary_0"] != seen.spaces["agent_0"]


def test_deaths_are_described():
    seen = describe_env(worlds.Staggered)
    assert (seen.agents_die, seen.episode_end, seen.episode_length) == (True, "terminated", 6)
    together = describe_env(Scripted, env_kwargs={"limit": None, "deaths": {0: 3, 1: 3, 2: 3}})
    assert (together.agents_die, together.episode_end) == (False, "terminated")
    mixed = describe_env(Scripted, env_kwargs={"limit": 5, "deaths": {0: 3}})
    assert (mixed.agents_die, mixed.episode_end) == (True, "both")


def test_a_world_without_end_is_described_after_200_steps():
    seen = describe_env(worlds.Counting, env_kwargs={"limit": None})
    assert (seen.episode_length, seen.episode_end) == (200, "not within 200 steps")


@pytest.mark.parametrize("in_observation", [False, True])
def test_masks_are_obeyed_and_described(in_observation):
    """A forbidden action raises in this world; the mask leaves what the policy sees."""
    seen = describe_env(worlds.Masked, env_kwargs={"in_observation": in_observation, "limit": 50})
    assert (seen.action_masks, seen.episode_length) == (True, 50)
    assert seen.spaces["agent_0"].observation.shape == (3,)


def test_absent_agents_are_described():
    seen = describe_env(Scripted, env_kwargs={"agents": 4, "absence": 0.8})
    assert 0 < len(seen.absent) < 4
    assert set(seen.absent) < set(seen.agents)
    assert not seen.agents_die
    late = describe_env(Scripted, env_kwargs={"arrivals": {2: 2}})
    assert late.absent == ()


def test_observations_that_are_no_box_are_described():
    seen = describe_env(Glancing, env_kwargs={"agents": 2})
    assert seen.spaces["agent_0"].observation == spaces.Discrete(4)
    assert seen.spaces["agent_1"].observation == spaces.MultiBinary(3)


def test_a_discrete_observation_out_of_range_is_an_error():
    class Off(Glancing):
        def observe(self, agent):
            return 4 if self.index(agent) == 0 else super().observe(agent)

    assert "4" in preflight_fails(Off)
    assert "is not in Discrete(4)" in preflight_fails(Off)


def test_a_description_reads_as_text():
    text = str(describe_env("mpe2.simple_tag_v3"))
    assert text.splitlines()[0] == "mpe2.simple_tag_v3: 4 agents"
    assert "adversary_0, adversary_1, adversary_2: Box(" in text
    assert "an episode of random actions: 25 steps, truncated; agents end together" in text
    assert "note: observation of agent_1" in str(describe_env(Bounded, env_kwargs={"value": 9}))


def test_the_preflight_episode_closes_its_worlds_and_repeats():
    built, closed = [], []

    class Recording(worlds.Continuous):
        def __init__(self):
            super().__init__()
            self.played = []
            built.append(self)

        def step(self, actions):
            self.played.append({agent: action.tolist() for agent, action in actions.items()})
            return super().step(actions)

        def close(self):
            closed.append(self)

    describe_env(Recording)
    describe_env(Recording)
    assert len(built) == 4
    assert sorted(map(id, closed)) == sorted(map(id, built))
    (first, twin), (again, _) = built[:2], built[2:]
    assert len(first.played) == 5
    assert twin.played == 2 * first.played  # once beside it, once more afterwards
    assert again.played == first.played


# Does an episode repeat?


class Shared(Scripted):
    """Draws what agent_1 sees or earns, from step 3 on, from a state that all instances share."""

    generator_of_all = np.random.default_rng(0)

    def __init__(self, *, where="observation", source="class"):
        self.where = where
        self.draw = {
            "class": self.generator_of_all.random,
            "numpy": np.random.random,
            "python": random.random,
        }[source]
        super().__init__(agents=2, limit=6)

    def strikes(self, agent, where):
        return (agent, where) == ("agent_1", self.where) and self.elapsed >= 3

    def observe(self, agent):
        seen = super().observe(agent)
        if self.strikes(agent, "observation"):
            seen[2] = self.draw()
        return seen

    def reward(self, agent, action):
        return self.draw() if self.strikes(agent, "reward") else super().reward(agent, action)


class Seeding(Scripted):
    """Seeds numpy's global state at reset and draws from it: exact only as long as it is alone."""

    def reset(self, seed=None, options=None):
        np.random.seed(seed)  # noqa: NPY002 - what a careless world does
        return super().reset(seed=seed, options=options)

    def observe(self, agent):
        return super().observe(agent) + np.float32(np.random.random())  # noqa: NPY002


class Growing(Scripted):
    """What agents see grows from episode to episode."""

    def __init__(self):
        self.episodes = 0
        super().__init__(agents=2, limit=3)

    def reset(self, seed=None, options=None):
        self.episodes += 1
        return super().reset(seed=seed, options=options)

    def observe(self, agent):
        return super().observe(agent) + np.float32(self.episodes)


class Withholding(worlds.Masked):
    """Forbids another action on every instance."""

    made = 0

    def __init__(self):
        Withholding.made += 1
        self.number = self.made
        super().__init__(limit=9)

    def mask(self):
        mask = np.ones(4, np.int8)
        mask[self.number % 4] = 0
        return mask


def finding(world, **env_kwargs) -> str:
    seen = describe_env(world, env_kwargs=env_kwargs)
    assert not seen.repeats
    (found,) = seen.findings
    assert "resuming and replaying will not be exact" in found
    return found


@pytest.mark.parametrize("where", ["observation", "reward"])
def test_what_instances_share_is_found_with_agent_and_step(where):
    found = finding(Shared, where=where)
    assert found.startswith(f"{where} of agent_1 at step 3 is another on a second instance")
    assert "Something draws" not in found


@pytest.mark.parametrize(
    ("source", "words"), [("numpy", "draws from numpy.random,"), ("python", "draws from random,")]
)
def test_a_world_that_draws_from_a_global_state_is_told_which(source, words):
    assert words in finding(Shared, source=source)


def test_a_global_state_that_is_seeded_at_reset_is_found_out_too():
    """Alone, such a world repeats; copies that take turns do not."""
    assert "draws from numpy.random," in finding(Seeding)


def test_an_episode_that_depends_on_those_before_it_is_found():
    found = finding(Growing)
    assert found.startswith("observation of agent_0 at step 0 is another once the instance has")


def test_another_action_mask_is_found():
    assert finding(Withholding).startswith("action mask of agent_0 at step 0 is another")


def test_what_does_not_repeat_warns_and_in_strict_mode_stops():
    with pytest.warns(DafWarning, match="will not be exact"):
        make_env(Growing)
    assert "will not be exact" in preflight_fails(Growing, strict=True)


def test_a_second_instance_that_cannot_be_had_is_no_finding():
    only = Scripted(agents=2, limit=3)
    calls = iter([Scripted(agents=2, limit=3)])
    for factory in (lambda: only, lambda: next(calls)):
        assert describe_env(factory).findings == ()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sound_worlds_repeat(scenario):
    seen = describe_env(SCENARIOS[scenario])
    assert (seen.repeats, seen.findings) == (True, ())


@pytest.mark.parametrize(
    "world",
    [
        "mpe2.simple_spread_v3",
        "mpe2.simple_tag_v3",
        "daf_nb.envs.sparse_spread",
        "butterfly/knights_archers_zombies-v11",
        "butterfly/pistonball-v6",
        "sisl/multiwalker-v9",
        "sisl/pursuit-v5",
    ],
)
def test_known_worlds_repeat(world):
    assert describe_env(world).repeats
