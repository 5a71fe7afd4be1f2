"""What a user calls a world, as data."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs import World, WorldLike, Wrapper
from daf_nb.errors import ConfigError

__all__ = ["CopyOf", "another_world", "as_world"]


class CopyOf:
    """Makes deep copies of a world that was given as an instance; has the name of its class."""

    def __init__(self, env: ParallelEnv) -> None:
        kind = type(env.unwrapped)
        self.__module__, self.__qualname__ = kind.__module__, kind.__qualname__
        self._env = env

    def __call__(self) -> ParallelEnv:
        return copy.deepcopy(self._env)


def as_world(
    env: World | WorldLike | ParallelEnv,
    env_kwargs: dict[str, Any] | None = None,
    wrappers: tuple[Wrapper, ...] = (),
) -> World:
    """A world as data from whatever a user calls a world; an instance is copied for every copy.

    Raises:
        ConfigError: arguments beside an instance, or an instance that cannot be copied.
    """
    if isinstance(env, World):
        return env
    if not isinstance(env, ParallelEnv):
        return World(env, env_kwargs or {}, wrappers)
    if env_kwargs:
        raise ConfigError("env_kwargs belong to a world's name or factory, not to an instance.")
    try:
        copy.deepcopy(env).close()
    except Exception as error:
        raise ConfigError(
            f"{env} cannot be copied ({error}); give its name or a function that makes it."
        ) from error
    return World(CopyOf(env), {}, wrappers)


def another_world(
    own: World,
    env: World | WorldLike | ParallelEnv | None,
    env_kwargs: Mapping[str, Any] | None,
) -> World:
    """A world beside a trainer's own.

    Args:
        own: whose wrappers it gets, unless it is a `World`, which has its own.
        env: None for the trainer's own.
        env_kwargs: its constructor arguments, or others for the trainer's own.

    Raises:
        ConfigError: as `as_world`.
    """
    base = own if env is None else as_world(env, wrappers=tuple(own.wrappers))
    return World(base.world, {**base.env_kwargs, **(env_kwargs or {})}, base.wrappers)
