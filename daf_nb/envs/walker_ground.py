"""Multiwalker's ground and contacts with less calling: the same bodies in the same order.

Every reset makes two hundred bodies, each through several layers of keyword arguments; here one
definition serves for all of them, as Box2D copies what it is given. What only drawing reads
(colours, clouds, polygons) is left out where nothing will be drawn; its random numbers are drawn
all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import pairwise
from typing import Any

from daf_nb.envs.followed import follows

__all__ = ["contact_detector", "ground_laid"]


@contextmanager
def ground_laid(world: Any) -> Iterator[None]:
    """Within it, a `MultiWalkerEnv` lays its ground quickly, if it does so as is followed here."""
    if world.hardcore or not follows("walker_ground", world):
        yield
        return
    world._generate_terrain = partial(_lay_ground, world)
    world._generate_clouds = partial(_form_clouds, world)
    try:
        yield
    finally:
        del world._generate_terrain, world._generate_clouds


def _lay_ground(world: Any, hardcore: bool) -> None:
    """`_generate_terrain` without obstacles."""
    base = _base()
    step, drawn = base.TERRAIN_STEP, world.render_mode is not None
    world.terrain_x = [i * step for i in range(world.terrain_length)]
    heights = world.terrain_y = _heights(world)
    points = list(zip(world.terrain_x, heights, strict=True))
    from Box2D import b2_staticBody, b2BodyDef, b2EdgeShape, b2FixtureDef

    edge = b2EdgeShape()
    edge.hasVertex0 = edge.hasVertex3 = False
    fixture, defined = b2FixtureDef(shape=edge, friction=base.FRICTION), b2BodyDef()
    defined.type = b2_staticBody
    create = world.world._b2World__CreateBody
    terrain, world.terrain_poly = [], []
    for i, (here, there) in enumerate(pairwise(points)):
        edge.vertex1, edge.vertex2 = here, there
        body = create(defined)
        body._b2Body__CreateFixture(fixture)
        terrain.append(body)
        if drawn:
            body.color1 = body.color2 = (76, 255 if i % 2 == 0 else 204, 76)
            poly = [here, there, (there[0], 0), (here[0], 0)]
            world.terrain_poly.append((poly, (102, 153, 76)))
    terrain.reverse()
    world.terrain = terrain


def _heights(world: Any) -> list[float]:
    """The ground's line; every few steps a flat one, as the world's counter has it."""
    base, random, length = _base(), world.np_random, world.terrain_length
    level, pad, scale = base.TERRAIN_HEIGHT, base.TERRAIN_STARTPAD, base.SCALE
    velocity, y = 0.0, level
    counter, flat = pad, False
    heights: list[float] = []
    while len(heights) < length:
        begin = len(heights)
        turn = begin + counter  # where the next flat place is chosen, at the very end too
        end = min(turn, length)
        if flat:
            heights.append(y)
            begin += 1
        smooth = max(min(pad + 1, end) - begin, 0)
        rough = random.uniform(-1, 1, size=max(end - begin - smooth, 0)).tolist()
        for bump in [0.0] * smooth + rough:
            velocity = 0.8 * velocity + 0.01 * float((level > y) - (level < y))
            velocity += bump / scale
            y += velocity
            heights.append(y)
        if end == turn:
            counter = int(random.integers(base.TERRAIN_GRASS / 2, base.TERRAIN_GRASS))
            flat = True
    return heights


def _form_clouds(world: Any) -> None:
    """`_generate_clouds`: eleven random numbers for each."""
    base = _base()
    step, number = base.TERRAIN_STEP, world.terrain_length // 20
    draws = world.np_random.random((number, 11)).tolist()
    world.cloud_poly = []
    if world.render_mode is None:
        return
    for first, *others in draws:
        x = world.terrain_length * first * step
        y = base.VIEWPORT_H / base.SCALE * 3 / 4
        poly = [
            (
                x + 15 * step * math.sin(3.14 * 2 * a / 5) + 5 * step * others[2 * a],
                y + 5 * step * math.cos(3.14 * 2 * a / 5) + 5 * step * others[2 * a + 1],
            )
            for a in range(5)
        ]
        world.cloud_poly.append((poly, min(p[0] for p in poly), max(p[0] for p in poly)))


@cache
def _base() -> Any:
    from pettingzoo.sisl.multiwalker import multiwalker_base

    return multiwalker_base


def contact_detector(world: Any) -> Any:
    """A contact listener for a `MultiWalkerEnv` that has just been reset.

    It notes what the world's own notes, asking once per contact which two bodies touch.
    """
    return _detector_class()(world)


@cache
def _detector_class() -> type:
    base = _base()

    class QuickContacts(base.ContactDetector):
        def __init__(self, env: Any) -> None:
            super().__init__(env)
            self.package = hash(env.package)
            self.hulls = {hash(walker.hull): i for i, walker in enumerate(env.walkers)}
            self.feet = {
                hash(walker.legs[i]): (walker, walker.legs[i])
                for walker in env.walkers
                for i in (1, 3)
            }

        def BeginContact(self, contact: Any) -> None:
            env, hulls, package = self.env, self.hulls, self.package
            one, other = hash(contact.fixtureA.body), hash(contact.fixtureB.body)
            for me, it in ((one, other), (other, one)):
                i = hulls.get(me)
                if i is not None:
                    if it != package and env.walkers[i].hull is not None:
                        env.fallen_walkers[i] = True
                elif me == package and (it not in hulls or env.walkers[hulls[it]].hull is None):
                    env.game_over = True
                elif me in self.feet:
                    walker, foot = self.feet[me]
                    if walker.hull is not None:
                        foot.ground_contact = True

        def EndContact(self, contact: Any) -> None:
            for body in (contact.fixtureA.body, contact.fixtureB.body):
                at = self.feet.get(hash(body))
                if at is not None and at[0].hull is not None:
                    at[1].ground_contact = False

        def PreSolve(self, contact: Any, old: Any) -> None:
            pass

        def PostSolve(self, contact: Any, impulse: Any) -> None:
            pass

    return QuickContacts
