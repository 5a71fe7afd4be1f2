"""What the tests of replays share: worlds that are drawn, tapes of them, and films."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import daf_nb as daf
from daf_nb.envs import AgentVecEnv, Tape, World
from daf_nb.notebook.replay.film import Film
from daf_nb.notebook.replay.take import Take
from daf_nb.testing import Scripted

__all__ = ["Drawn", "filmed", "played", "taped", "trainer"]


class Drawn(Scripted):
    """A picture says, by its grey, how many steps have been taken; 6 x 8 pixels, or more."""

    pixels = (6, 8, 3)
    renders = 0

    def __init__(self, *, render_mode: str | None = None, agents: int = 2, **kwargs: Any) -> None:
        super().__init__(agents=agents, **kwargs)
        self.metadata = {"name": "drawn", "render_modes": ["rgb_array"], "render_fps": 7}
        self.render_mode = render_mode

    def render(self) -> Any:
        if self.render_mode is None:
            return None
        type(self).renders += 1
        return np.full(self.pixels, self.elapsed % 256, np.uint8)


def taped(world: World | Callable[..., Any], *, seed: int = 3, steps: int = 10_000) -> Tape:
    """The tape of an episode of random actions, cut after so many steps."""
    world = world if isinstance(world, World) else World(world)
    tapes: list[Tape] = []
    rows = AgentVecEnv(world.build, num_envs=1, seed=seed, world=world)
    rows.on_tape = lambda episode, tape: tapes.append(tape())
    rows.reset()
    rows.action_space.seed(1)
    while not tapes and steps:
        rows.step(np.array([rows.action_space.sample() for _ in range(rows.num_envs)]))
        steps -= 1
    tapes = tapes or rows.tapes()
    rows.close()
    return tapes[0]


def trainer(world: Any, **fields: Any) -> daf.RlTrainer:
    """One that has not trained: policies as they are drawn from seed 0."""
    config = daf.RlConfig(
        num_envs=1, seed=0, device="cpu", algorithm_kwargs={"n_steps": 4}, **fields
    )
    return daf.RlTrainer(config, env=world)


def played(world: Any, *, seed: int = 5, **fields: Any) -> Tape:
    """The tape of an episode that such a trainer's policies sample."""
    return trainer(world, **fields).players().tape(seed, deterministic=False)


def filmed(tape: Tape, **about: Any) -> Film:
    """A film of a tape, begun."""
    film = Film(Take("a film", "as it was played", "", lambda going_on: tape, **about))
    film.begin()
    return film
