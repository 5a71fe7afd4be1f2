"""What multiwalker's walkers sense: joints, contacts, lidar and neighbours, in fewer calls."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

__all__ = ["WalkerViews"]


class WalkerViews:
    """The senses of the walkers of one episode.

    Args:
        world: PettingZoo's `MultiWalkerEnv`, just reset.
    """

    def __init__(self, world: Any) -> None:
        from pettingzoo.sisl.multiwalker import multiwalker_base as base

        self._world, self._drawn = world, world.render_mode is not None
        self._ray = _ray_class()(world.package.fixtures[0].this)
        reach = base.LIDAR_RANGE
        self._ways = [
            (math.sin(1.5 * i / 10.0) * reach, math.cos(1.5 * i / 10.0) * reach) for i in range(10)
        ]
        self._across = base.VIEWPORT_W / base.SCALE
        self._up = base.VIEWPORT_H / base.SCALE
        self._fps, self._hip, self._knee = base.FPS, base.SPEED_HIP, base.SPEED_KNEE

    def look(self) -> tuple[list[np.ndarray], list[float | None], list[float]]:
        """What everybody senses now, with noise on where its neighbours are.

        Returns:
            Observations, float64 [31], zeros for who is gone; the angles of the walkers' hulls,
            None for who is gone; and how far along the ground they are, 0 for who is gone.
        """
        world = self._world
        length, package = world.package_length, world.package
        there = package.position
        px, py, tilt = there.x, there.y, package.angle
        places = [None if walker.hull is None else walker.hull.position for walker in world.walkers]
        ats = [None if place is None else (place.x, place.y) for place in places]
        means: list[float] = []
        scales: list[float] = []
        near, exact = [world.position_noise] * 2, [world.position_noise] * 2 + [world.angle_noise]
        for at, left, right in zip(ats, [None, *ats], [*ats[1:], None], strict=False):
            if at is None:
                continue
            x, y = at
            for its in (left, right):
                if its is not None:
                    means += ((its[0] - x) / length, (its[1] - y) / length)
                    scales += near
            means += ((px - x) / length, (py - y) / length, tilt)
            scales += exact
        noisy = iter(world.np_random.normal(means, scales).tolist())
        seen: list[np.ndarray] = []
        angles: list[float | None] = []
        for walker, place, at, left, right in zip(
            world.walkers, places, ats, [None, *ats], [*ats[1:], None], strict=False
        ):
            if at is None:
                seen.append(np.zeros(31, np.float32))
                angles.append(None)
                continue
            own = self._own(walker, place, at)
            for its in (left, right, at):
                own += (0.0, 0.0) if its is None else (next(noisy), next(noisy))
            own.append(next(noisy))
            seen.append(np.array(own))
            angles.append(own[0])
        return seen, angles, [0.0 if at is None else at[0] for at in ats]

    def _own(self, walker: Any, here: Any, at: tuple[float, float]) -> list[float]:
        hull, legs = walker.hull, walker.legs
        velocity, fps, hip, knee = hull.linearVelocity, self._fps, self._hip, self._knee
        first, second, third, fourth = walker.joints
        return [
            hull.angle,
            2.0 * hull.angularVelocity / fps,
            0.3 * velocity.x * self._across / fps,
            0.3 * velocity.y * self._up / fps,
            first.angle,
            first.speed / hip,
            second.angle + 1.0,
            second.speed / knee,
            1.0 if legs[1].ground_contact else 0.0,
            third.angle,
            third.speed / hip,
            fourth.angle + 1.0,
            fourth.speed / knee,
            1.0 if legs[3].ground_contact else 0.0,
            *self._lidar(walker.lidar, here, at),
        ]

    def _lidar(self, lidar: list[Any], here: Any, at: tuple[float, float]) -> list[float]:
        x, y = at
        ray, cast, fractions = self._ray, self._world.world.RayCast, []
        for its, (right, down) in zip(lidar, self._ways, strict=True):
            end = (x + right, y - down)
            ray.fraction = 1.0
            if self._drawn:
                ray.p2 = end
            cast(ray, here, end)
            its.fraction = fraction = ray.fraction
            fractions.append(fraction)
            if self._drawn:
                its.p1, its.p2 = here, ray.p2
        return fractions


@cache
def _ray_class() -> type:
    from Box2D import b2RayCastCallback

    class Ray(b2RayCastCallback):
        """Looks for the nearest thing that is not the package."""

        def __init__(self, package: Any) -> None:
            super().__init__()
            self.package = package
            self.fraction: float = 1.0
            self.p2: Any = None

        def ReportFixture(self, fixture: Any, point: Any, normal: Any, fraction: float) -> float:
            if fixture.this == self.package:
                return -1
            self.p2 = point
            self.fraction = fraction
            return fraction

    return Ray
