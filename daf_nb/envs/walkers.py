"""Multiwalker's walkers with less calling: motors set by arrays, the lidar's directions known.

A walker spends much of its step in numpy calls on single numbers and in asking Box2D for the same
vector again. The arithmetic here is its own, float32 where its is, hence the same bits; the tests
compare whole episodes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from daf_nb.envs.turns import observed

__all__ = ["Walkers"]


class Walkers:
    """One episode of multiwalker.

    Args:
        raw: multiwalker's innermost world, just reset; see `fits`.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        quicken_walkers(raw.env)

    @staticmethod
    def fits(raw: Any) -> bool:
        """Whether this world, just reset, does nothing but what is followed here."""
        return raw.render_mode != "human"

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        return walk(self._raw, actions)

    def observe(self) -> dict[str, Any]:
        """Agent -> what it sees now."""
        return observed(self._raw)


def quicken_walkers(world: Any) -> None:
    """Gives the world's walkers the quick methods; they are new after every reset.

    Args:
        world: PettingZoo's `MultiWalkerEnv`; walkers of other classes are left alone.
    """
    stock, quick = _walker_classes()
    for walker in world.walkers:
        if type(walker) is stock:
            walker.__class__ = quick


def walk(raw: Any, actions: Sequence[Any]) -> dict[str, float]:
    """One cycle of multiwalker: all but the last agent only set their motors.

    For them, `raw_env.step` does nothing else that anybody reads: it clears the rewards and counts.

    Args:
        raw: multiwalker's innermost world.
        actions: one per agent, in order.

    Returns:
        agent -> reward.
    """
    *first, last = actions
    for agent, action in zip(raw.agents, first, strict=False):
        raw.env.step(np.asarray(action, np.float32), raw.agent_name_mapping[agent], False)
        raw.agent_selection = raw._agent_selector.next()
    raw.steps += len(first)
    raw.step(last)
    return dict(raw.rewards)


@cache
def _walker_classes() -> tuple[type, type]:
    from pettingzoo.sisl.multiwalker import multiwalker_base as base

    speeds = np.array([base.SPEED_HIP, base.SPEED_KNEE] * 2, np.float32)
    torque, most = np.float32(base.MOTORS_TORQUE), np.float32(1)
    reach = base.LIDAR_RANGE
    rays = [(math.sin(1.5 * i / 10.0) * reach, math.cos(1.5 * i / 10.0) * reach) for i in range(10)]

    class QuickWalker(base.BipedalWalker):
        def apply_action(self, action: np.ndarray) -> None:
            turning = (speeds * np.sign(action)).tolist()
            pulling = (torque * np.minimum(np.abs(action), most)).tolist()
            for joint, speed, force in zip(self.joints, turning, pulling, strict=True):
                joint.motorSpeed = speed
                joint.maxMotorTorque = force

        def get_observation(self) -> list[float]:
            hull: Any = self.hull
            joints, legs = self.joints, self.legs
            here, velocity = hull.position, hull.linearVelocity
            x, y = here
            for ray, (right, down) in zip(self.lidar, rays, strict=True):
                ray.fraction, ray.p1, ray.p2 = 1.0, here, (x + right, y - down)
                self.world.RayCast(ray, here, ray.p2)
            first, second, third, fourth = joints
            return [
                hull.angle,
                2.0 * hull.angularVelocity / base.FPS,
                0.3 * velocity.x * (base.VIEWPORT_W / base.SCALE) / base.FPS,
                0.3 * velocity.y * (base.VIEWPORT_H / base.SCALE) / base.FPS,
                first.angle,
                first.speed / base.SPEED_HIP,
                second.angle + 1.0,
                second.speed / base.SPEED_KNEE,
                1.0 if legs[1].ground_contact else 0.0,
                third.angle,
                third.speed / base.SPEED_HIP,
                fourth.angle + 1.0,
                fourth.speed / base.SPEED_KNEE,
                1.0 if legs[3].ground_contact else 0.0,
                *(ray.fraction for ray in self.lidar),
            ]

    return base.BipedalWalker, QuickWalker
