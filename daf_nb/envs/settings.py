"""What an episode is played with, beside its seed."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

__all__ = ["Setting", "instance_key"]


@dataclass(frozen=True, eq=False, slots=True)
class Setting:
    """What an episode is played with, beside its seed; equal to itself alone.

    Attributes:
        task: what the episode is credited to; "" for the world as it is.
        env_kwargs: constructor arguments in place of the world's own; settings with equal ones may
            be played on the same instance of the world.
        options: reset options.
        prepare: called with the copy's world before each reset of this setting. What it changes
            stays changed on the instance; where the world can be rebuilt, only settings of its
            family see it.
        goal: float32 [goal_size], appended to every observation; None stands for zeros.
        tag: what the chooser of the setting knows it by; not read here.
        family: equal for settings that prepare alike, each setting all that the others do; None
            where that is so for those with the very same `prepare`.
    """

    task: str = ""
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[ParallelEnv], Any] | None = None
    goal: np.ndarray | None = None
    tag: Any = None
    family: Hashable = None

    @property
    def kin(self) -> Hashable:
        """What settings that may share an instance have in common; None where nothing prepares."""
        if self.family is not None or self.prepare is None:
            return self.family
        return _value_key(self.prepare)

    def __str__(self) -> str:
        return f"task {self.task!r}" if self.task else "the world as it is"


def instance_key(env_kwargs: Mapping[str, Any]) -> Hashable:
    """Equal for arguments that make the same world, in whatever order they stand.

    Hashable values count by type and value (1 and True make different worlds), others by their
    pickle, and what cannot be pickled by its repr.
    """
    return frozenset((name, _value_key(value)) for name, value in env_kwargs.items())


def _value_key(value: Any) -> Hashable:
    if isinstance(value, tuple):
        return tuple, tuple(_value_key(part) for part in value)
    try:
        hash(value)
    except TypeError:
        pass
    else:
        return type(value), value
    try:
        return pickle.dumps(value)
    except Exception:  # whatever an object raises that was not made to be pickled
        return repr(value)
