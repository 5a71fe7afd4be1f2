"""Worlds whose reset forgets something: put right, so that an episode follows from its seed."""

from __future__ import annotations

from functools import partial
from typing import Any

__all__ = ["remedy"]


def remedy(env: Any) -> None:
    """Makes a world's reset start everything over, where it is known not to.

    In PettingZoo 1.27, knights, archers and zombies counts the steps to the next zombie on from
    episode to episode. So an episode depends on those that its instance has played before; a tape
    of it could not be played again, nor a run be resumed.

    Args:
        env: a world of PettingZoo's, wrapped or not; any other is left alone.
    """
    world = getattr(env, "unwrapped", env)
    interval = getattr(world, "zombie_spawn_interval", None)
    if hasattr(interval, "reset") and hasattr(world, "reinit") and "reinit" not in vars(world):
        world.reinit = partial(_started_over, world)


def _started_over(world: Any) -> None:
    type(world).reinit(world)
    world.zombie_spawn_interval.reset()
    world.kill_list.clear()
