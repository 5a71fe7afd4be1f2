"""Multiwalker's motors set by a few array operations instead of dozens on single numbers.

The walkers spend a tenth of a step in `apply_action`, in numpy calls on scalars. The same products
are rounded to float32 here too, hence the same bits; the tests compare whole episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

__all__ = ["quicken_walkers", "walk"]


def quicken_walkers(world: Any) -> None:
    """Gives the world's walkers the quick `apply_action`; they are new after every reset.

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

    class QuickWalker(base.BipedalWalker):
        def apply_action(self, action: np.ndarray) -> None:
            turning = (speeds * np.sign(action)).tolist()
            pulling = (torque * np.minimum(np.abs(action), most)).tolist()
            for joint, speed, force in zip(self.joints, turning, pulling, strict=True):
                joint.motorSpeed = speed
                joint.maxMotorTorque = force

    return base.BipedalWalker, QuickWalker
