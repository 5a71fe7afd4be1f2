"""What a film is of: an episode that is there or is to be played, and whose opinion is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daf_nb.envs import Tape, World, WorldLike

if TYPE_CHECKING:
    from daf_nb.learn.players import Players

__all__ = ["Take"]


@dataclass(frozen=True, eq=False)
class Take:
    """An episode and how it is told of.

    Attributes:
        title: whose it is.
        played: how it came about.
        judged: whose values are shown, or why there are none; "" where that need not be said.
        make: gives the tape; asks at every step whether it shall go on.
        world: what to build in place of what the tape says; see `play`.
        players: whose opinion is asked at every step; None for nobody's.
    """

    title: str
    played: str
    judged: str
    make: Callable[[Callable[[], bool]], Tape]
    world: World | WorldLike | None = None
    players: Players | None = None
