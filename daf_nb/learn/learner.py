"""The learner: one SB3 model per group over the copies of a world, and one cycle of training."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.config import RlConfig
from daf_nb.envs import Copies, Layout, World, preflight
from daf_nb.errors import ConfigError
from daf_nb.learn.buffer import buffer_of
from daf_nb.learn.collect import Collector, Rollout, StepHook
from daf_nb.learn.course import Course, begin
from daf_nb.learn.groups import group_agents
from daf_nb.learn.models import check_batches, copy_policy, make_model, steps_per_rollout
from daf_nb.learn.timing import choose_device
from daf_nb.learn.update import update

__all__ = ["Cycle", "Learner"]


@dataclass(frozen=True)
class Cycle:
    """One rollout and its update: what came, group -> statistics, and the seconds of each."""

    rollout: Rollout
    stats: dict[str, dict[str, float]]
    rollout_seconds: float
    update_seconds: float


class Learner:
    """Models, copies and noise of one run.

    Args:
        config: how to train; `seed` must be set.
        world: what to train on.
        policy: SB3's policy name or class.
        layout: the agents and spaces to learn for.
        course: what the copies play, and where outcomes go.

    Attributes:
        course: as given.
        layout: as given.
        groups: group -> agents.
        models: group -> SB3 model.
        copies: the world's copies.
        device: where the models are.
        n_steps: world steps of every copy in a rollout.
    """

    def __init__(
        self,
        config: RlConfig,
        world: World,
        policy: str | type[Any],
        *,
        layout: Layout,
        course: Course,
    ) -> None:
        assert config.seed is not None, "the trainer draws a seed where none was given"
        if config.num_workers:
            raise ConfigError(
                f"num_workers={config.num_workers}: copies are stepped in this process so far; "
                "use 0."
            )
        if layout.padded_actions and config.algorithm != "MaskablePPO":
            raise ConfigError(
                "tasks differ in their actions: the padded ones must be masked, which needs "
                "algorithm='MaskablePPO'."
            )
        self.layout, self.course = layout, course
        self.groups = group_agents(layout.spaces, config.share)
        batches = check_batches(config, self.groups)
        self.n_steps = steps_per_rollout(config)
        self.copies = self.copies_of(world, num_envs=config.num_envs, seed=config.seed)
        try:
            seeds = np.random.SeedSequence(config.seed).spawn(len(self.groups) + 1)
            noise, *weights = [int(child.generate_state(1)[0]) for child in seeds]

            def make(index: int, group: str, device: torch.device) -> OnPolicyAlgorithm:
                return make_model(
                    config,
                    copies=self.copies,
                    group=group,
                    policy=policy,
                    batch_size=batches[group],
                    seed=weights[index],
                    device=device,
                )

            first = next(iter(self.groups))
            self.device = choose_device(config.device, lambda device: make(0, first, device))
            self.models = {g: make(i, g, self.device) for i, g in enumerate(self.groups)}
        except BaseException:
            self.copies.close()
            raise
        for model in self.models.values():
            model.ep_info_buffer = deque(maxlen=100)
            model.ep_success_buffer = deque(maxlen=100)
            model.start_time = time.time_ns()
        self._generator = torch.Generator(device=self.device).manual_seed(noise)
        self._collector: Collector | None = None
        self._world, self._seed, self._visits, self._iterations = world, config.seed, 0, 0

    @property
    def policies(self) -> dict[str, Any]:
        """Group -> the model's policy."""
        return {name: model.policy for name, model in self.models.items()}

    def snapshot(self) -> dict[str, Any]:
        """Group -> a copy of the model's policy as it is now."""
        return {name: copy_policy(model.policy) for name, model in self.models.items()}

    def cycle(
        self,
        remaining: Callable[[int], float],
        on_step: StepHook | None,
        on_rollout: Callable[[], None],
    ) -> Cycle:
        """One rollout and one update of every group.

        Args:
            remaining: what remains of training, from 1 to 0, after so many more agent-steps; for
                SB3's schedules, which look at it after the rollout.
            on_step: told after every step; False stops the rollout, and there is no update.
            on_rollout: called between rollout and update.
        """
        began = time.perf_counter()
        if self.copies.closed:
            self.copies, self._collector = self._fresh_copies(self._world), None
        if self._collector is None:
            begin(self.copies, self.course)
            self._collector = Collector(self.copies, self.models, self._generator, self.course)
        collector, self._collector = self._collector, None  # a world that raises starts over
        rollout = collector.collect(self.n_steps, on_step)
        self._collector = collector
        collected = time.perf_counter()
        self._account(rollout, remaining(sum(rollout.steps.values())))
        stats: dict[str, dict[str, float]] = {}
        if rollout.complete:
            on_rollout()
            stats = {name: update(model) for name, model in self.models.items()}
        return Cycle(rollout, stats, collected - began, time.perf_counter() - collected)

    def copies_of(
        self, world: World, *, num_envs: int, seed: int, held_out: bool = False
    ) -> Copies:
        """Copies of a world in the learner's layout."""
        return Copies(
            world.build,
            groups=self.groups,
            num_envs=num_envs,
            seed=seed,
            held_out=held_out,
            layout=self.layout,
            world=world,
            rebuild=lambda env_kwargs: world.changed(env_kwargs).build(),
        )

    @contextmanager
    def elsewhere(self, world: World, course: Course) -> Iterator[None]:
        """Trains on another world or course, on seeds of its own; then comes back."""
        copies = self._fresh_copies(world)
        home = self.copies, self.course
        try:
            self.copies, self.course, self._collector = copies, course, None
            yield
        finally:
            (self.copies, self.course), self._collector = home, None
            copies.close()

    def check_alike(self, task: str, world: World) -> None:
        """Looks whether the policies can learn on another world.

        Raises:
            ConfigError: its agents or spaces differ from those trained.
        """
        spaces = preflight(world).spaces
        if spaces != self.layout.spaces:
            listing = "; ".join(f"{agent}: {its}" for agent, its in spaces.items())
            ours = "; ".join(f"{agent}: {its}" for agent, its in self.layout.spaces.items())
            raise ConfigError(
                f"task {task!r} has other agents or spaces ({listing}) than the policies were "
                f"made for ({ours})."
            )

    def fingerprint(self) -> str:
        """SHA-256 of every group's parameters in name order."""
        digest = hashlib.sha256()
        for name in sorted(self.models):
            for key, tensor in sorted(self.models[name].policy.state_dict().items()):
                digest.update(f"{name}/{key}".encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def resize_rollouts(self, n_steps: int) -> None:
        """Rollouts have this many steps from the next one on; at a boundary only.

        Every group's: one collector steps the world for all of them.
        """
        self.n_steps = n_steps
        for model in self.models.values():
            model.n_steps = n_steps
            buffer_of(model).resize(n_steps)

    def close(self) -> None:
        """Closes the copies; the next cycle makes new ones, which play other episodes."""
        self.copies.close()

    def _fresh_copies(self, world: World) -> Copies:
        """As many copies as ever, on seeds of their own."""
        self._visits += 1
        seed = np.random.SeedSequence([self._seed, self._visits]).generate_state(1)[0]
        return self.copies_of(world, num_envs=self.copies.num_envs, seed=int(seed))

    def _account(self, rollout: Rollout, remaining: float) -> None:
        """Tells SB3's logger what its own `learn` would; the last update's numbers go with it."""
        self._iterations += 1
        for name, model in self.models.items():
            model._current_progress_remaining = remaining
            assert model.ep_info_buffer is not None, "made in __init__"
            model.ep_info_buffer.extend(
                {"r": end.episode_return, "l": end.length, "t": 0.0} for end in rollout.ends[name]
            )
            model.dump_logs(self._iterations)
