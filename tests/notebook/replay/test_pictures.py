"""Worlds that cannot be drawn: what agents observe, as pictures or lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from daf_nb.envs import World, agent_spaces, play
from daf_nb.notebook.replay.pictures import Sights
from daf_nb.testing import Scripted
from tests.notebook.replay.helpers import Drawn, filmed, played, taped
from tests.worlds import Masked, Staggered, TwoKinds


class Flags(Scripted):
    """Everybody sees a red square, which is blue in every second step."""

    def make_observation_space(self, agent: str) -> spaces.Space:
        return spaces.Box(0, 255, (8, 8, 3), np.uint8)

    def observe(self, agent: str) -> Any:
        seen = np.zeros((8, 8, 3), np.uint8)
        seen[:, :, 2 * (self.elapsed % 2)] = 255
        return seen


class Planes(Flags):
    """The same with channels first, in [0, 1]."""

    def make_observation_space(self, agent: str) -> spaces.Space:
        return spaces.Box(0, 1, (3, 8, 8), np.float32)

    def observe(self, agent: str) -> Any:
        return np.moveaxis(super().observe(agent), 2, 0).astype(np.float32) / 255


class Broken(Drawn):
    """Raises when it is drawn."""

    def render(self) -> Any:
        raise OSError("no screen")


def drawn(world: Any, **fields: Any) -> list[np.ndarray]:
    """All pictures of an episode."""
    tape = played(world, **fields)
    steps = list(play(tape, World(world)))
    sights = Sights(agent_spaces(steps[0].env))
    for step in steps:
        sights.note(step)
    return [sights.draw(step) for step in steps]


def share(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((picture == colour).all(axis=2).mean())


@pytest.mark.parametrize("world", [Flags, Planes])
def test_images_are_shown_as_they_are(world):
    pictures = drawn(world)
    for step, picture in enumerate(pictures):
        seen, other = ((0, 0, 255), (255, 0, 0)) if step % 2 else ((255, 0, 0), (0, 0, 255))
        assert share(picture, seen) > 0.3
        assert share(picture, other) == 0


def test_numbers_are_lines_that_move_and_the_dead_have_none():
    pictures = drawn(Staggered)
    blue = (47, 127, 208)
    assert share(pictures[0], blue) > 0
    assert share(pictures[-1], blue) == 0, "the first agent died long ago"
    assert (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize(("world", "algorithm"), [(TwoKinds, "PPO"), (Masked, "MaskablePPO")])
def test_other_kinds_of_observations_are_drawn(world, algorithm):
    pictures = drawn(world, algorithm=algorithm)
    assert {picture.shape for picture in pictures} == {(600, 600, 3)}
    assert (pictures[0] != pictures[1]).any()


def test_one_scale_holds_for_all_steps_whichever_is_drawn_first():
    tape = taped(lambda: Scripted(agents=1, limit=30))
    first = filmed(tape)
    at_20 = first.frame(20)
    other = filmed(tape)
    other.frame(3)
    np.testing.assert_array_equal(other.frame(20), at_20)
    for film in (first, other):
        assert "render_mode" in film.undrawn
        film.close()


def test_a_world_that_breaks_when_it_is_drawn_is_seen_by_its_observations():
    film = filmed(taped(lambda **k: Broken(limit=3, **k)))
    assert film.frame(3).shape == (600, 600, 3)
    assert film.undrawn == "OSError: no screen"
    assert film.error == ""
    film.close()
