"""Who acts in an evaluation: policies, or chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy

from daf_nb.envs import Copies
from daf_nb.learn.actions import act, as_seen, draw, to_world

__all__ = ["Chooser", "policy_chooser", "random_chooser"]

Chooser = Callable[[Copies], dict[str, np.ndarray]]
"""Gives, for copies at rest, group -> the actions [copies, agents, ...] of its agents."""


def policy_chooser(
    policies: Mapping[str, ActorCriticPolicy], generator: torch.Generator, deterministic: bool
) -> Chooser:
    """Gives, for copies at rest, group -> the actions [copies, agents, ...] of its policy.

    Args:
        policies: group -> policy; set to evaluation mode.
        generator: of the noise, where samples are played.
        deterministic: play the mode of each policy instead of a sample.
    """

    def choose(copies: Copies) -> dict[str, np.ndarray]:
        return {
            name: _actions(copies, name, policy, generator, deterministic)
            for name, policy in policies.items()
        }

    for policy in policies.values():
        policy.set_training_mode(False)
    return choose


@torch.no_grad()
def _actions(
    copies: Copies,
    name: str,
    policy: ActorCriticPolicy,
    generator: torch.Generator,
    deterministic: bool,
) -> np.ndarray:
    block = copies.arrays.observations[name]
    rows = as_seen(policy, block)
    per_copy = (*block.shape[:2], *(policy.action_space.shape or ()))
    masks = None
    if isinstance(policy, MaskableActorCriticPolicy):
        masks = copies.arrays.masks[name].reshape(len(rows), -1)
    if deterministic:
        extra: dict[str, Any] = {} if masks is None else {"action_masks": masks}
        return policy.predict(rows, deterministic=True, **extra)[0].reshape(per_copy)
    noise = draw(policy, len(rows), generator, masked=masks is not None)
    actions, _, _ = act(policy, torch.as_tensor(rows, device=policy.device), noise, masks)
    return to_world(policy, actions.cpu().numpy()).reshape(per_copy)


def random_chooser(rng: np.random.Generator) -> Chooser:
    """Gives uniformly random actions, of those that are allowed."""

    def choose(copies: Copies) -> dict[str, np.ndarray]:
        return {name: _random(copies, name, rng) for name in copies.arrays.groups}

    return choose


def _random(copies: Copies, name: str, rng: np.random.Generator) -> np.ndarray:
    space = copies.arrays.spaces[name].action
    plane = copies.arrays.observations[name].shape[:2]
    if isinstance(space, spaces.Discrete):
        scores = rng.random((*plane, int(space.n)))
        return np.where(copies.arrays.masks[name], scores, -1.0).argmax(-1)
    if isinstance(space, spaces.Box):
        low, high = np.clip(space.low, -1e3, None), np.clip(space.high, None, 1e3)
        return rng.uniform(low, high, (*plane, *space.shape)).astype(space.dtype)
    if isinstance(space, spaces.MultiDiscrete):
        allowed = copies.arrays.masks[name]
        scores = np.where(allowed, rng.random(allowed.shape), -1.0)
        parts = np.split(scores, np.cumsum(space.nvec.ravel())[:-1], axis=-1)
        chosen = np.stack([part.argmax(-1) for part in parts], axis=-1)
        return chosen.reshape(*plane, *space.shape)
    return rng.integers(0, 2, (*plane, *(space.shape or ())))
