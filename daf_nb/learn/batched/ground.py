"""A playground whose copies are batched: begun in blocks, left and taken up as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.config import RlConfig
from daf_nb.envs import BatchedCopies, Copies, Layout, Tape, Watch, World
from daf_nb.errors import ConfigError
from daf_nb.learn.batched.buffer import DeviceBuffer
from daf_nb.learn.batched.collect import BatchedCollector
from daf_nb.learn.collect import Collector
from daf_nb.learn.course import Course, PlainCourse
from daf_nb.learn.playground import Episodes, Playground
from daf_nb.learn.timing import choose_device

__all__ = ["BatchedGround", "begin_batched"]

_BLOCKS = 8
"""Blocks that the copies are cut into where tasks are played."""


def begin_batched(copies: BatchedCopies, course: Course, *, blocks: int = _BLOCKS) -> None:
    """Starts an episode of every copy; where the course has tasks, block by block."""
    course.forget()
    blocked = None if isinstance(course, PlainCourse) else blocks
    copies.begin(course.next, blocks=blocked, refused=course.failed)


class BatchedGround(Playground):
    """As its base, for a world that steps all copies as tensors.

    Args:
        config, world, groups, layout, course: as its base's.

    Raises:
        ConfigError: the config asks for what only worlds that are stepped copy by copy have.
    """

    buffer = DeviceBuffer

    def __init__(
        self,
        config: RlConfig,
        world: World,
        *,
        groups: Mapping[str, Sequence[str]],
        layout: Layout,
        course: Course,
    ) -> None:
        _refuse(config, world, layout)
        super().__init__(config, world, groups=groups, layout=layout, course=course)

    def _device_of(self, config: RlConfig) -> str:
        """The one asked for; "auto" is a GPU where there is one, as the world gains most by it."""
        device = config.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return str(choose_device(device, _never))

    def collector_of(
        self, models: Mapping[str, OnPolicyAlgorithm], generator: torch.Generator
    ) -> Collector:
        collector = BatchedCollector(self._batched, models, generator, self.course)
        return cast(Collector, collector)  # it collects alike

    def copies_of(
        self,
        world: World,
        *,
        num_envs: int,
        seed: int,
        held_out: bool = False,
        watch: Watch | None = None,
        num_workers: int = 0,
    ) -> Copies:
        if not world.is_batched:
            raise ConfigError(
                f"{world.name} is stepped copy by copy; this trainer's world is a batched one, and "
                "its policies visit such worlds only."
            )
        copies = BatchedCopies(
            world,
            groups=self._groups,
            layout=self._layout,
            num_envs=num_envs,
            seed=seed,
            device=torch.device(self.device),
            held_out=held_out,
            watch=watch or self.watch,
        )
        return cast(Copies, copies)  # as far as a playground, a model and an evaluation ask

    def _begin(self) -> None:
        begin_batched(self._batched, self.course)

    @property
    def _batched(self) -> BatchedCopies:
        return cast(BatchedCopies, self.copies)

    def tapes(self, tensors: dict[str, torch.Tensor]) -> Sequence[Tape]:
        for name, one in self._batched.tensors().items():
            tensors[f"{self.TENSORS}{name}"] = one
        return ()

    def standing(self) -> dict[str, Any]:
        if self._left is not None:
            return dict(self._left[0])
        standing = {
            "run_seed": self._seed,
            "seed": self.copies.seed,
            "visits": self._visits,
            "iterations": self.rollouts,
        }
        return {**standing, "copies": self._batched.standing()} if self.playing else standing

    def stand(
        self,
        standing: Mapping[str, Any],
        episodes: Episodes | None,
    ) -> None:
        self._visits, self.rollouts = standing["visits"], standing["iterations"]
        if episodes is None:
            self.close()
            return
        if (seed := standing["run_seed"]) != self._seed:
            raise ConfigError(f"the state is one of seed {seed}; this trainer has {self._seed}.")
        assert isinstance(episodes, Mapping), "a state of batched copies"
        course = self.course
        self.copies.reseed(standing["seed"])
        self._batched.restore(
            standing["copies"],
            episodes,
            course.next,
            remade=course.remade,
            refused=course.failed,
        )
        self._collector = self.collecting()


def _never(device: torch.device) -> Any:
    raise AssertionError("a device that is named needs no timing")


def _refuse(config: RlConfig, world: World, layout: Layout) -> None:
    """Stops at what batched worlds have not."""
    for asked, why in (
        (config.num_workers, "all its copies are stepped at once in this process; use 0 workers"),
        (config.algorithm == "MaskablePPO", "it has no action masks; use PPO"),
        (config.algorithm == "A2C", "A2C's own update reads rollouts on the host; use PPO"),
        (layout.padded_actions, "it has no action masks, so that tasks must have equal actions"),
        (
            config.on_failure == "drop",
            "no single copy can be dropped where all are one; use on_failure='stop'",
        ),
    ):
        if asked:
            raise ConfigError(f"{world.name} is a batched world: {why}.")
