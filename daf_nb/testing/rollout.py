"""Plays a vectorised world with random actions and keeps everything it said."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from daf_nb.testing.promises import Sight
from daf_nb.testing.witness import RESET, STEP, Testimony

__all__ = ["Rollout", "Step", "is_infos", "leaves", "play", "row_of", "space_leaves"]

Infos = list[dict[str, Any]]


@dataclass
class Step:
    """One step of all rows; `alive` is before the step, `alive_after` behind it.

    `alive`, `alive_after`, `terminated` and `truncated` are None where the bridge has no such
    attribute.
    """

    actions: np.ndarray
    observations: Any
    rewards: Any
    dones: Any
    infos: Infos
    reset_infos: Infos
    alive: np.ndarray | None
    alive_after: np.ndarray | None
    terminated: np.ndarray | None
    truncated: np.ndarray | None

    def testimony(self, row: int) -> Testimony | None:
        """What the row's agent did in this step; None if it took no part or nobody testifies."""
        return self.infos[row].get(STEP)

    def new_start(self, row: int) -> Testimony | None:
        """The reset that `reset_infos` tells of for the row."""
        return self.reset_infos[row].get(RESET)


@dataclass
class Rollout:
    """A played stretch from a reset on.

    Attributes:
        rows: number of rows.
        observation_space: of one row.
        row_agents: the bridge's, or None.
        row_copies: the bridge's, or None.
        first: the observations of the reset.
        reset_infos: those of the reset.
        steps: in order.
        complaints: (promise, what was seen) for what can only be noticed while playing.
    """

    rows: int
    observation_space: spaces.Space
    row_agents: list[str] | None
    row_copies: np.ndarray | None
    first: Any
    reset_infos: Infos
    steps: list[Step] = field(default_factory=list)
    complaints: list[Sight] = field(default_factory=list)

    @property
    def witnessed(self) -> bool:
        """A `Witness` speaks through the infos."""
        return any(step.testimony(row) for step in self.steps for row in range(self.rows))

    @property
    def ends(self) -> int:
        """How many rows came to an end, as far as the bridge says."""
        return sum(int(np.sum(step.dones)) for step in self.steps)


def play(env: VecEnv, *, steps: int, seed: int, reseed: bool) -> Rollout:
    """Resets the world and takes random steps.

    Args:
        env: the bridge.
        steps: how many.
        seed: of the actions.
        reseed: call `env.seed(seed)` first.
    """
    if reseed:
        env.seed(seed)
    observations = env.reset()
    rollout = Rollout(
        rows=env.num_envs,
        observation_space=env.observation_space,
        row_agents=getattr(env, "row_agents", None),
        row_copies=getattr(env, "row_copies", None),
        first=copy.deepcopy(observations),
        reset_infos=_infos(getattr(env, "reset_infos", None), env.num_envs),
    )
    space = copy.deepcopy(env.action_space)
    space.seed(seed)
    infos = rollout.reset_infos
    returned: list[Any] = [observations]
    kept: list[Any] = [rollout.first]
    for number in range(1, steps + 1):
        actions = _sample(env, space, infos)
        alive = _flags(env, "alive")
        *now, said = env.step(actions)
        rollout.complaints += _overwritten(returned, kept, number)
        rollout.complaints += _unlike_infos(said, env.num_envs, number)
        returned, kept = now, copy.deepcopy(now)
        step = _record(env, kept, _infos(said, env.num_envs), actions, alive)
        rollout.steps.append(step)
        infos = [
            new if done else old
            for new, done, old in zip(step.reset_infos, step.dones, step.infos, strict=True)
        ]
    return rollout


def leaves(observations: Any) -> list[np.ndarray]:
    """The arrays of a plain, Dict or Tuple observation, in the order of `space_leaves`."""
    if isinstance(observations, dict):
        return [np.asarray(observations[key]) for key in sorted(observations)]
    if isinstance(observations, tuple):
        return [np.asarray(part) for part in observations]
    return [np.asarray(observations)]


def space_leaves(space: spaces.Space) -> list[spaces.Space]:
    """The spaces of a plain, Dict or Tuple space, one per array."""
    if isinstance(space, spaces.Dict):
        return [space[key] for key in sorted(space.keys())]
    if isinstance(space, spaces.Tuple):
        return list(space.spaces)
    return [space]


def row_of(observations: Any, row: int) -> list[np.ndarray]:
    """One row's arrays."""
    return [leaf[row] for leaf in leaves(observations)]


def is_infos(infos: Any, rows: int) -> bool:
    """A list with one dict per row."""
    return (
        isinstance(infos, list) and len(infos) == rows and all(isinstance(i, dict) for i in infos)
    )


def _infos(infos: Any, rows: int) -> Infos:
    return [dict(info) for info in infos] if is_infos(infos, rows) else [{} for _ in range(rows)]


def _flags(env: VecEnv, name: str) -> np.ndarray | None:
    flags = getattr(env, name, None)
    return None if flags is None else np.array(flags)


def _sample(env: VecEnv, space: spaces.Space, infos: Infos) -> np.ndarray:
    return np.stack([_choose(space, mask) for mask in _masks(env, infos)])


def _masks(env: VecEnv, infos: Infos) -> list[Any]:
    try:
        if env.has_attr("action_masks"):  # how sb3-contrib asks
            return env.env_method("action_masks")
    except AttributeError:
        pass
    return [info.get("action_mask") for info in infos]


def _choose(space: spaces.Space, mask: Any) -> np.ndarray:
    if mask is None or not isinstance(space, spaces.Discrete):
        return np.asarray(space.sample())
    return np.asarray(space.sample(mask=np.asarray(mask, np.int8)))


def _record(
    env: VecEnv, kept: list[Any], infos: Infos, actions: np.ndarray, alive: np.ndarray | None
) -> Step:
    return Step(
        actions=actions,
        observations=kept[0],
        rewards=kept[1],
        dones=kept[2],
        infos=infos,
        reset_infos=_infos(getattr(env, "reset_infos", None), env.num_envs),
        alive=alive,
        alive_after=_flags(env, "alive"),
        terminated=_flags(env, "terminated"),
        truncated=_flags(env, "truncated"),
    )


def _unlike_infos(said: Any, rows: int, number: int) -> list[Sight]:
    if is_infos(said, rows):
        return []
    kind = f"{type(said).__name__} of {[type(info).__name__ for info in said][:3]}"
    return [("vector metadata", f"step {number} returned a {kind} as infos, not one dict per row")]


def _overwritten(returned: list[Any], kept: list[Any], number: int) -> list[Sight]:
    return [
        ("fresh arrays", f"step {number} overwrote the {what} returned before it")
        for what, now, then in zip(
            ("observations", "rewards", "dones"), returned, kept, strict=False
        )
        for changed, original in zip(leaves(now), leaves(then), strict=True)
        if changed.tobytes() != original.tobytes()
    ]
