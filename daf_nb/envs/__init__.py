"""Worlds: make, check, and step many copies of them.

What needs SB3 or torch loads on first use: worker processes step worlds without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from daf_nb.envs.arrays import Arrays, Episode, RowEnd
from daf_nb.envs.batched.protocol import BatchedWorld
from daf_nb.envs.copies import Copies
from daf_nb.envs.describe import EnvDescription, describe_env, make_env, preflight
from daf_nb.envs.drivers import DirectWorld, drive
from daf_nb.envs.failing import Drop
from daf_nb.envs.hangs import Hang
from daf_nb.envs.layout import Layout, merge_layouts
from daf_nb.envs.playing import Step, play
from daf_nb.envs.seeds import MAX_SEED, EpisodeSeeds, fresh_seed
from daf_nb.envs.settings import Setting
from daf_nb.envs.spaces import AgentSpaces, agent_spaces, equal_spaces
from daf_nb.envs.stages import set_stage
from daf_nb.envs.tape import Tape
from daf_nb.envs.watch import Watch
from daf_nb.envs.worlds import (
    World,
    WorldLike,
    Wrapper,
    close_world,
    is_known_world,
    known_wrappers,
)

if TYPE_CHECKING:
    from daf_nb.envs.batched.copies import BatchedCopies
    from daf_nb.envs.vec_env import AgentVecEnv, GroupVecEnv

__all__ = [
    "MAX_SEED",
    "AgentSpaces",
    "AgentVecEnv",
    "Arrays",
    "BatchedCopies",
    "BatchedWorld",
    "Copies",
    "DirectWorld",
    "Drop",
    "EnvDescription",
    "Episode",
    "EpisodeSeeds",
    "GroupVecEnv",
    "Hang",
    "Layout",
    "RowEnd",
    "Setting",
    "Step",
    "Tape",
    "Watch",
    "World",
    "WorldLike",
    "Wrapper",
    "agent_spaces",
    "close_world",
    "describe_env",
    "drive",
    "equal_spaces",
    "fresh_seed",
    "is_known_world",
    "known_wrappers",
    "make_env",
    "merge_layouts",
    "play",
    "preflight",
    "set_stage",
]

_HEAVY = {
    "AgentVecEnv": "daf_nb.envs.vec_env",
    "BatchedCopies": "daf_nb.envs.batched.copies",
    "GroupVecEnv": "daf_nb.envs.vec_env",
}


def __getattr__(name: str) -> Any:
    if name in _HEAVY:
        return getattr(import_module(_HEAVY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
