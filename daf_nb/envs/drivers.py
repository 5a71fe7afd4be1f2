"""How one world is stepped: by its public parallel API, or without PettingZoo's conversion layers.

Most parallel worlds are turn-based (AEC) worlds inside `aec_to_parallel_wrapper` and several
checking wrappers; those layers cost about as much as the worlds themselves. For worlds in
`PROVEN`, whose results are the same without them (the tests compare 200 episodes of each),
`drive` steps the innermost world. Every other world keeps its public API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from gymnasium.spaces import Box, Discrete
from pettingzoo.utils.conversions import aec_to_parallel_wrapper
from pettingzoo.utils.env import AECEnv, ParallelEnv
from pettingzoo.utils.wrappers import (
    AssertOutOfBoundsWrapper,
    ClipOutOfBoundsWrapper,
    OrderEnforcingWrapper,
)

from daf_nb.envs.ways import (
    KNIGHTS,
    PARTICLES,
    PISTONS,
    PURSUERS,
    WALKERS,
    InTurns,
    Way,
    resetting,
    way_of,
)

__all__ = ["PROVEN", "DirectWorld", "Driver", "drive"]

PROVEN = frozenset(
    {
        PARTICLES,
        KNIGHTS,
        PISTONS,
        WALKERS,
        PURSUERS,
    }
)
"""Classes whose `step` is known to give equal episodes with and without the layers."""

_WHOLE = frozenset({int, np.int64})

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
        self._ready = False
        self._definer = _definer(raw, "step")
        self._way: Way = InTurns(raw)
        self._lighten(raw)
        spaces = {agent: raw.action_space(agent) for agent in raw.possible_agents}
        self._boxes = {
            agent: space for agent, space in spaces.items() if clip and isinstance(space, Box)
        }
        self._checked = spaces if check else {}
        self._bounds = {
            agent: (int(space.start), int(space.start + space.n))
            for agent, space in self._checked.items()
            if type(space) is Discrete
        }

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        raw = self._raw
        with resetting(raw, self._definer):
            # First through all layers, so that they know of it: they refuse to render before.
            (raw if self._ready else self._env).reset(seed=seed, options=options)
        self._ready = True
        self.agents = self._env.agents = raw.agents[:]
        self._way = way_of(raw, self._definer)
        return self._way.observe(), dict(raw.infos)

    def step(self, actions: dict[str, Any]) -> StepResult:
        raw = self._raw
        rewards = self._way.cycle([self._guarded(agent, actions[agent]) for agent in self.agents])
        terminations, truncations, infos = (
            dict(raw.terminations),
            dict(raw.truncations),
            dict(raw.infos),
        )
        observations = self._way.observe()
        if True in terminations.values() or True in truncations.values():
            self._bury(raw)
        self.agents = self._env.agents = raw.agents[:]
        return observations, rewards, terminations, truncations, infos

    def _lighten(self, raw: Any) -> None:
        """Worlds that will never be drawn let go of what only drawing reads.

        That is 2 MiB in each particle world, 4 MiB in each of knights, archers and zombies.
        """
        if raw.render_mode is None:
            if self._definer == PARTICLES:
                raw.screen = None
            elif self._definer == KNIGHTS and raw.vector_state:
                raw.background = None

    @staticmethod
    def _bury(raw: AECEnv) -> None:
        """Takes the steps that an AEC world expects of its dead agents."""
        while raw.agents and (
            raw.terminations[raw.agent_selection] or raw.truncations[raw.agent_selection]
        ):
            raw.step(None)

    def _guarded(self, agent: str, action: Any) -> Any:
        bounds = self._bounds.get(agent)
        if bounds is not None and type(action) in _WHOLE and bounds[0] <= action < bounds[1]:
            return action  # as `Discrete.contains` finds, which takes its time over it
        checked = self._checked.get(agent)
        if checked is not None and not checked.contains(action):
            raise ValueError(f"action {action!r} of {agent} is not in {checked}")
        box = self._boxes.get(agent)
        return action if box is None else np.maximum(box.low, np.minimum(action, box.high))


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
