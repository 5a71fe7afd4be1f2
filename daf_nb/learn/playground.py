"""Where a learner's episodes are played: its copies, made, left, and put back where they stood."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.config import RlConfig
from daf_nb.envs import Copies, Layout, Watch, World
from daf_nb.envs.tape import Tape
from daf_nb.errors import ConfigError
from daf_nb.learn.buffer import AgentRolloutBuffer
from daf_nb.learn.collect import Collector
from daf_nb.learn.course import Course, begin, follow
from daf_nb.learn.endings import Endings

__all__ = ["Episodes", "Playground"]

Episodes = Sequence[Tape] | Mapping[str, torch.Tensor]
"""Episodes in progress: a tape of each copy; or of batched copies, name -> tensor."""


class Playground:
    """The copies that one learner plays in, and what they play.

    Args:
        config: copies, seed, and what follows where a world fails.
        world: what the copies are of.
        groups: group -> its agents.
        layout: the agents and spaces to learn for.
        course: what the copies play, and where outcomes go.

    Attributes:
        copies: the world's copies.
        course: as given.
        collecting: makes what collects rollouts in the copies; to be set before any is.
        endings: tells of the episodes that end, with their tapes.
        watch: what the worlds' code is called through, in the thread that trains.
        rollouts: so many were collected.
        away: another world or course is played now.
        buffer: the kind of buffer that rollouts are collected into.
        device: where policies are to be, or "auto".
    """

    TENSORS = "copies/"
    """How the names of tensors begin that are of copies in the middle of episodes."""
    buffer: type[AgentRolloutBuffer] = AgentRolloutBuffer

    def __init__(
        self,
        config: RlConfig,
        world: World,
        *,
        groups: Mapping[str, Sequence[str]],
        layout: Layout,
        course: Course,
    ) -> None:
        assert config.seed is not None, "the trainer draws a seed where none was given"
        self.course, self.endings, self.watch = course, Endings(), Watch(config.step_deadline)
        self.collecting: Callable[[], Collector]
        self.rollouts, self.away = 0, False
        self.device = self._device_of(config)
        self._drop = config.on_failure == "drop"
        self._world, self._groups, self._layout = world, groups, layout
        self._seed, self._visits = config.seed, 0
        self._collector: Collector | None = None
        self._left: tuple[Mapping[str, Any], Episodes, bool] | None = None
        copies, workers = config.num_envs, config.num_workers
        assert copies != "auto", "settled_numbers comes first"
        assert workers != "auto", "settled_numbers comes first"
        self._workers: int = workers
        self.copies = self.copies_of(
            world, num_envs=copies, seed=config.seed, num_workers=self._workers
        )

    @contextmanager
    def entered(self) -> Iterator[Collector]:
        """What collects the next rollout, once the copies are in the middle of episodes.

        After a world that raised they begin others.
        """
        if self._left is not None:
            self._come_back(*self._left)
        if self.copies.closed:
            self.copies, self._collector = self._fresh_copies(self._world), None
        if self._collector is None:
            self._begin()
            self._collector = self.collecting()
        collector, self._collector = self._collector, None
        yield collector
        self._collector = collector

    def _device_of(self, config: RlConfig) -> str:
        return config.device

    def collector_of(
        self, models: Mapping[str, OnPolicyAlgorithm], generator: torch.Generator
    ) -> Collector:
        """What collects rollouts in the copies of now."""
        return Collector(self.copies, models, generator, self.course, self.endings)

    def _begin(self) -> None:
        """Begins episodes in all copies."""
        begin(self.copies, self.course, drop=self._drop)

    def tapes(self, tensors: dict[str, torch.Tensor]) -> Sequence[Tape]:
        """Of the episodes in progress; or they are put among `tensors`, where they are such."""
        return self.copies.tapes()

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
        """Copies of a world in the learner's layout, for the thread that `watch` watches.

        By default that is the one that trains.
        """
        return Copies(
            world.build,
            groups=self._groups,
            num_envs=num_envs,
            num_workers=num_workers,
            seed=seed,
            held_out=held_out,
            layout=self._layout,
            world=world,
            rebuild=lambda env_kwargs: world.changed(env_kwargs).build(),
            watch=watch or self.watch,
        )

    @contextmanager
    def elsewhere(self, world: World, course: Course) -> Iterator[None]:
        """Plays another world or course, on seeds of its own; then comes back."""
        copies = self._fresh_copies(world)
        home = self.copies, self.course
        self.away = True
        try:
            self.copies, self.course, self._collector = copies, course, None
            yield
        finally:
            self.away = False
            (self.copies, self.course), self._collector = home, None
            copies.close()

    @property
    def playing(self) -> bool:
        """The copies are in the middle of episodes of its own world and course."""
        return self._collector is not None and self.copies.playing and not self.away

    def standing(self) -> dict[str, Any]:
        """What the next episodes and log lines depend on, beside models, course and noise."""
        if self._left is not None:
            return dict(self._left[0])  # the copies stand elsewhere as yet
        return {
            "run_seed": self._seed,
            "seed": self.copies.seed,
            "visits": self._visits,
            "iterations": self.rollouts,
            "in_a_row": list(self.copies.starts.in_a_row),
        }

    def stand(self, standing: Mapping[str, Any], episodes: Episodes | None) -> None:
        """Goes on from where `standing` was taken.

        Args:
            standing: what it gave.
            episodes: those then in progress; None begins others, on seeds of their own.

        Raises:
            ConfigError: the tapes are not for these copies.
            TrainingEnvironmentError: an episode went another way than on its tape.
        """
        self._visits, self.rollouts = standing["visits"], standing["iterations"]
        if episodes is None:
            self.close()
            return
        if (seed := standing["run_seed"]) != self._seed:
            raise ConfigError(f"the state is one of seed {seed}; this trainer has {self._seed}.")
        self.copies.reseed(standing["seed"])
        follow(self.copies, self.course, drop=self._drop)
        assert not isinstance(episodes, Mapping), "a state of copies that leave tapes"
        with self.watch.on():
            self.copies.restore(tape.remade(self.course.remade) for tape in episodes)
        self.copies.starts.in_a_row[:] = standing.get("in_a_row", self.copies.starts.in_a_row)
        self._collector = self.collecting()

    def stand_later(self, standing: Mapping[str, Any], episodes: Episodes, *, closed: bool) -> None:
        """As `stand`, when the next cycle begins.

        Args:
            standing: what `standing` gave.
            episodes: those then in progress; nothing where none had begun.
            closed: the copies were closed then.
        """
        self._left, self._collector = (standing, episodes, closed), None
        self._visits, self.rollouts = standing["visits"], standing["iterations"]

    def _come_back(self, standing: Mapping[str, Any], episodes: Episodes, closed: bool) -> None:
        self._left = None
        if self.copies.closed or closed:
            self.close()
            self.copies = self._fresh_copies(self._world)
        if episodes:
            self.stand(standing, episodes)
        elif not closed:
            self._visits = standing["visits"]
            self.copies.reseed(standing["seed"])

    def close(self) -> None:
        """Closes the copies; the next cycle makes new ones, which play other episodes."""
        self.copies.close()

    def leave_behind(self) -> None:
        """A world hangs for good: its thread and the copies stay as they are, as if closed."""
        self.copies.close(left=True)
        self.watch, self._collector = self.watch.renewed(), None

    def _fresh_copies(self, world: World) -> Copies:
        """As many copies as ever, on seeds of their own."""
        self._visits += 1
        seed = np.random.SeedSequence([self._seed, self._visits]).generate_state(1)[0]
        copies = self.copies.num_envs
        return self.copies_of(world, num_envs=copies, seed=int(seed), num_workers=self._workers)
