"""The stage: no window opens, nothing of the user's is changed for longer, no world ends others."""

from __future__ import annotations

import os

import numpy as np
import pygame
import pytest

from daf_nb.envs import World
from daf_nb.notebook.replay.offscreen import opened, stage
from tests.notebook.helpers import until
from tests.notebook.replay.helpers import filmed, played, taped

DRIVER = "SDL_VIDEODRIVER"


@pytest.mark.parametrize("before", [None, "x11"])
def test_the_variable_is_put_back_as_it_was(monkeypatch, before):
    monkeypatch.delenv(DRIVER, raising=False)
    if before is not None:
        monkeypatch.setenv(DRIVER, before)
    pygame.display.quit()
    with stage(beginning=True):
        assert os.environ[DRIVER] == "dummy"
    with pytest.raises(ZeroDivisionError), stage(beginning=True):
        raise ZeroDivisionError
    assert os.environ.get(DRIVER) == before
    with stage():
        assert os.environ.get(DRIVER) == before


def test_a_display_that_a_world_began_ends_with_the_last_one(monkeypatch):
    monkeypatch.delenv(DRIVER, raising=False)
    pygame.display.quit()
    with opened():
        with opened(), stage(beginning=True):
            pygame.display.init()
            assert pygame.display.get_driver() == "dummy"
        assert pygame.display.get_init()
    assert not pygame.display.get_init()


def test_a_display_of_the_users_own_is_left_alone(monkeypatch):
    monkeypatch.setenv(DRIVER, "dummy")
    pygame.display.init()
    with opened(), stage(beginning=True):
        pygame.display.init()
    assert pygame.display.get_init()
    pygame.display.quit()


def test_quitting_pygame_on_the_stage_ends_nothing():
    pygame.font.init()
    quit_all = pygame.quit
    with stage():
        pygame.quit()
        assert pygame.font.get_init()
    assert pygame.quit is quit_all


def speaker() -> World:
    """A world that writes with a font of pygame's, and quits pygame when it is closed."""
    return World("mpe2.simple_speaker_listener_v4", {"max_cycles": 12})


def test_a_film_that_is_closed_does_not_end_another():
    first, second = filmed(played(speaker(), seed=1)), filmed(played(speaker(), seed=2))
    assert first.frame(2).shape == second.frame(2).shape == (700, 700, 3)
    first.close()
    until(lambda: first._projector._thread is None)
    assert second.wait(30)
    assert second.frame(12).shape == (700, 700, 3)
    assert second.error == second.undrawn == ""
    second.close()


@pytest.mark.parametrize(
    "world",
    [
        World("mpe2.simple_spread_v3", {"max_cycles": 6}),
        World("butterfly/pistonball-v6", {"n_pistons": 4, "max_cycles": 6}),
        World("butterfly/knights_archers_zombies-v11", {"max_cycles": 6}),
        World("sisl/pursuit-v5", {"max_cycles": 6}),
        World("sisl/multiwalker-v9", {"max_cycles": 6}),
    ],
    ids=lambda world: world.name,
)
def test_pettingzoos_worlds_are_drawn_as_they_draw_themselves(world, monkeypatch):
    monkeypatch.setenv(DRIVER, "dummy")
    tape = taped(world)
    env = world.changed({"render_mode": "rgb_array"}).build()
    env.reset(seed=tape.seed)
    seen = [np.array(env.render())]
    for at in range(tape.length):
        env.step({agent: tape.given(agent)[at] for agent in env.agents})
        seen.append(np.array(env.render()))
    monkeypatch.delenv(DRIVER)
    env.close()
    film = filmed(tape)
    for step in (tape.length, 0, tape.length // 2):
        # The walkers' lidar turns with every drawing, and not every step is drawn.
        parted = (film.frame(step) != seen[step]).mean()
        assert parted <= (0.005 if "walker" in world.name else 0.0)
    assert film.undrawn == film.error == ""
    film.close()
