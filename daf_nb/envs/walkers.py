"""Multiwalker's motors set by a few array operations instead of dozens on single numbers.

The walkers spend a tenth of a step in `apply_action`, in numpy calls on scalars. The same products
are rounded to float32 here too, hence the same bits; the tests compare whole episodes.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

__all__ = ["quicken_walkers"]


def quicken_walkers(world: Any) -> None:
    """Gives the world's walkers the quick `apply_action`; they are new after every reset.

    Args:
        world: PettingZoo's `MultiWalkerEnv`; walkers of other classes are left alone.
    """
    from pettingzoo.sisl.multiwalker import multiwalker_base as base

    speeds = np.array([base.SPEED_HIP, base.SPEED_KNEE] * 2, np.float32)
    torque = np.float32(base.MOTORS_TORQUE)
    for walker in world.walkers:
        if type(walker).apply_action is base.BipedalWalker.apply_action:
            walker.apply_action = partial(_apply_action, walker, speeds, torque)


def _apply_action(walker: Any, speeds: np.ndarray, torque: np.float32, action: np.ndarray) -> None:
    turning = (speeds * np.sign(action)).tolist()
    pulling = (torque * np.minimum(np.abs(action), np.float32(1))).tolist()
    for joint, speed, force in zip(walker.joints, turning, pulling, strict=True):
        joint.motorSpeed = speed
        joint.maxMotorTorque = force
