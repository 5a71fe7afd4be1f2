"""Worlds that are driven without PettingZoo's conversion layers: the same episodes, bit for bit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import mpe2
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from mpe2.simple_spread import simple_spread
from pettingzoo.utils import BaseParallelWrapper, BaseWrapper, aec_to_parallel
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

from daf_nb.envs import AgentVecEnv, DirectWorld, drive, make_env
from tests.worlds import Counting

EPISODES = 200
KAZ = "butterfly/knights_archers_zombies-v11"
MULTIWALKER = "sisl/multiwalker-v9"
PARTICLES = sorted(
    module.name for module in pkgutil.iter_modules(mpe2.__path__) if "_v" in module.name
)


@dataclass(frozen=True)
class Case:
    """A world, how many episodes of it are compared, and what must happen in them."""

    world: str
    kwargs: dict[str, Any]
    happens: frozenset[str]
    episodes: int = EPISODES

    def build(self) -> pettingzoo.ParallelEnv:
        if "/" in self.world:
            return pettingzoo.make("parallel", self.world, **self.kwargs)
        return importlib.import_module(self.world).parallel_env(**self.kwargs)


def case(world, *happens, episodes=EPISODES, **kwargs):
    return Case(world, kwargs, frozenset(happens), episodes)


CASES = {
    "simple_spread": case("mpe2.simple_spread_v3", "limit", max_cycles=10),
    "simple_tag": case("mpe2.simple_tag_v3", "limit", max_cycles=10),
    "knights_archers_zombies": case(
        KAZ,
        *("early death", "end", "limit"),
        spawn_delay=2,
        max_zombies=20,
        num_archers=1,
        num_knights=1,
        line_death=True,
        max_cycles=100,
    ),
    "multiwalker": case(MULTIWALKER, "end", "limit", n_walkers=2, max_cycles=60),
    "pursuit": case(
        "sisl/pursuit-v5",
        *("end", "limit"),
        n_pursuers=3,
        n_evaders=2,
        n_catch=1,
        x_size=5,
        y_size=5,
        surround=False,
        max_cycles=15,
    ),
    "pistonball": case("butterfly/pistonball-v6", "end", "limit", n_pistons=5, max_cycles=8),
    # The same worlds in other dress, less often.
    "simple_spread, alone": case(
        "mpe2.simple_spread_v3", "limit", episodes=5, N=1, local_ratio=0.0, max_cycles=10
    ),
    "simple_spread, to the end": case(
        "mpe2.simple_spread_v3",
        *("end", "limit"),
        episodes=300,
        N=1,
        local_ratio=0.3,
        terminate_on_success=True,
        max_cycles=30,
    ),
    "simple_spread, its first stage": case(
        "mpe2.simple_spread_v3", episodes=10, curriculum=True, N=7, max_cycles=25
    ),
    "simple_spread, near sight": case(
        "mpe2.simple_spread_v3", episodes=5, num_agent_neighbors=1, max_cycles=10
    ),
    "simple_tag, crowded, to the end": case(
        "mpe2.simple_tag_v3",
        *("end", "limit"),
        episodes=20,
        num_adversaries=6,
        num_obstacles=3,
        curriculum=True,
        terminate_on_success=True,
        max_cycles=60,
    ),
    "simple_tag, nobody else": case(
        "mpe2.simple_tag_v3", episodes=5, num_adversaries=1, num_obstacles=0, max_cycles=100
    ),
    "simple_tag, near sight": case(
        "mpe2.simple_tag_v3", episodes=5, num_landmark_neighbors=1, max_cycles=10
    ),
    "pursuit, as it comes": case("sisl/pursuit-v5", "limit", episodes=4, max_cycles=150),
    "pursuit, few and near": case(
        "sisl/pursuit-v5",
        *("end", "limit"),
        episodes=20,
        n_evaders=3,
        n_pursuers=11,
        x_size=7,
        y_size=6,
        obs_range=3,
        shared_reward=False,
        max_cycles=150,
    ),
    "pursuit, frozen and blind": case(
        "sisl/pursuit-v5",
        "limit",
        episodes=10,
        freeze_evaders=True,
        obs_range=1,
        n_pursuers=9,
        max_cycles=40,
    ),
    "pursuit, an even range": case("sisl/pursuit-v5", episodes=2, obs_range=6, max_cycles=5),
    # Few enough evaders that the corner always has room for them. With the usual 30 it may not,
    # and pursuit looks for a free place for ever.
    "pursuit, in a corner, for other rewards": case(
        "sisl/pursuit-v5",
        "limit",
        episodes=10,
        n_evaders=12,
        constraint_window=0.8,
        obs_range=9,
        n_catch=2,
        surround=False,
        shared_reward=0.3,
        tag_reward=-0.07,
        urgency_reward=0.0,
        max_cycles=40,
    ),
    "simple_spread, continuous": case(
        "mpe2.simple_spread_v3", "limit", episodes=20, continuous_actions=True, N=2, max_cycles=25
    ),
    "simple_spread, 5 agents": case(
        "mpe2.simple_spread_v3", "limit", episodes=20, N=5, max_cycles=10
    ),
    "simple_tag, continuous": case(
        "mpe2.simple_tag_v3", "limit", episodes=20, continuous_actions=True, max_cycles=25
    ),
    "simple_tag, with infos": case(
        "mpe2.simple_tag_v3", "limit", "info", episodes=20, benchmark_data=True, max_cycles=10
    ),
    "simple_spread, with infos": case(
        "mpe2.simple_spread_v3", "limit", "info", episodes=20, benchmark_data=True, max_cycles=10
    ),
    "knights_archers_zombies, killed by zombies": case(
        KAZ, "early death", "end", episodes=20, spawn_delay=1, max_zombies=40, max_cycles=170
    ),
    "knights_archers_zombies, as it comes": case(KAZ, "end", episodes=4, max_cycles=400),
    **{
        f"knights_archers_zombies, {method}": case(
            KAZ, episodes=3, obs_method=method, max_cycles=60, spawn_delay=3
        )
        for method in ("vector-masked", "vector-sequence")
    },
    "knights_archers_zombies, immortal": case(
        KAZ,
        *("end", "early death"),
        episodes=10,
        spawn_delay=1,
        max_zombies=40,
        max_arrows=1,
        max_cycles=200,
        killable_knights=False,
    ),
    "multiwalker, each for itself": case(
        MULTIWALKER,
        episodes=5,
        n_walkers=4,
        shared_reward=False,
        position_noise=0,
        forward_reward=2,
        terrain_length=50,
        max_cycles=80,
    ),
    "multiwalker, the fallen stay": case(
        MULTIWALKER,
        "limit",
        episodes=20,
        max_cycles=80,
        terminate_on_fall=False,
        remove_on_fall=False,
    ),
    "multiwalker, the fallen go": case(
        MULTIWALKER, "early death", episodes=20, max_cycles=80, terminate_on_fall=False
    ),
    **{
        f"{name}, continuous={continuous}": case(
            f"mpe2.{name}", episodes=5, max_cycles=15, continuous_actions=continuous
        )
        for name in PARTICLES
        for continuous in (False, True)
    },
    "pistonball, drawn": case(
        "butterfly/pistonball-v6",
        episodes=4,
        n_pistons=6,
        max_cycles=30,
        render_mode="rgb_array",
    ),
    "pistonball, discrete": case(
        "butterfly/pistonball-v6", episodes=10, n_pistons=5, max_cycles=8, continuous=False
    ),
}


def acts(space: spaces.Space, rng: np.random.Generator) -> Any:
    """A random action; of a Box also beyond its bounds, where the stock layers clip."""
    if isinstance(space, spaces.Discrete):
        return int(rng.integers(space.n))
    assert isinstance(space, spaces.Box)
    slack = 0.2 * (space.high - space.low)
    return rng.uniform(space.low - slack, space.high + slack).astype(space.dtype)


def same(ours: Any, theirs: Any) -> bool:
    """Equal in every bit, through dicts; arrays in shape and dtype too."""
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in theirs)
    if isinstance(theirs, np.ndarray):
        return (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape) and np.array_equal(
            ours, theirs, equal_nan=theirs.dtype.kind == "f"
        )
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)


def visible(env: Any) -> dict[str, Any]:
    """What users can look at in a world beside what it gives them."""
    raw = env.unwrapped
    seen: dict[str, Any] = {"rewards": dict(raw.rewards)}
    if type(raw).__module__.startswith("mpe2"):
        for entity in raw.world.entities:
            at, speed = entity.state.p_pos, entity.state.p_vel
            seen[f"{entity.name} moves"] = np.concatenate([at, speed])
        for agent in raw.world.agents:
            said, does = agent.state.c, agent.action
            seen[f"{agent.name} acts"] = np.concatenate([said, does.u, does.c])
    if "knights" in type(raw).__module__:
        for name, player in raw.agent_map.items():
            shapes = [tuple(player.rect), *(tuple(weapon.rect) for weapon in player.weapons)]
            seen[name] = (shapes, tuple(player.direction), player.score, player.is_alive)
        seen["zombies"] = [tuple(zombie.rect) for zombie in raw.zombie_list]
        seen["players"] = [player.agent_name for player in raw.player_list]
        seen |= {"frames": raw.frames, "dead": raw.dead_agents, "selected": raw.agent_selection}
        seen["generator"] = raw.np_random.bit_generator.state
    if "multiwalker" in type(raw).__module__:
        world = raw.env
        standing = [walker for walker in world.walkers if walker.hull]
        bodies = [body for walker in standing for body in (walker.hull, *walker.legs)]
        for i, body in enumerate([world.package, *bodies]):
            seen[f"body {i}"] = (*body.position, body.angle, *body.linearVelocity)
        for i, walker in enumerate(world.walkers):
            seen[f"lidar {i}"] = [ray.fraction for ray in walker.lidar]
            seen[f"feet {i}"] = [leg.ground_contact for leg in walker.legs[1::2]]
        seen |= {"fallen": world.fallen_walkers, "over": world.game_over, "frames": world.frames}
        seen |= {"latest": world.last_rewards, "done": world.last_dones, "steps": raw.steps}
        seen |= {"ground": np.array([world.terrain_x, world.terrain_y]), "seen": world.last_obs}
        seen |= {"upright": world.prev_shaping, "forward": world.prev_package_shaping}
        seen |= {"selected": raw.agent_selection, "number": raw.agent_name_mapping}
        seen["generator"] = world.np_random.bit_generator.state
    if "pistonball" in type(raw).__module__:
        bodies = [raw.ball, *raw.pistonList]
        seen["bodies"] = [(*body.position, *body.velocity, body.angle) for body in bodies]
        seen |= {"frames": raw.frames, "selected": raw.agent_selection, "ball": raw.ball_prev_pos}
    if "pursuit" in type(raw).__module__:
        world = raw.env
        for kind, layer in (("pursuer", world.pursuer_layer), ("evader", world.evader_layer)):
            seen[f"{kind}s"] = layer.global_state
            for place, agent in enumerate(layer.allies):
                seen[f"{kind} {place}"] = np.array([agent.current_pos, agent.last_pos])
                assert np.array_equal(layer.get_position(place), agent.current_pos)
        seen |= {"gone": world.evaders_gone, "generator": world.np_random.bit_generator.state}
        seen |= {"latest": world.latest_reward_state, "frames": world.frames, "steps": raw.steps}
    # Last: multiwalker casts its rays again, where nobody has fallen.
    if all(walker.hull for walker in vars(getattr(raw, "env", raw)).get("walkers", ())):
        seen["state"] = raw.state()
    return seen


def steps(ours: Any, theirs: Any, episode: int, max_cycles: int, inner: Any) -> Iterator[str]:
    """Plays one episode on both; yields what happened, and fails where they differ."""
    rng = np.random.default_rng(episode)
    results = [world.reset(seed=1000 + episode) for world in (ours, theirs)]
    for part, one, other in zip(("observations", "infos"), *results, strict=True):
        assert same(one, other), f"episode {episode}, reset: {part}"
    actions: dict[str, Any] = {}
    elapsed = 0
    while theirs.agents and not (episode % 10 == 9 and elapsed == 3):  # some are abandoned
        for agent in theirs.agents:
            if agent not in actions or rng.random() < 0.15:  # hold an action, to get somewhere
                actions[agent] = acts(theirs.action_space(agent), rng)
        acting = list(theirs.agents)
        chosen = {agent: actions[agent] for agent in acting}
        names = ("observations", "rewards", "terminations", "truncations", "infos")
        elapsed += 1
        results = [world.step(dict(chosen)) for world in (ours, theirs)]
        for part, one, other in zip(names, *results, strict=True):
            assert same(one, other), f"episode {episode}, step {elapsed}: {part}"
        assert ours.agents == theirs.agents, f"episode {episode}, step {elapsed}: agents"
        if episode % 5 == 0:  # what takes long to look at
            seen, true = visible(inner), visible(theirs)
            assert seen.keys() == true.keys()
            for part in seen:
                where = f"episode {episode}, step {elapsed}: the world's {part}"
                assert same(seen[part], true[part]), where
        _, _, terminations, truncations, infos = results[1]
        if any(infos.values()):
            yield "info"
        for agent in acting:
            if terminations[agent] or truncations[agent]:
                # multiwalker calls its time limit a termination.
                late = truncations[agent] or elapsed == max_cycles
                yield "limit" if late else "early death" if theirs.agents else "end"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_a_driven_world_plays_the_stock_worlds_episodes(name, capfd):
    """Observations, rewards, ends, infos and agents of every step, episode after episode."""
    its = CASES[name]
    stock, inner = its.build(), its.build()
    driven = drive(inner)
    assert isinstance(driven, DirectWorld)
    seen: set[str] = set()
    for episode in range(its.episodes):
        seen |= set(steps(driven, stock, episode, its.kwargs["max_cycles"], inner))
    assert seen >= its.happens, "the comparison has missed what can go wrong"
    stock.close()
    inner.close()


DRAWN = {
    "simple_spread": case("mpe2.simple_spread_v3", max_cycles=8),
    "simple_tag": case("mpe2.simple_tag_v3", max_cycles=8),
    "knights_archers_zombies": case(KAZ, spawn_delay=2, max_cycles=30),
    "multiwalker": case(MULTIWALKER, max_cycles=8),
    "pursuit": case("sisl/pursuit-v5", max_cycles=8),
    "pistonball": case("butterfly/pistonball-v6", n_pistons=5, max_cycles=8),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_driven_world_draws_the_stock_worlds_pictures(name, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    its = replace(DRAWN[name], kwargs={**DRAWN[name].kwargs, "render_mode": "rgb_array"})
    stock, inner = its.build(), its.build()
    driven = drive(inner)
    pictures: list[np.ndarray] = []
    for episode in (1, 2):
        rng = np.random.default_rng(episode)
        for world in (driven, stock):
            world.reset(seed=episode)
        while stock.agents:
            actions = {agent: acts(stock.action_space(agent), rng) for agent in stock.agents}
            driven.step(dict(actions))
            stock.step(dict(actions))
            # Multiwalker draws on the one display that there is.
            ours, theirs = (np.array(world.render()) for world in (inner, stock))
            np.testing.assert_array_equal(ours, theirs)
            pictures.append(theirs)
    assert any((pictures[0] != picture).any() for picture in pictures)
    stock.close()
    inner.close()


class Doubled(simple_spread.raw_env):
    """Rewards count twice."""

    def step(self, action):
        super().step(action)
        self.rewards = {agent: 2 * reward for agent, reward in self.rewards.items()}


class Loud(BaseWrapper):
    """An AEC wrapper that nobody knows."""

    def step(self, action):
        super().step(action)


class Quiet(BaseParallelWrapper):
    """A parallel wrapper that nobody knows."""


def layered(raw: Any) -> Any:
    return aec_to_parallel(OrderEnforcingWrapper(AssertOutOfBoundsWrapper(raw)))


UNRECOGNISED = {
    "a subclass that overrides step": lambda: layered(Doubled(max_cycles=3)),
    "an unknown AEC wrapper": lambda: layered(Loud(simple_spread.raw_env(max_cycles=3))),
    "an unknown parallel wrapper": lambda: Quiet(layered(simple_spread.raw_env(max_cycles=3))),
    "a SuperSuit wrapper": lambda: make_env("mpe2.simple_spread_v3", wrappers=("clip_reward_v0",)),
    "a native parallel world": Counting,
    "a turn-based world nobody has compared": lambda: pettingzoo.make("parallel", "classic/rps-v2"),
}


@pytest.mark.parametrize("name", UNRECOGNISED)
def test_what_is_not_recognised_keeps_its_public_api(name):
    env = UNRECOGNISED[name]()
    assert drive(env) is env


def test_the_same_layers_around_the_stock_world_are_recognised():
    """The counterpart of the cases above: it is the step that makes the difference."""
    assert isinstance(drive(layered(simple_spread.raw_env())), DirectWorld)


def test_a_subclass_that_inherits_step_is_driven_with_its_own_parts():
    """What a subclass changes outside of `step` is in effect."""

    class Shifted(simple_spread.raw_env):
        def observe(self, agent):
            return super().observe(agent) + 100

    driven, stock = drive(layered(Shifted(max_cycles=3))), layered(Shifted(max_cycles=3))
    assert isinstance(driven, DirectWorld)
    ours, _ = driven.reset(seed=3)
    theirs, _ = stock.reset(seed=3)
    assert same(ours, theirs)
    assert min(observation.min() for observation in ours.values()) > 50


def test_an_overridden_step_has_its_effect_through_the_bridge():
    single = AgentVecEnv(lambda: layered(simple_spread.raw_env(max_cycles=3)), num_envs=1, seed=0)
    double = AgentVecEnv(lambda: layered(Doubled(max_cycles=3)), num_envs=1, seed=0)
    for env in (single, double):
        env.reset()
    _, once, _, _ = single.step(np.zeros(3, int))
    _, twice, _, _ = double.step(np.zeros(3, int))
    assert np.all(once != 0)
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)


@pytest.mark.parametrize("action", [-1, 5, 1.5, None, np.float32(1.0)], ids=repr)
def test_what_is_no_discrete_action_is_refused_as_by_the_stock_wrappers(action):
    build = CASES["simple_spread"].build
    stock, driven = build(), drive(build())
    assert isinstance(driven, DirectWorld)
    for world in (stock, driven):
        world.reset(seed=0)
        with pytest.raises((AssertionError, TypeError, ValueError)):
            world.step(dict.fromkeys(stock.possible_agents, action))


@pytest.mark.parametrize("action", [0, np.int64(4), np.int32(2)], ids=repr)
def test_what_is_a_discrete_action_is_taken(action):
    build = CASES["simple_spread"].build
    stock, driven = build(), drive(build())
    actions = dict.fromkeys(stock.possible_agents, action)
    for world in (stock, driven):
        world.reset(seed=0)
    assert same(driven.step(actions)[0], stock.step(actions)[0])
