"""The instances of the world that one copy plays on: its own, and those rebuilt for its tasks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.arrays import Arrays
from daf_nb.envs.failing import WORLDS_OWN, trimmed
from daf_nb.envs.layout import Layout, misfit
from daf_nb.envs.seat import Seat
from daf_nb.envs.settings import Setting, instance_key
from daf_nb.envs.spaces import agent_spaces
from daf_nb.envs.watch import Visit, Watch
from daf_nb.envs.worlds import close_world
from daf_nb.errors import TaskGenerationError

__all__ = ["KEPT", "Pool"]

KEPT = 4
"""How many rebuilt instances a copy keeps for later episodes."""

_NOBODY = object()


class Pool:
    """Finds the instance for a setting, or makes it; closes those that it made.

    Settings of different families do not share an instance: what one prepared would follow the
    other.

    Args:
        copy: whose instances they are.
        env: the copy's own instance, for settings that change no argument; not closed here.
        arrays: where the instances write.
        layout: what they must fit.
        exact: nothing may be padded.
        make: arguments to change -> a new instance; None where none can be made, and every setting
            is played on the copy's own.
        watch: what the worlds' code is called through.
    """

    def __init__(
        self,
        copy: int,
        env: ParallelEnv,
        arrays: Arrays,
        *,
        layout: Layout,
        exact: bool,
        make: Callable[[Mapping[str, Any]], ParallelEnv] | None,
        watch: Watch,
    ) -> None:
        self._call, self._visit = watch.call, Visit(lambda: self._doing)
        self._doing = ""
        self._copy, self._env, self._arrays = copy, env, arrays
        self._layout, self._exact, self._make = layout, exact, make
        self._own_kin: Hashable = _NOBODY
        # At once: many worlds hold less memory when they are driven, and this is before its peak.
        try:
            self._own: Seat | None = self._mounted(env, Setting())
        except TaskGenerationError:
            self._own = None  # said when it is to be played, if ever
        # Least recently used first. The arguments are held as the key may be their address.
        self._rebuilt: dict[Hashable, tuple[Seat, Mapping[str, Any]]] = {}

    @property
    def rebuilt(self) -> list[ParallelEnv]:
        """The instances that were made here and are still open."""
        return [seat.env for seat, _ in self._rebuilt.values()]

    def ready(self, setting: Setting) -> Seat:
        """The seat of the instance for `setting`, prepared for a reset.

        Raises:
            TaskGenerationError: the instance could not be made or prepared, or does not fit.
        """
        seat = self._instance(setting)
        if setting.prepare is not None:
            self._doing = f"copy {self._copy}, the preparation of {setting}"
            try:
                self._call(self._visit, setting.prepare, seat.env)
            except WORLDS_OWN as error:
                trimmed(error)
                raise TaskGenerationError(
                    f"{setting} could not be prepared in copy {self._copy}: "
                    f"{type(error).__name__}: {error}",
                    task=setting.task,
                ) from error
        return seat

    def close(self) -> None:
        """Closes the rebuilt instances."""
        while self._rebuilt:
            self._evict()

    def _instance(self, setting: Setting) -> Seat:
        if self._make is not None and setting.env_kwargs:
            return self._rebuilt_for(setting, self._make)
        if self._own is None:
            self._own = self._mounted(self._env, setting)
        if self._own_kin is _NOBODY:
            self._own_kin = setting.kin
        if self._make is not None and setting.kin != self._own_kin:
            return self._rebuilt_for(setting, self._make)
        return self._own

    def _rebuilt_for(
        self, setting: Setting, make: Callable[[Mapping[str, Any]], ParallelEnv]
    ) -> Seat:
        key = instance_key(setting.env_kwargs), setting.kin
        if key in self._rebuilt:
            entry = self._rebuilt.pop(key)
        else:
            self._doing = f"copy {self._copy}, the making of a world for {setting}"
            try:
                env = self._call(self._visit, make, setting.env_kwargs)
            except WORLDS_OWN as error:
                raise self._unmade(setting, error) from error
            try:
                entry = self._mounted(env, setting), setting.env_kwargs
            except BaseException:
                close_world(env, f"copy {self._copy}")
                raise
            if len(self._rebuilt) == KEPT:
                self._evict()
        self._rebuilt[key] = entry
        return entry[0]

    def _mounted(self, env: ParallelEnv, setting: Setting) -> Seat:
        layout = self._layout
        try:
            own = agent_spaces(env)
            if wrong := misfit(layout, own, exact=self._exact):
                raise TaskGenerationError(
                    f"{setting}, env_kwargs {dict(setting.env_kwargs)!r}, does not fit what the "
                    f"policies see, in copy {self._copy}: {wrong}.",
                    task=setting.task,
                )
            return Seat(self._copy, env, self._arrays, own=own, goal_size=layout.goal_size)
        except TaskGenerationError:
            raise
        except Exception as error:
            raise self._unmade(setting, error) from error

    def _unmade(self, setting: Setting, error: BaseException) -> TaskGenerationError:
        trimmed(error)
        return TaskGenerationError(
            f"{setting} could not be made with env_kwargs {dict(setting.env_kwargs)!r} in copy "
            f"{self._copy}: {type(error).__name__}: {error}",
            task=setting.task,
        )

    def _evict(self) -> None:
        seat, _ = self._rebuilt.pop(next(iter(self._rebuilt)))
        close_world(seat.env, f"copy {self._copy}")
