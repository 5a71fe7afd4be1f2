"""A block of copies that play one setting: one batched world, and watched calls into it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch

from daf_nb.envs.batched.protocol import BatchedWorld, Outcome
from daf_nb.envs.settings import Setting, instance_key
from daf_nb.envs.watch import Visit, Watch
from daf_nb.errors import ConfigError, DafError, TaskGenerationError, TrainingEnvironmentError

__all__ = ["Block"]

_KEPT = 4
"""Worlds that a block holds for settings that come again."""


class Block:
    """Some copies, next to each other, in one world.

    Args:
        index: which block.
        part: which copies.
        make: arguments that differ from the world's own -> a world of the block's copies.
        name: what the world is called.
        watch: what the world's code is called through.

    Attributes:
        part: as given.
        world: what is played now; before `begin`, none.
        setting: what is played now.
        upcoming: what is played next.
        seed: what its episodes were begun with.
        lap: how many settings were played before this one.
    """

    world: BatchedWorld

    def __init__(
        self,
        index: int,
        part: slice,
        make: Callable[[Mapping[str, Any]], BatchedWorld],
        *,
        name: str,
        watch: Watch,
    ) -> None:
        self.index, self.part = index, part
        self.setting, self.upcoming = Setting(), Setting()
        self.seed, self.lap = 0, -1
        self._make, self._name, self._watch = make, name, watch
        self._visit = Visit(lambda: f"{self}")
        self._worlds: dict[Hashable, BatchedWorld] = {}

    def __str__(self) -> str:
        last = self.part.stop - 1
        return f"{self._name}, copies {self.part.start} to {last}, {self.setting}"

    @property
    def size(self) -> int:
        """Copies."""
        return self.part.stop - self.part.start

    def seat(self, setting: Setting) -> None:
        """Has the world of a setting ready.

        Raises:
            TaskGenerationError: there is none, for a task.
            ConfigError: there is none, for the world as it is.
        """
        key = instance_key(setting.env_kwargs)
        world = self._worlds.pop(key, None) or self._made(setting)
        while len(self._worlds) >= _KEPT:
            self._worlds.pop(next(iter(self._worlds))).close()
        self._worlds[key] = world  # the newest last
        self.world, self.setting = world, setting

    def _made(self, setting: Setting) -> BatchedWorld:
        try:
            if setting.options or setting.prepare is not None:
                raise ConfigError(
                    "a batched world is told of a task by its env_kwargs alone; it has no reset "
                    "options and no stages."
                )
            return self._make(setting.env_kwargs)
        except Exception as error:
            if not setting.task:
                raise
            raise TaskGenerationError(
                f"task {setting.task!r} cannot be made: {error}", task=setting.task
            ) from error

    def reset(
        self, copies: torch.Tensor | None = None, *, seed: int | None = None
    ) -> Mapping[str, torch.Tensor]:
        """As the world's."""
        if seed is not None:
            self.seed = seed
        return self._call(self.world.reset, copies, seed=seed)

    def step(self, actions: Mapping[str, torch.Tensor]) -> Outcome:
        """As the world's, rewards and ends [copies, agents of the world]."""
        seen, *planes = self._call(self.world.step, actions)
        shape, together = (self.size, len(self.world.agents)), (self.size, 1)
        shapes = [tuple(getattr(plane, "shape", ())) for plane in planes]
        if len(shapes) != 3 or any(its not in (shape, together) for its in shapes):
            raise TrainingEnvironmentError(
                f"{self}: step() gave {shapes} as shapes of rewards, terminated and truncated; "
                f"{shape} is needed, copies first, or {together} where agents end together."
            )
        rewards, terminated, truncated = (plane.expand(shape) for plane in planes)
        return seen, rewards, terminated, truncated

    def _call(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return self._watch.call(self._visit, work, *args, **kwargs)
        except DafError:
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise TrainingEnvironmentError(f"{self} raised {what}", what=what) from error

    def close(self) -> None:
        """Lets go of its worlds."""
        for world in self._worlds.values():
            world.close()
        self._worlds.clear()
