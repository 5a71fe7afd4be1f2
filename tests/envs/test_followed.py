"""Quick ways are taken where the libraries' code is what they follow, and nowhere else."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pettingzoo
import pytest
from mpe2.simple_spread import simple_spread
from mpe2.simple_tag import simple_tag
from numpy.testing import assert_array_equal
from pettingzoo.sisl.pursuit import pursuit, pursuit_base
from pettingzoo.utils import aec_to_parallel

from daf_nb.envs import followed
from daf_nb.envs.drivers import DirectWorld, drive
from daf_nb.envs.followed import FOLLOWED, differing_methods, is_followed, is_untouched
from daf_nb.envs.knights import Knights
from daf_nb.envs.particles import Particles
from daf_nb.envs.pistons import Pistons
from daf_nb.envs.pursuers import Pursuers
from daf_nb.envs.scenes import Scenes
from daf_nb.envs.turns import InTurns
from daf_nb.envs.walkers import Walkers

QUICK = {
    "pursuit": ("sisl/pursuit-v5", {}),
    "simple_spread": ("mpe2.simple_spread_v3", {}),
    "simple_spread, continuous": ("mpe2.simple_spread_v3", {"continuous_actions": True}),
    "simple_tag": ("mpe2.simple_tag_v3", {}),
    "knights": ("butterfly/knights_archers_zombies-v11", {}),
    "multiwalker": ("sisl/multiwalker-v9", {}),
    "pistonball": ("butterfly/pistonball-v6", {}),
}


WAYS = {
    "knights": Knights,
    "multiwalker": Walkers,
    "pistonball": Pistons,
    "pursuit": Pursuers,
    "simple_spread": Scenes,
    "simple_tag": Scenes,
}


def way(env: Any) -> Any:
    driven = drive(env)
    assert isinstance(driven, DirectWorld)
    driven.reset(seed=0)
    return driven._way


def build(name: str, **kwargs: Any) -> Any:
    world, given = QUICK[name]
    if "/" in world:
        return pettingzoo.make("parallel", world, **{**given, **kwargs})
    return importlib.import_module(world).parallel_env(**{**given, **kwargs})


@pytest.mark.parametrize("what", FOLLOWED)
def test_the_installed_libraries_are_the_ones_that_were_followed(what):
    """Where this fails, read what has changed, follow it, and note the digests given here."""
    assert differing_methods(what) == {}
    assert is_followed(what)


@pytest.mark.parametrize("name", QUICK)
def test_every_known_world_takes_its_quick_way(name):
    assert type(way(build(name))) is WAYS[name.partition(",")[0]]


def test_another_version_of_the_code_is_not_followed(monkeypatch):
    name = "pettingzoo.sisl.pursuit.pursuit_base:Pursuit.reward"
    digests = {what: dict(methods) for what, methods in FOLLOWED.items()}
    true = digests["pursuit"][name]
    digests["pursuit"][name] = "0" * 16
    monkeypatch.setattr(followed, "FOLLOWED", digests)
    followed.is_followed.cache_clear()
    try:
        assert differing_methods("pursuit") == {name: true}
        assert type(way(build("pursuit"))) is InTurns
    finally:
        followed.is_followed.cache_clear()


def test_what_is_gone_or_has_no_source_is_not_followed():
    assert followed.digest_of("pettingzoo.sisl.pursuit.pursuit_base:Pursuit.gone") == ""
    assert followed.digest_of("no.such.module:function") == ""
    assert followed.digest_of("math:sqrt") == ""


class Kind(pursuit_base.Pursuit):
    """Everybody is paid the same, whatever they do."""

    def reward(self):
        return super().reward() * 0 + 1


def test_an_overridden_method_is_in_effect():
    env: Any = aec_to_parallel(pursuit.raw_env(max_cycles=3))
    env.unwrapped.env.__class__ = Kind
    driven = drive(env)
    assert isinstance(driven, DirectWorld)
    driven.reset(seed=0)
    assert type(driven._way) is InTurns
    _, rewards, *_ = driven.step(dict.fromkeys(driven.agents, 4))
    assert set(rewards.values()) == {8 * 1 / 8 - 0.1}


def test_a_method_set_on_an_instance_or_a_class_is_seen(monkeypatch):
    env = build("pursuit")
    world = env.unwrapped.env
    assert is_untouched("pursuit", world)
    world.reward = lambda: None
    assert not is_untouched("pursuit", world)
    del world.reward
    assert type(way(env)) is not InTurns
    monkeypatch.setattr(pursuit_base.Pursuit, "reward", lambda self: None)
    assert not is_untouched("pursuit", world)
    assert type(way(env)) is InTurns


class Generous(simple_spread.Scenario):
    """A user's own: the shared reward is 7."""

    def global_reward(self, world):
        return 7.0


class Blind(simple_tag.Scenario):
    """A user's own: everybody sees ones."""

    def observation(self, agent, world):
        return np.ones_like(super().observation(agent, world))


@pytest.mark.parametrize(
    ("module", "scenario"), [(simple_spread, Generous), (simple_tag, Blind)], ids=["spread", "tag"]
)
def test_a_users_scenario_is_stepped_by_its_own_methods(module, scenario):
    worlds: list[Any] = [module.parallel_env(max_cycles=4) for _ in range(2)]
    for world in worlds:
        world.unwrapped.scenario = scenario()
    stock, driven = worlds[0], drive(worlds[1])
    for world in (stock, driven):
        world.reset(seed=3)
    assert isinstance(driven, DirectWorld)
    assert type(driven._way) is Particles
    ours: Any = None
    for _ in range(4):
        actions = dict.fromkeys(stock.agents, 2)
        ours, theirs = driven.step(actions), stock.step(actions)
        assert ours[1] == theirs[1]
        for agent, seen in theirs[0].items():
            assert_array_equal(ours[0][agent], seen)
    if scenario is Generous:
        assert min(ours[1].values()) > 2
    else:
        assert set(ours[0]["agent_0"]) == {1}
