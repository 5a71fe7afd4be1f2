"""What tests of tapes share: copies that play by a script, and comparing what they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.testing import assert_array_equal

from daf_nb.envs import Copies, Episode, Tape, World, agent_spaces
from daf_nb.envs.spaces import equal_groups


def copies_of(world: World, *, num_envs: int = 3, seed: int = 4, **kwargs: Any) -> Copies:
    """Copies in which agents of equal spaces form a group."""
    groups = equal_groups(agent_spaces(world.build()))
    return Copies(
        world.build,
        groups={f"group {i}": members for i, members in enumerate(groups)},
        num_envs=num_envs,
        seed=seed,
        rebuild=lambda changed: world.changed(changed).build(),
        world=world,
        **kwargs,
    )


def allowed(copies: Copies, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A random action, which the masks allow, for every row."""
    return {name: _chosen(copies, name, rng) for name in copies.arrays.groups}


def _chosen(copies: Copies, name: str, rng: np.random.Generator) -> np.ndarray:
    arrays = copies.arrays
    space: Any = arrays.spaces[name].action
    plane = arrays.observations[name].shape[:2]
    if isinstance(space, spaces.Discrete):
        masks = arrays.masks[name]
        return np.where(masks, rng.random(masks.shape), -1.0).argmax(-1)
    if isinstance(space, spaces.Box):
        return rng.uniform(space.low, space.high, (*plane, *space.shape)).astype(space.dtype)
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(space.nvec, size=(*plane, *space.shape))
    return rng.integers(0, 2, (*plane, *space.shape)).astype(space.dtype)


def play_on(copies: Copies, steps: int, rng: np.random.Generator) -> list[Episode]:
    """Episodes that ended within so many random steps."""
    ended = []
    for _ in range(steps):
        copies.step(allowed(copies, rng))
        ended += copies.episodes
    return ended


def assert_alike(ours: Copies, theirs: Copies) -> None:
    """What both show, and how their episodes stand."""
    for name, block in ours.arrays.observations.items():
        assert_array_equal(block, theirs.arrays.observations[name])
    for name, masks in ours.arrays.masks.items():
        assert_array_equal(masks, theirs.arrays.masks[name])
    assert_array_equal(ours.arrays.alive, theirs.arrays.alive)
    assert_array_equal(ours.arrays.choices, theirs.arrays.choices)
    assert standings(ours.tapes()) == standings(theirs.tapes())


def standings(tapes: Sequence[Tape]) -> list[tuple[Any, ...]]:
    """How far episodes have come, and what is known of them."""
    return [
        (
            *(tape.copy, tape.number, tape.seed, tape.length, tape.task, tape.digest),
            dict(tape.returns),
            tape.acted.tolist(),
        )
        for tape in tapes
    ]


def assert_go_on_alike(ours: Copies, theirs: Copies, steps: int, rng: Any) -> int:
    """Steps both with the same actions; how many episodes ended meanwhile."""
    ended = 0
    for _ in range(steps):
        actions = allowed(ours, rng)
        ours.step(actions)
        theirs.step(actions)
        assert_array_equal(ours.arrays.rewards, theirs.arrays.rewards)
        assert_array_equal(ours.arrays.terminated, theirs.arrays.terminated)
        assert_array_equal(ours.arrays.truncated, theirs.arrays.truncated)
        assert list(map(told, ours.episodes)) == list(map(told, theirs.episodes))
        assert_alike(ours, theirs)
        ended += len(ours.episodes)
    return ended


def told(episode: Episode) -> tuple[Any, ...]:
    """An episode, less the setting, which equals itself alone."""
    return (
        *(episode.copy, episode.number, episode.seed, episode.task, episode.length),
        *(dict(episode.returns), episode.terminated, dict(episode.options)),
    )
