"""A tape: one episode of one copy as data, from which it can be played again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from daf_nb.envs.settings import Setting
from daf_nb.envs.worlds import World

__all__ = ["Tape"]


@dataclass(frozen=True, eq=False)
class Tape:
    """An episode as data: what it was played with, and every action.

    A tape that has been through `to_bytes` holds plain data only. What is none (a callable as the
    world or as a wrapper, a setting's `prepare` other than a stage, objects among the arguments) is
    then named in `missing` and must be given again: the world to `play`, settings to `remade`.

    Attributes:
        world: what to build, before the setting's own arguments; None where nobody said.
        setting: what it was played with, beside the seed. From bytes, its `tag`, if that is a
            dataclass of plain data, is a dict.
        next_setting: what the copy was to play next; None where the episode is finished.
        copy: the copy that played it.
        number: the episode's number within that copy, from 0.
        seed: the seed it was reset with.
        agents: every agent that could have taken part, in the order of columns.
        actions: agent -> [length, *action shape], as the world was given them; for a Discrete, the
            smallest integers that hold them. Zeros where the agent did not act.
        acted: bool [length, agents], who acted in which step.
        digests: uint64 [length + 1], one of the reset and of each step's observations, rewards and
            ends (see `daf_nb.envs.digests`).
        stride: digests are of every so many elements of an observation.
        returns: agent -> sum of its rewards, for the agents that took part.
        finished: the episode has ended; otherwise it was going on after `length` steps.
        missing: what is not on it, by the names of the attributes.
    """

    world: World | None
    setting: Setting
    next_setting: Setting | None
    copy: int
    number: int
    seed: int
    agents: tuple[str, ...]
    actions: Mapping[str, np.ndarray]
    acted: np.ndarray
    digests: np.ndarray
    stride: int
    returns: Mapping[str, float]
    finished: bool
    missing: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """World steps on the tape."""
        return len(self.acted)

    @property
    def agent_steps(self) -> int:
        """Actions on the tape."""
        return int(self.acted.sum())

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays in memory."""
        arrays = (self.acted, self.digests, *self.actions.values())
        return sum(array.nbytes for array in arrays)

    @property
    def task(self) -> str:
        """The task it is credited to; "" for the world as it is."""
        return self.setting.task

    @property
    def mean_return(self) -> float:
        """Return per agent: the mean of the agents' summed rewards."""
        return sum(self.returns.values()) / max(1, len(self.returns))

    @property
    def digest(self) -> str:
        """Of the whole episode: 32 hexadecimal digits, equal where every step's digest is."""
        content = self.digests.astype("<u8").tobytes()
        return hashlib.blake2b(content, digest_size=16).hexdigest()

    def given(self, agent: str) -> list[Any]:
        """An agent's action in each step as the world gets it: a Python number, or an array."""
        actions = self.actions[agent]
        return actions.tolist() if actions.ndim == 1 else list(actions.copy())

    def remade(self, remake: Callable[[Setting], Setting]) -> Tape:
        """This tape with its settings made whole again.

        Args:
            remake: what bytes kept of a setting (task, env_kwargs, options, goal, and the tag as a
                dict) -> the setting.
        """
        upcoming = None if self.next_setting is None else remake(self.next_setting)
        missing = tuple(name for name in self.missing if "setting" not in name.partition(".")[0])
        return replace(self, setting=remake(self.setting), next_setting=upcoming, missing=missing)

    def to_bytes(self) -> bytes:
        """The tape as bytes that hold plain data only, compressed and with a checksum."""
        from daf_nb.envs.tape_bytes import to_bytes

        return to_bytes(self)

    @staticmethod
    def from_bytes(content: bytes) -> Tape:
        """The tape that `to_bytes` was called on; nothing of it is executed, nor any world made.

        Raises:
            ConfigError: these are no tape's bytes, or cut, changed or too many.
        """
        from daf_nb.envs.tape_bytes import from_bytes

        return from_bytes(content)
