"""Small trainers and rollouts for the tests of `daf_nb.learn`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.config import RlConfig
from daf_nb.envs import Copies, World, agent_spaces
from daf_nb.learn import RlTrainer
from daf_nb.learn.collect import Collector
from daf_nb.learn.course import PlainCourse, begin
from daf_nb.learn.groups import group_agents
from daf_nb.learn.models import make_model
from daf_nb.learn.success import success_rule
from daf_nb.testing import Scripted
from tests import worlds


class Pictures(Scripted):
    """An agent sees noise of 36 x 40 pixels in three colours, channels last."""

    def make_observation_space(self, agent: str) -> spaces.Space:
        return spaces.Box(0, 255, (36, 40, 3), np.uint8)

    def observe(self, agent: str) -> Any:
        return self.generator.integers(0, 256, (36, 40, 3)).astype(np.uint8)


class Levers(Scripted):
    """An action is two levers, of three and two positions."""

    def make_action_space(self, agent: str) -> spaces.Space:
        return spaces.MultiDiscrete([3, 2])


class Switches(Scripted):
    """An action is three switches."""

    def make_action_space(self, agent: str) -> spaces.Space:
        return spaces.MultiBinary(3)


def endless(world: Any) -> Any:
    """A world without its time limit."""
    made = world()
    made.limit = None
    return made


TRAINER = {"curriculum_manager", "env_kwargs", "policy", "success", "wrappers"}


def config(**fields: Any) -> RlConfig:
    """Two copies, rollouts of 8 steps, one epoch on one thread; `algorithm_kwargs` are merged."""
    few: dict[str, Any] = {"n_steps": 8}
    if fields.get("algorithm") != "A2C":
        few["n_epochs"] = 1
    few |= fields.pop("algorithm_kwargs", {})
    base = {"total_timesteps": 64, "num_envs": 2, "seed": 0, "device": "cpu", "torch_threads": 1}
    return RlConfig(**{**base, "algorithm_kwargs": few, **fields})


def make_trainer(env: Any = worlds.Counting, **fields: Any) -> RlTrainer:
    """A trainer of few steps; fields of the config and arguments of the trainer alike."""
    own = {name: fields.pop(name) for name in TRAINER & fields.keys()}
    return RlTrainer(config(**fields), env=env, **own)


def make_collector(
    factory: Callable[[], Any],
    *,
    share: str = "group",
    batch_size: int = 16,
    policy: str = "MlpPolicy",
    **fields: Any,
) -> tuple[Collector, dict[str, Any]]:
    """A collector over freshly reset copies, and its models by group."""
    told = config(**fields)
    world = World(factory)
    groups = group_agents(agent_spaces(world.build()), share)
    copies = Copies(world.build, groups=groups, num_envs=int(told.num_envs), seed=told.seed)
    course = PlainCourse(success_rule(None))
    begin(copies, course)
    models = {
        group: make_model(
            told,
            copies=copies,
            group=group,
            policy=policy,
            batch_size=batch_size,
            seed=0,
            device="cpu",
        )
        for group in groups
    }
    return Collector(copies, models, torch.Generator().manual_seed(1), course), models


def weights(model: OnPolicyAlgorithm) -> np.ndarray:
    """All parameters in a row."""
    return np.concatenate([p.detach().cpu().numpy().ravel() for p in model.policy.parameters()])
