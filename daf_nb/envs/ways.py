"""How a turn-based world's cycles are played: by its own `step`, or by a quicker way.

A way is chosen after every reset, for one episode: what a user changes in a world between episodes
(another class, a method of its own) is in effect in the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from daf_nb.envs.followed import is_followed
from daf_nb.envs.knight_pictures import pictures_kept
from daf_nb.envs.knight_turns import KnightsInTurns
from daf_nb.envs.knights import Knights
from daf_nb.envs.particles import Particles
from daf_nb.envs.pistons import Pistons
from daf_nb.envs.pursuers import Pursuers
from daf_nb.envs.scenes import Scenes
from daf_nb.envs.turns import InTurns
from daf_nb.envs.walker_ground import ground_laid
from daf_nb.envs.walkers import Walkers

__all__ = [
    "KNIGHTS",
    "PARTICLES",
    "PISTONS",
    "PURSUERS",
    "WALKERS",
    "InTurns",
    "Way",
    "resetting",
    "way_of",
]

KNIGHTS = "pettingzoo.butterfly.knights_archers_zombies.knights_archers_zombies.raw_env"
PARTICLES = "mpe2._mpe_utils.simple_env.SimpleEnv"
PISTONS = "pettingzoo.butterfly.pistonball.pistonball.raw_env"
PURSUERS = "pettingzoo.sisl.pursuit.pursuit.raw_env"
WALKERS = "pettingzoo.sisl.multiwalker.multiwalker.raw_env"


class Way(Protocol):
    """Plays one episode, from behind its reset."""

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        """Every live agent acts; returns agent -> reward, summed over the turns."""
        ...

    def observe(self) -> dict[str, Any]:
        """Agent -> what it sees now."""
        ...


_QUICK: dict[str, tuple[Any, ...]] = {
    PARTICLES: (Scenes, Particles),
    KNIGHTS: (Knights, KnightsInTurns),
    WALKERS: (Walkers,),
    PISTONS: (Pistons,),
    PURSUERS: (Pursuers,),
}


def way_of(raw: Any, definer: str) -> Way:
    """The quickest way that gives what the world's own gives.

    Args:
        raw: the innermost world, just reset.
        definer: the full name of the class that defines its `step`.
    """
    for quick in _QUICK.get(definer, ()):
        if quick.fits(raw):
            return quick(raw)
    return InTurns(raw)


def resetting(raw: Any, definer: str) -> AbstractContextManager[None]:
    """What a world is reset in: where something can be spared it that changes nothing.

    Args:
        raw: the innermost world.
        definer: the full name of the class that defines its `step`.
    """
    if definer == KNIGHTS and is_followed("knights"):
        return pictures_kept()
    if definer == WALKERS:
        return ground_laid(raw.env)
    return nullcontext()
