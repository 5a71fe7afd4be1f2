"""Look before training: what a world offers, what it breaks, and how its episodes end."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.drivers import DirectWorld, drive
from daf_nb.envs.flight import MAX_CYCLES, Flight
from daf_nb.envs.spaces import AgentSpaces, equal_groups
from daf_nb.envs.twin import Twin
from daf_nb.envs.watch import Watch
from daf_nb.envs.worlds import World, WorldLike, Wrapper, close_world
from daf_nb.errors import DafWarning, TrainingEnvironmentError

__all__ = ["EnvDescription", "describe_env", "make_env", "preflight"]


@dataclass(frozen=True)
class EnvDescription:
    """What a world is, as seen in one pre-flight episode of random actions.

    Attributes:
        name: the world's name.
        agents: every agent that may appear.
        spaces: agent -> what it sees and does.
        groups: agents with equal spaces, in the world's order.
        absent: possible agents that did not take part in the pre-flight episode.
        agents_die: some agent ended before the episode did.
        episode_end: "terminated", "truncated", "both", or "not within N steps".
        episode_length: world steps played.
        action_masks: the world says which actions are allowed.
        direct: stepped without PettingZoo's conversion layers.
        findings: what is allowed but worth knowing.
        repeats: the episode came out alike on a second instance, so that tapes of it can be played
            again and runs be resumed.
    """

    name: str
    agents: tuple[str, ...]
    spaces: Mapping[str, AgentSpaces]
    groups: tuple[tuple[str, ...], ...]
    absent: tuple[str, ...]
    agents_die: bool
    episode_end: str
    episode_length: int
    action_masks: bool
    direct: bool
    findings: tuple[str, ...]
    repeats: bool = True

    def __str__(self) -> str:
        lines = [f"{self.name}: {len(self.agents)} agents"]
        for group in self.groups:
            lines.append(f"  {', '.join(group)}: {self.spaces[group[0]]}")
        lines.append(
            f"  an episode of random actions: {self.episode_length} steps, {self.episode_end}; "
            f"agents {'die early' if self.agents_die else 'end together'}"
            f"{'; action masks' if self.action_masks else ''}"
        )
        return "\n".join([*lines, *(f"  note: {finding}" for finding in self.findings)])


def make_env(
    world: WorldLike,
    *,
    env_kwargs: Mapping[str, Any] | None = None,
    wrappers: Sequence[Wrapper] = (),
    strict: bool = False,
) -> ParallelEnv:
    """Builds a world after checking it in a pre-flight episode on a second instance.

    Args:
        world: a PettingZoo registry id (`sisl/pursuit-v5`), a module path
            (`mpe2.simple_spread_v3`), `package.module:callable`, or a callable.
        env_kwargs: the world's constructor arguments.
        wrappers: SuperSuit wrappers, innermost first: a name, (name, arguments), or a callable.
        strict: findings that would be warnings are errors.

    Returns:
        A fresh parallel world; turn-based worlds are converted where PettingZoo allows it.

    Raises:
        ConfigError: no such world or wrapper, or one that cannot be trained on.
        TrainingEnvironmentError: the pre-flight episode found a broken contract.
    """
    made = World(world, env_kwargs or {}, wrappers)
    for finding in preflight(made, strict=strict).findings:
        warnings.warn(f"{made.name}: {finding}", DafWarning, stacklevel=2)
    return made.build()


def describe_env(
    world: WorldLike,
    *,
    env_kwargs: Mapping[str, Any] | None = None,
    wrappers: Sequence[Wrapper] = (),
) -> EnvDescription:
    """What `world` is, from its spaces and one pre-flight episode; arguments as `make_env`."""
    return preflight(World(world, env_kwargs or {}, wrappers))


def preflight(
    world: World, *, strict: bool = False, seed: int = 0, watch: Watch | None = None
) -> EnvDescription:
    """Plays one episode of random actions and checks every step of it.

    A second instance plays along, for at most half a second, to see whether the episode repeats.

    Args:
        world: what to build.
        strict: findings are errors.
        seed: of the episode.
        watch: what the world's code is called through; None for one that watches nothing.

    Raises:
        TrainingEnvironmentError: the world breaks the parallel API, its own spaces (shape, dtype;
            bounds too where `strict`), or gives NaN or infinity.
    """
    with ExitStack() as built:
        env = world.build()
        built.callback(close_world, env, world.name)
        flight = Flight(env, world.name, _twin(world, env, built), watch or Watch())
        flight.play(seed)
        if strict and flight.findings:
            found = "; ".join(flight.findings.values())
            raise TrainingEnvironmentError(
                f"{world.name}: {found}. Mend the world or what it declares, or train with "
                "strict=False, which warns of it."
            )
        return _described(flight, direct=isinstance(drive(env), DirectWorld))


def _twin(world: World, env: ParallelEnv, built: ExitStack) -> Twin | None:
    """A second instance, where one can be had."""
    try:
        second = world.build()
    except Exception:  # whatever a factory raises that can be called once only
        return None
    if second is env:
        return None
    built.callback(close_world, second, world.name)
    return Twin(second)


def _described(flight: Flight, *, direct: bool) -> EnvDescription:
    end = "both" if len(flight.kinds) > 1 else "".join(flight.kinds)
    if flight.env.agents:
        end = f"not within {MAX_CYCLES} steps"
    return EnvDescription(
        name=flight.name,
        agents=tuple(flight.spaces),
        spaces=flight.spaces,
        groups=tuple(tuple(group) for group in equal_groups(flight.spaces)),
        absent=tuple(agent for agent in flight.spaces if agent not in flight.seen),
        agents_die=flight.early,
        episode_end=end,
        episode_length=flight.length,
        action_masks=flight.masked,
        direct=direct,
        findings=tuple(flight.findings.values()),
        repeats="repeats" not in flight.findings,
    )
