"""The pre-flight episode: what it finds in broken worlds, and what it says of sound ones."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from daf_nb.envs import describe_env, make_env
from daf_nb.errors import DafWarning, TrainingEnvironmentError
from daf_nb.testing import Scripted
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
        (Careless, {"habit": "has two rewards"}, "reward of agent_1 is array([1., 2.]); expected"),
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


def test_the_preflight_episode_closes_its_world_and_repeats():
    closed, played = [], []

    class Closing(worlds.Continuous):
        def close(self):
            closed.append(self)

    class Recording(Closing):
        def step(self, actions):
            played.append({agent: action.tolist() for agent, action in actions.items()})
            return super().step(actions)

    describe_env(Recording)
    describe_env(Recording)
    assert len(closed) == 2
    assert len(played) == 10
    assert played[:5] == played[5:]
