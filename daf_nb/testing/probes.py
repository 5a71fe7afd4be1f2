"""Questions put to a vectorised world itself: its interface, its seeds, its copies, its worlds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv

from daf_nb.testing.promises import Sight, raised
from daf_nb.testing.rollout import Rollout, is_infos, leaves
from daf_nb.testing.witness import RESET

__all__ = ["PROBES", "differences", "probe_interface", "probe_seed"]

_RESETS = 8


def probe_interface(env: Any, seed: int) -> Iterator[Sight]:
    """An SB3 `VecEnv`, or at least what it says it is."""
    if isinstance(env, VecEnv):
        if not isinstance(getattr(env, "metadata", None), dict):
            yield "vector metadata", "`metadata` is missing; SB3 declares a dict"
        return
    yield "interface", f"{type(env).__name__} is not a stable_baselines3 VecEnv"
    if isinstance(env, VectorEnv):
        mode = (env.metadata or {}).get("autoreset_mode")
        if not isinstance(mode, AutoresetMode):
            yield (
                "vector metadata",
                f"metadata['autoreset_mode'] is {mode!r}: a Gymnasium vector world says when it "
                "resets",
            )
        _, infos = env.reset(seed=seed)
        if not isinstance(infos, dict):
            yield (
                "vector metadata",
                f"reset's infos are a {type(infos).__name__}; a Gymnasium vector world returns a "
                "dict",
            )


def probe_seed(env: VecEnv, seed: int) -> Iterator[Sight]:
    """`seed` can be called, as SB3's models do when they are given one."""
    try:
        env.seed(seed)
    except Exception as error:
        yield "seeding", raised(f"seed({seed}), which PPO(seed={seed}) calls,", error)


def probe_reset_infos(env: VecEnv, seed: int, reseed: bool) -> Iterator[Sight]:
    """`reset_infos` is one dict per row."""
    env.reset()
    infos = getattr(env, "reset_infos", None)
    if not is_infos(infos, env.num_envs):
        kind = f"{type(infos).__name__} of {[type(i).__name__ for i in infos or ()]}"
        yield "vector metadata", f"reset_infos are a {kind}, not one dict per row"


def probe_rows(env: VecEnv, seed: int, reseed: bool) -> Iterator[Sight]:
    """The rows can be told apart, so that episodes can be counted by whole copies."""
    named = {name: getattr(env, name, None) for name in ("row_agents", "row_copies")}
    missing = [name for name, value in named.items() if value is None]
    if missing:
        yield (
            "whole episodes",
            f"no {' and no '.join(missing)}: episodes cannot be counted by whole copies, and SB3's "
            f"evaluate_policy(n_eval_episodes=1) over these {env.num_envs} rows counts one agent's "
            "row",
        )
        return
    agents, copies = list(named["row_agents"] or ()), np.asarray(named["row_copies"])
    if len(agents) != env.num_envs or copies.shape != (env.num_envs,):
        yield "whole episodes", f"{len(agents)} row_agents, {copies.shape} row_copies"
    elif len({(agent, int(c)) for agent, c in zip(agents, copies, strict=True)}) != len(agents):
        yield "whole episodes", "two rows are the same agent of the same copy"
    elif len({tuple(np.array(agents)[copies == c]) for c in np.unique(copies)}) != 1:
        yield "whole episodes", "the copies do not have the same agents"


def probe_access(env: VecEnv, seed: int, reseed: bool) -> Iterator[Sight]:
    """Attributes and methods of the worlds can be reached row by row."""
    rows = env.num_envs
    for what, ask, expected in (
        ("get_attr('metadata')", lambda: len(env.get_attr("metadata")), rows),
        ("get_attr, indices=[0]", lambda: len(env.get_attr("metadata", indices=[0])), 1),
        ("get_attr, indices=0", lambda: len(env.get_attr("metadata", indices=0)), 1),
        ("has_attr('metadata')", lambda: env.has_attr("metadata"), True),
        ("has_attr of an unknown name", lambda: env.has_attr("no_such_name"), False),
        ("env_method('__str__')", lambda: len(env.env_method("__str__")), rows),
        ("env_method, indices=[0]", lambda: len(env.env_method("__str__", indices=[0])), 1),
        ("set_attr, then get_attr, by row", lambda: _set_and_get(env), ["first", "last"]),
    ):
        try:
            answer = ask()
        except Exception as error:
            yield "row access", raised(what, error)
        else:
            if answer != expected:
                yield "row access", f"{what} gave {answer}, not {expected}"


def probe_copies(env: VecEnv, seed: int, reseed: bool) -> Iterator[Sight]:
    """Copies of a world that draws its starts do not all draw the same."""
    starts, seeds = [], []
    for number in range(_RESETS):
        if reseed:
            env.seed(seed + number)
        starts.append(copy.deepcopy(leaves(env.reset())))
        told = [info.get(RESET) for info in env.reset_infos if isinstance(info, dict)]
        seeds.append([truth.seed for truth in told if truth is not None])
    if reseed and seeds[0] and all(of == seeds[0] for of in seeds):
        yield "seeding", f"worlds are reset with the seeds {seeds[0][:3]}... whatever seed() says"
    if all(_same(starts[0], start) for start in starts):
        return  # Nothing is drawn: copies that are equal owe nothing to each other.
    for size in _block_sizes(env):
        if all(_repeats(leaf, size) for start in starts for leaf in start):
            yield (
                "independent copies",
                f"in {_RESETS} resets, which differ, all {env.num_envs // size} copies of {size} "
                "rows started identically each time: they share one random state",
            )
            return


PROBES: tuple[Callable[[VecEnv, int, bool], Iterator[Sight]], ...] = (
    probe_reset_infos,
    probe_rows,
    probe_copies,
    probe_access,
)


def differences(rollouts: list[Rollout]) -> Iterator[str]:
    """Where stretches that were played with one seed and the same actions part ways."""
    first = rollouts[0]
    for other, name in zip(rollouts[1:], ("seeded again", "a fresh one, seeded,"), strict=False):
        if not _same(leaves(first.first), leaves(other.first)):
            yield f"{name} starts from other observations"
            continue
        for number, (a, b) in enumerate(zip(first.steps, other.steps, strict=False), 1):
            pairs = {
                "actions": (a.actions, b.actions),
                "rewards": (a.rewards, b.rewards),
                "dones": (a.dones, b.dones),
                "observations": (a.observations, b.observations),
            }
            parted = [key for key, (x, y) in pairs.items() if not _same(leaves(x), leaves(y))]
            if parted:
                yield f"{name} gives other {' and '.join(parted)} at step {number}"
                break


def _same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def _set_and_get(env: VecEnv) -> list[str]:
    last = env.num_envs - 1
    env.set_attr("conformance_probe", "first", indices=[0])
    env.set_attr("conformance_probe", "last", indices=[last])
    found = env.get_attr("conformance_probe", indices=[0, last])
    copies = getattr(env, "row_copies", None)
    alone = copies is not None and copies[0] == copies[last]
    return ["first", "last"] if alone and found == ["last", "last"] else found


def _block_sizes(env: VecEnv) -> list[int]:
    """How many rows a copy may have: as the bridge says, else every way to cut the rows evenly."""
    copies = getattr(env, "row_copies", None)
    rows = env.num_envs
    sizes = range(1, rows) if copies is None else [rows // len(np.unique(copies))]
    return [size for size in sizes if size < rows and rows % size == 0]


def _repeats(leaf: np.ndarray, size: int) -> bool:
    blocks = leaf.reshape(-1, size, *leaf.shape[1:])
    return all(block.tobytes() == blocks[0].tobytes() for block in blocks)
