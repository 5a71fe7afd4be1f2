"""Every instance of the world behind the copies: made, told apart, and closed in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.arrays import Arrays
from daf_nb.envs.failing import WORLDS_OWN, failure
from daf_nb.envs.layout import Layout
from daf_nb.envs.pool import Pool
from daf_nb.envs.seat import Seat
from daf_nb.envs.settings import Setting
from daf_nb.envs.watch import Visit, Watch, WorldTimeout
from daf_nb.envs.worlds import as_parallel, close_world
from daf_nb.errors import ConfigError

__all__ = ["Instances", "refuse_rebuilding"]


class Instances:
    """Each copy's own world, and the worlds rebuilt for its tasks.

    Args:
        factory: returns a fresh world at each call.
        rebuild: constructor arguments to change -> a fresh world; None where that cannot be.
        copies: whose.
        watch: what the worlds' code is called through, once they are played.

    Attributes:
        own: copy -> the world that the factory made for it.

    Raises:
        ConfigError: the factory gave one instance twice.
    """

    def __init__(
        self,
        factory: Callable[[], ParallelEnv],
        rebuild: Callable[[Mapping[str, Any]], ParallelEnv] | None,
        *,
        copies: range,
        watch: Watch,
    ) -> None:
        self.own: dict[int, ParallelEnv] = {}
        self._factory, self._watch = factory, watch
        self._rebuild = rebuild
        self._pools: dict[int, Pool] = {}
        self._closed: set[int] = set()
        try:
            for copy in copies:
                self.own[copy] = as_parallel(factory(), "the factory")
            if len({id(env) for env in self.own.values()}) < len(copies):
                raise ConfigError(
                    "the factory gave the same instance twice; it must make a new world at each "
                    "call."
                )
        except BaseException:
            self.close()
            raise

    def place(self, arrays: Arrays, layout: Layout, *, exact: bool) -> None:
        """Says where the worlds write and what they must fit, with `exact`, without padding."""
        self._place = partial(
            Pool,
            arrays=arrays,
            layout=layout,
            exact=exact,
            make=None if self._rebuild is None else self._make,
            watch=self._watch,
        )
        self._pools = {copy: self._place(copy, env) for copy, env in self.own.items()}

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
        refuse_rebuilding(setting, possible=self._rebuild is not None)

    def renew(self, copy: int) -> None:
        """Closes all of a copy's instances, of which one is broken, and makes its own anew.

        One that does not let itself be closed is left behind.

        Raises:
            TrainingEnvironmentError: none can be made.
        """
        doing = f"copy {copy}, the end of a world that failed"
        visit = Visit(lambda: doing)
        with suppress(WorldTimeout):
            self._watch.call(visit, self._close, copy)
        doing = f"copy {copy}, the making of a world in place of one that failed"
        try:
            env = self._watch.call(visit, self._factory)
        except WORLDS_OWN as error:
            raise failure(doing, error) from error
        self.own[copy] = self._fresh(as_parallel(env, "the factory"), "the factory")
        self._closed.discard(copy)
        self._pools[copy] = self._place(copy, self.own[copy])

    def close(self) -> None:
        """Closes every world; one that raises there is told of, and the others still close."""
        for copy in self.own:
            self._close(copy)

    def _close(self, copy: int) -> None:
        if copy not in self._closed:
            self._closed.add(copy)
            close_world(self.own[copy], f"copy {copy}")
        if copy in self._pools:
            self._pools[copy].close()

    def _make(self, env_kwargs: Mapping[str, Any]) -> ParallelEnv:
        assert self._rebuild is not None, "refuse_rebuilding comes first"
        return self._fresh(as_parallel(self._rebuild(env_kwargs), "rebuild"), "rebuild")

    def _fresh(self, env: ParallelEnv, maker: str) -> ParallelEnv:
        rebuilt = [env for pool in self._pools.values() for env in pool.rebuilt]
        known = [*self.own.values(), *rebuilt]
        if any(env is other for other in known):
            raise ConfigError(
                f"{maker} gave the same instance twice; it must make a new world at each call."
            )
        return env


def refuse_rebuilding(setting: Setting, *, possible: bool) -> None:
    """Stops at a setting that changes arguments, where that is not possible.

    Raises:
        ConfigError: it does.
    """
    if setting.env_kwargs and not possible:
        raise ConfigError(
            f"{setting} changes env_kwargs {dict(setting.env_kwargs)!r}, but nothing was given "
            "to rebuild the world with. Name the world or pass its class, not an instance."
        )
