"""How one world is stepped: by its public parallel API, or without PettingZoo's conversion layers.

Most parallel worlds are turn-based (AEC) worlds inside `aec_to_parallel_wrapper` and several
checking wrappers; those layers cost about as much as the worlds themselves. For worlds in
`PROVEN`, whose results are the same without them (the tests compare 200 episodes of each),
`drive` steps the innermost world. Every other world keeps its public API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from gymnasium.spaces import Box
from pettingzoo.utils.conversions import aec_to_parallel_wrapper
from pettingzoo.utils.env import AECEnv, ParallelEnv
from pettingzoo.utils.wrappers import (
    AssertOutOfBoundsWrapper,
    ClipOutOfBoundsWrapper,
    OrderEnforcingWrapper,
)

from daf_nb.envs.particles import quicken
from daf_nb.envs.walkers import quicken_walkers, walk

__all__ = ["PROVEN", "DirectWorld", "Driver", "drive"]

_PARTICLES = "mpe2._mpe_utils.simple_env.SimpleEnv"

_KNIGHTS = "pettingzoo.butterfly.knights_archers_zombies.knights_archers_zombies.raw_env"
_WALKERS = "pettingzoo.sisl.multiwalker.multiwalker.raw_env"

PROVEN = frozenset(
    {
        _PARTICLES,
        _KNIGHTS,
        "pettingzoo.butterfly.pistonball.pistonball.raw_env",
        _WALKERS,
        "pettingzoo.sisl.pursuit.pursuit.raw_env",
    }
)
"""Classes whose `step` is known to give equal episodes with and without the layers."""

_LAYERS = (AssertOutOfBoundsWrapper, ClipOutOfBoundsWrapper, OrderEnforcingWrapper)

StepResult = tuple[
    Mapping[str, Any],
    Mapping[str, float],
    Mapping[str, bool],
    Mapping[str, bool],
    Mapping[str, dict[str, Any]],
]
"""Observations, rewards, terminations, truncations, infos; each by agent."""


class Driver(Protocol):
    """What the bridge asks of a world: the part of `ParallelEnv` that an episode needs."""

    agents: list[str]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Mapping[str, Any], Mapping[str, dict[str, Any]]]: ...

    def step(self, actions: dict[str, Any]) -> StepResult: ...


class DirectWorld:
    """Steps an AEC world one whole cycle at a time, giving what the parallel conversion gives.

    Args:
        env: the parallel world, all layers on.
        raw: the innermost AEC world.
        clip: clip continuous actions into their Box, as `ClipOutOfBoundsWrapper` does.
        check: refuse actions that are not in their space, as `AssertOutOfBoundsWrapper` does.
    """

    def __init__(self, env: ParallelEnv, raw: AECEnv, *, clip: bool, check: bool) -> None:
        self._env, self._raw = env, raw
        self.agents: list[str] = []
        self._cycle, self._observe = _in_turns, _observe
        self._prepare: Callable[[Any], None] = lambda raw: None
        self._specialise(raw)
        spaces = {agent: raw.action_space(agent) for agent in raw.possible_agents}
        self._boxes = {
            agent: space for agent, space in spaces.items() if clip and isinstance(space, Box)
        }
        self._checked = spaces if check else {}

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        # Through all layers, so that they know of it: they refuse to render before a reset.
        observations, infos = self._env.reset(seed=seed, options=options)
        self.agents = self._raw.agents[:]
        self._prepare(self._raw)
        return observations, infos

    def step(self, actions: dict[str, Any]) -> StepResult:
        raw = self._raw
        rewards = self._cycle(raw, [self._guarded(agent, actions[agent]) for agent in self.agents])
        terminations, truncations, infos = (
            dict(raw.terminations),
            dict(raw.truncations),
            dict(raw.infos),
        )
        observations = self._observe(raw)
        if True in terminations.values() or True in truncations.values():
            self._bury(raw)
        self.agents = self._env.agents = raw.agents[:]
        return observations, rewards, terminations, truncations, infos

    def _specialise(self, raw: Any) -> None:
        """What is known of single worlds, beyond the layers; all of it without effect on results.

        Worlds that will never be drawn let go of what only drawing reads: 2 MiB in each particle
        world, 4 MiB in each of knights, archers and zombies.
        """
        definer = _definer(raw, "step")
        if definer == _PARTICLES and raw.render_mode != "human":
            self._cycle = _together
            quicken(raw.world)
            if raw.render_mode is None:
                raw.screen = None
        elif definer == _KNIGHTS and raw.vector_state:
            self._observe = _observe_knights
            if raw.render_mode is None:
                raw.background = None
        elif definer == _WALKERS:
            self._prepare = lambda raw: quicken_walkers(raw.env)
            if raw.render_mode != "human":
                self._cycle = walk

    @staticmethod
    def _bury(raw: AECEnv) -> None:
        """Takes the steps that an AEC world expects of its dead agents."""
        while raw.agents and (
            raw.terminations[raw.agent_selection] or raw.truncations[raw.agent_selection]
        ):
            raw.step(None)

    def _guarded(self, agent: str, action: Any) -> Any:
        checked = self._checked.get(agent)
        if checked is not None and not checked.contains(action):
            raise ValueError(f"action {action!r} of {agent} is not in {checked}")
        box = self._boxes.get(agent)
        return action if box is None else np.maximum(box.low, np.minimum(action, box.high))


def _in_turns(raw: AECEnv, actions: Sequence[Any]) -> dict[str, float]:
    """One cycle of any AEC world: every agent acts in turn, rewards are summed."""
    rewards: dict[str, float] = dict.fromkeys(raw.agents, 0)
    for action in actions:
        raw.step(action)
        for name, reward in raw.rewards.items():
            rewards[name] += reward
    return rewards


def _together(raw: Any, actions: Sequence[Any]) -> dict[str, float]:
    """One cycle of mpe2's particles: what `SimpleEnv.step` does at the last agent of a cycle.

    For the other agents it only notes the action and clears rewards.
    """
    raw.current_actions = list(actions)
    raw._execute_world_step()
    raw.steps += 1
    if raw.steps >= raw.max_cycles:
        raw.truncations = dict.fromkeys(raw.agents, True)
    elif raw.scenario.is_terminal(raw.world):
        raw.terminations = dict.fromkeys(raw.agents, True)
    return dict(raw.rewards)


def _observe(raw: AECEnv) -> dict[str, Any]:
    return {agent: raw.observe(agent) for agent in raw.agents}


def _observe_knights(raw: Any) -> dict[str, Any]:
    """Everybody's view of one state, which the world would gather anew for each.

    A view sets to zero what is zero already, and no more, so that the next finds the same state.
    """
    state = raw.get_vector_state()
    raw.get_vector_state = lambda: state
    try:
        return _observe(raw)
    finally:
        del raw.get_vector_state


def _definer(raw: AECEnv, method: str) -> str:
    """The full name of the class that defines a method of `raw`."""
    cls = next(cls for cls in type(raw).__mro__ if method in vars(cls))
    return f"{cls.__module__}.{cls.__qualname__}"


def drive(env: ParallelEnv) -> Driver:
    """The fastest way to step `env` that provably changes nothing.

    Args:
        env: a parallel world, as built by its own constructor.

    Returns:
        A `DirectWorld` over the innermost world where the conversion layers are the stock ones and
        the world is in `PROVEN`; else `env` itself.
    """
    if type(env) is not aec_to_parallel_wrapper:
        return env
    layers: list[type] = []
    raw = env.aec_env
    while type(raw) in _LAYERS:
        layers.append(type(raw))
        raw = raw.env
    if _definer(raw, "step") not in PROVEN:
        return env
    return DirectWorld(
        env,
        raw,
        clip=ClipOutOfBoundsWrapper in layers,
        check=AssertOutOfBoundsWrapper in layers,
    )
