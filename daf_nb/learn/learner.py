"""The learner: one SB3 model per group over the copies of a world, and one cycle of training."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.config import RlConfig
from daf_nb.envs import Copies, Layout, World
from daf_nb.errors import ConfigError
from daf_nb.learn.batched.ground import BatchedGround
from daf_nb.learn.buffer import buffer_of
from daf_nb.learn.collect import Rollout, StepHook
from daf_nb.learn.course import Course
from daf_nb.learn.groups import group_agents
from daf_nb.learn.models import check_batches, copy_policy, make_model, steps_per_rollout
from daf_nb.learn.playground import Playground
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
        ground: where the episodes are played.
        layout: as given.
        groups: group -> agents.
        models: group -> SB3 model.
        device: where the models are.
        n_steps: world steps of every copy in a rollout.
        generator: source of all action noise.
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
        if layout.padded_actions and config.algorithm != "MaskablePPO":
            raise ConfigError(
                "tasks differ in their actions: the padded ones must be masked, which needs "
                "algorithm='MaskablePPO'."
            )
        self.layout, self.groups = layout, group_agents(layout.spaces, config.share)
        batches = check_batches(config, self.groups)
        self.n_steps = steps_per_rollout(config)
        kind = BatchedGround if world.is_batched else Playground
        self.ground = kind(config, world, groups=self.groups, layout=layout, course=course)
        try:
            seeds = np.random.SeedSequence(config.seed).spawn(len(self.groups) + 1)
            noise, *weights = [int(child.generate_state(1)[0]) for child in seeds]

            def make(index: int, group: str, device: torch.device) -> OnPolicyAlgorithm:
                return make_model(
                    config,
                    copies=self.ground.copies,
                    group=group,
                    policy=policy,
                    batch_size=batches[group],
                    seed=weights[index],
                    device=device,
                    buffer=self.ground.buffer,
                )

            first = next(iter(self.groups))
            self.device = choose_device(self.ground.device, lambda device: make(0, first, device))
            self.models = {g: make(i, g, self.device) for i, g in enumerate(self.groups)}
        except BaseException:
            self.ground.close()
            raise
        for model in self.models.values():
            model.ep_info_buffer = deque(maxlen=100)
            model.ep_success_buffer = deque(maxlen=100)
            model.start_time = time.time_ns()
        self.generator = torch.Generator(device=self.device).manual_seed(noise)
        self.ground.collecting = lambda: self.ground.collector_of(self.models, self.generator)

    @property
    def copies(self) -> Copies:
        """The world's copies that are played now."""
        return self.ground.copies

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
        *,
        rolling: Callable[[], bool] = lambda: True,
        updating: Callable[[], bool] = lambda: True,
    ) -> Cycle:
        """One rollout and one update of every group.

        Args:
            remaining: what remains of training, from 1 to 0, after so many more agent-steps; for
                SB3's schedules, which look at it after the rollout.
            on_step: told after every step; False stops the rollout, and there is no update.
            on_rollout: called between rollout and update.
            rolling: asked after every step of the rollout; False breaks it off.
            updating: asked before every minibatch; False breaks the update off.

        Raises:
            BrokenOff: `rolling` or `updating` said so.
        """
        began = time.perf_counter()
        with self.ground.entered() as collector:
            rollout = collector.collect(self.n_steps, on_step, rolling)
        collected = time.perf_counter()
        self._account(rollout, remaining(sum(rollout.steps.values())))
        stats: dict[str, dict[str, float]] = {}
        if rollout.complete:
            on_rollout()
            stats = {name: update(model, updating) for name, model in self.models.items()}
        return Cycle(rollout, stats, collected - began, time.perf_counter() - collected)

    def resize_rollouts(self, n_steps: int) -> None:
        """Rollouts have this many steps from the next one on; at a boundary only.

        Every group's: one collector steps the world for all of them.
        """
        self.n_steps = n_steps
        for model in self.models.values():
            model.n_steps = n_steps
            buffer_of(model).resize(n_steps)

    def _account(self, rollout: Rollout, remaining: float) -> None:
        """Tells SB3's logger what its own `learn` would; the last update's numbers go with it."""
        self.ground.rollouts += 1
        for name, model in self.models.items():
            model._current_progress_remaining = remaining
            assert model.ep_info_buffer is not None, "made in __init__"
            model.ep_info_buffer.extend(
                {"r": end.episode_return, "l": end.length, "t": 0.0} for end in rollout.ends[name]
            )
            model.dump_logs(self.ground.rollouts)
