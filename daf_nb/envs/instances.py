"""Every instance of the world behind the copies: made, told apart, and closed in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.arrays import Arrays
from daf_nb.envs.layout import Layout
from daf_nb.envs.pool import Pool
from daf_nb.envs.seat import Seat
from daf_nb.envs.settings import Setting
from daf_nb.envs.worlds import as_parallel, close_world
from daf_nb.errors import ConfigError

__all__ = ["Instances"]


class Instances:
    """Each copy's own world, and the worlds rebuilt for its tasks.

    Args:
        factory: returns a fresh world at each call.
        rebuild: constructor arguments to change -> a fresh world; None where that cannot be.
        num_envs: copies.

    Attributes:
        own: per copy, the world that the factory made for it.

    Raises:
        ConfigError: the factory gave one instance twice.
    """

    def __init__(
        self,
        factory: Callable[[], ParallelEnv],
        rebuild: Callable[[Mapping[str, Any]], ParallelEnv] | None,
        *,
        num_envs: int,
    ) -> None:
        self.own: list[ParallelEnv] = []
        self._rebuild = rebuild
        self._pools: list[Pool] = []
        try:
            for _ in range(num_envs):
                self.own.append(as_parallel(factory(), "the factory"))
            if len({id(env) for env in self.own}) < num_envs:
                raise ConfigError(
                    "the factory gave the same instance twice; it must make a new world at each "
                    "call."
                )
        except BaseException:
            self.close()
            raise

    def place(self, arrays: Arrays, layout: Layout, *, exact: bool) -> None:
        """Says where the worlds write and what they must fit, with `exact`, without padding."""
        make = None if self._rebuild is None else self._make
        self._pools = [
            Pool(copy, env, arrays, layout=layout, exact=exact, make=make)
            for copy, env in enumerate(self.own)
        ]

    def ready(self, copy: int, setting: Setting) -> Seat:
        """The seat of a copy's instance for `setting`, prepared for a reset.

        Raises:
            TaskGenerationError: the instance could not be made or prepared, or does not fit.
        """
        return self._pools[copy].ready(setting)

    def refuse_rebuilding(self, setting: Setting) -> None:
        """Stops at a setting that changes arguments, where there is nothing to rebuild with.

        Raises:
            ConfigError: it does.
        """
        if setting.env_kwargs and self._rebuild is None:
            raise ConfigError(
                f"{setting} changes env_kwargs {dict(setting.env_kwargs)!r}, but nothing was given "
                "to rebuild the world with. Name the world or pass its class, not an instance."
            )

    def close(self) -> None:
        """Closes every world; one that raises there is told of, and the others still close."""
        for copy, env in enumerate(self.own):
            close_world(env, f"copy {copy}")
        for pool in self._pools:
            pool.close()

    def _make(self, env_kwargs: Mapping[str, Any]) -> ParallelEnv:
        assert self._rebuild is not None, "refuse_rebuilding comes first"
        env = as_parallel(self._rebuild(env_kwargs), "rebuild")
        known = [*self.own, *(env for pool in self._pools for env in pool.rebuilt)]
        if any(env is other for other in known):
            raise ConfigError(
                "rebuild gave the same instance twice; it must make a new world at each call."
            )
        return env
