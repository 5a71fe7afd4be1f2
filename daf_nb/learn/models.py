"""Ordinary SB3 models, one per group, that anyone can save, load and use without daf_nb."""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import MaskablePPO
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy

from daf_nb.config import RlConfig
from daf_nb.envs import Copies, GroupVecEnv
from daf_nb.errors import ConfigError
from daf_nb.learn.buffer import AgentRolloutBuffer
from daf_nb.learn.private import PrivateNoise, torch_threads

__all__ = [
    "ALGORITHMS",
    "check_batches",
    "copy_policy",
    "fingerprint",
    "make_model",
    "nearest_divisor",
    "steps_per_rollout",
]

Policy = TypeVar("Policy", bound=BasePolicy)

ALGORITHMS: dict[str, type[OnPolicyAlgorithm]] = {
    "A2C": A2C,
    "MaskablePPO": MaskablePPO,
    "PPO": PPO,
}
_DEFAULT_STEPS = {"A2C": 5, "MaskablePPO": 128, "PPO": 128}
_RESERVED = {
    "batch_size": "RlConfig.batch_size",
    "device": "RlConfig.device",
    "env": "RlTrainer(env=...)",
    "policy": "RlTrainer(policy=...)",
    "policy_kwargs": "RlConfig.policy_kwargs",
    "rollout_buffer_class": "daf_nb's own buffer",
    "rollout_buffer_kwargs": "daf_nb's own buffer",
    "seed": "RlConfig.seed",
    "use_sde": "nothing: gSDE draws its noise outside of the run's seed and is not supported",
}


def steps_per_rollout(config: RlConfig) -> int:
    """World steps of every copy between two updates."""
    return int(config.algorithm_kwargs.get("n_steps", _DEFAULT_STEPS[config.algorithm]))


def check_batches(config: RlConfig, groups: Mapping[str, list[str]]) -> dict[str, int]:
    """Rows per minibatch of each group.

    Raises:
        ConfigError: the batch size does not divide a group's rollout; the message has the
            effective numbers and the nearest divisor. Or an argument that has its own field.
    """
    for name in config.algorithm_kwargs.keys() & _RESERVED.keys():
        raise ConfigError(f"algorithm_kwargs[{name!r}] belongs to {_RESERVED[name]}.")
    n_steps, sizes = steps_per_rollout(config), {}
    for name in ("n_steps", "n_epochs"):
        if config.algorithm_kwargs.get(name, 1) < 1:
            raise ConfigError(f"{name}={config.algorithm_kwargs[name]}: at least 1 is needed.")
    for group, agents in groups.items():
        assert config.num_envs != "auto", "settled_numbers comes first"
        rollout = n_steps * config.num_envs * len(agents)
        if rollout < 2:
            raise ConfigError(
                "a rollout of one row cannot be trained on; raise n_steps or num_envs."
            )
        size = config.batch_size or nearest_divisor(rollout, rollout // 4)
        if rollout % size and not config.partial_minibatch:
            raise ConfigError(
                f"batch_size={size} does not divide the rollout of group {group!r}: {n_steps} "
                f"steps x {config.num_envs} copies x {len(agents)} agents = {rollout} rows. "
                f"The nearest divisor is {nearest_divisor(rollout, size)}; or allow a smaller last "
                "minibatch with partial_minibatch=True."
            )
        sizes[group] = min(size, rollout)
    return sizes


def nearest_divisor(rollout: int, size: float) -> int:
    """The divisor of `rollout`, at least 2, that is nearest to `size`."""
    return min(_divisors(rollout), key=lambda d: (abs(d - size), -d))


@lru_cache
def _divisors(rollout: int) -> tuple[int, ...]:
    return tuple(d for d in range(2, rollout + 1) if rollout % d == 0)


def make_model(
    config: RlConfig,
    *,
    copies: Copies,
    group: str,
    policy: str | type[Any],
    batch_size: int,
    seed: int,
    device: torch.device | str,
    buffer: type[AgentRolloutBuffer] = AgentRolloutBuffer,
) -> OnPolicyAlgorithm:
    """One group's SB3 model over that group's rows.

    The weights are drawn as SB3 draws them for `seed`, on one thread (the orthogonal initialisation
    depends on their number), without touching the global generators. The model's rollout buffer is
    ours, but what `save` writes names SB3's.

    Raises:
        ConfigError: SB3 refuses the arguments.
    """
    maker = ALGORITHMS[config.algorithm]
    arguments: dict[str, Any] = dict(config.algorithm_kwargs)
    arguments["n_steps"] = steps_per_rollout(config)
    if config.algorithm != "A2C":
        arguments["batch_size"] = batch_size
    noise = torch.Generator().manual_seed(seed)
    try:
        with PrivateNoise(noise), torch_threads(1), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You are trying to run", UserWarning)
            warnings.filterwarnings("ignore", "You have specified a mini-batch size", UserWarning)
            model = maker(
                policy,
                GroupVecEnv(copies, group),
                device=device,
                policy_kwargs=dict(config.policy_kwargs),
                rollout_buffer_class=buffer,
                **arguments,
            )
    except (AssertionError, TypeError, ValueError) as error:
        raise ConfigError(f"{config.algorithm} refused its arguments: {error}") from error
    _make_ours(model, config, seed)
    return model


def _make_ours(model: Any, config: RlConfig, seed: int) -> None:
    """Our shuffling, logging and optimiser kernel in a model that saves as SB3's own."""
    chosen = model.policy.optimizer_kwargs.keys() & {"foreach", "fused"}
    if type(model.policy.optimizer) is torch.optim.Adam and not chosen:
        for parameters in model.policy.optimizer.param_groups:
            parameters["fused"] = True  # one kernel for all of Adam's arithmetic
    model.seed = seed  # not given to SB3, which would seed the global generators with it
    buffer = model.rollout_buffer
    assert isinstance(buffer, AgentRolloutBuffer), "the buffer class was given"
    buffer.rng = np.random.default_rng([seed, 1])
    buffer.partial = config.partial_minibatch
    model.rollout_buffer_class, model.rollout_buffer_kwargs = None, {}
    model.set_logger(Logger(folder=None, output_formats=[]))
    if isinstance(model, MaskablePPO):
        buffer.keep_masks(_action_width(model.action_space))


def _action_width(space: spaces.Space) -> int:
    """How many entries an action mask of `space` has."""
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    raise ConfigError(f"MaskablePPO needs Discrete or MultiDiscrete actions, not {space}.")


def fingerprint(models: Mapping[str, OnPolicyAlgorithm]) -> str:
    """SHA-256 of every group's parameters in name order."""
    digest = hashlib.sha256()
    for name in sorted(models):
        for key, tensor in sorted(models[name].policy.state_dict().items()):
            digest.update(f"{name}/{key}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def copy_policy(policy: Policy) -> Policy:
    """A policy of its own with equal parameters.

    After an update, SB3's policies hold a distribution with gradients, which refuses a deep copy;
    it is made anew by every forward pass, so the copy takes it as it is.
    """
    distribution = copy.copy(policy.action_dist)
    return copy.deepcopy(policy, {id(policy.action_dist): distribution})
