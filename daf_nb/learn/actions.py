"""Actions, values and log-probabilities from an SB3 policy, with noise from our own generator.

SB3 draws from torch's global generator, which any other cell of a notebook may draw from too. Here
the noise of a run comes from one generator in a fixed order, so that a seed decides the run. It is
drawn apart from the forward pass that uses it: the same noise may be used for some of the rows now
and for the others later, and each gets the action that it would have got with all.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import (
    CategoricalDistribution,
    DiagGaussianDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.vec_env import VecTransposeImage

from daf_nb.learn.precision import full
from daf_nb.learn.private import PrivateNoise

__all__ = ["act", "as_seen", "choose", "draw", "judge", "to_world"]

_FOLLOWED = ("_get_action_dist_from_latent", "evaluate_actions", "forward")
_LOG_SQRT_2_PI = math.log(math.sqrt(2 * math.pi))


def draw(
    policy: ActorCriticPolicy, rows: int, generator: torch.Generator, *, masked: bool = False
) -> torch.Tensor:
    """The noise of one step.

    Args:
        policy: an actor-critic policy of SB3 or sb3-contrib.
        rows: how many rows act.
        generator: where it comes from; on the policy's device.
        masked: it will act under masks.

    Returns:
        Standard Gumbel noise [rows, number of actions], or standard normal noise [rows, actions];
        for a policy that draws for itself a seed, int64 [], on the host.
    """
    device = generator.device
    if masked or not _is_lean(policy):
        return torch.randint(2**62, (), generator=generator, device=device).cpu()
    distribution: Any = policy.action_dist
    shape = (rows, distribution.action_dim)
    if isinstance(distribution, CategoricalDistribution):
        noise = torch.empty(shape, device=device).exponential_(generator=generator)
        return noise.log_().neg_()
    return torch.randn(shape, generator=generator, device=device)


def act(
    policy: ActorCriticPolicy,
    observations: torch.Tensor,
    noise: torch.Tensor,
    masks: np.ndarray | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One stochastic forward pass.

    Args:
        policy: an actor-critic policy of SB3 or sb3-contrib.
        observations: [rows, *observation shape], on the policy's device.
        noise: of `draw`, for as many rows and for masks if there are some.
        masks: bool [rows, number of actions], for maskable policies.

    Returns:
        actions [rows, *action shape], log-probabilities [rows], values [rows].
    """
    if masks is not None or not _is_lean(policy):
        extra: dict[str, Any] = {} if masks is None else {"action_masks": masks}
        with PrivateNoise(torch.Generator(observations.device).manual_seed(int(noise))):
            actions, values, log_probs = policy(observations, **extra)
        return actions, log_probs, values.flatten()
    latent_pi, latent_vf = _latents(policy, observations)
    values = policy.value_net(latent_vf).flatten()
    scale = getattr(policy, "log_std", None)
    return *choose(policy.action_net(latent_pi), scale, noise), values


def choose(
    given: torch.Tensor, log_std: torch.Tensor | None, noise: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Actions and their log-probabilities, as torch's Categorical and Normal compute them.

    Discrete actions by the Gumbel-max trick (Gumbel 1954; Maddison et al. 2014, arXiv 1411.0030).

    Args:
        given: logits [rows, number of actions], or means [rows, actions].
        log_std: of a diagonal Gaussian; None for Discrete actions.
        noise: of `draw`.
    """
    if log_std is not None:
        scale = log_std.exp()
        actions = given + scale * noise
        return actions, _log_density(actions, given, scale)
    log_probs = torch.log_softmax(given, -1)
    actions = (log_probs + noise).argmax(-1, keepdim=True)
    return actions.squeeze(1), log_probs.gather(1, actions).squeeze(1)


def judge(
    policy: ActorCriticPolicy,
    observations: torch.Tensor,
    actions: torch.Tensor,
    masks: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """What SB3's `evaluate_actions` gives, without making and validating torch's distributions.

    Args:
        policy: an actor-critic policy of SB3 or sb3-contrib.
        observations: [rows, *observation shape], on the policy's device.
        actions: [rows] of int64 where discrete, else [rows, *action shape].
        masks: bool [rows, number of actions], for maskable policies.

    Returns:
        log-probabilities [rows], values [rows], entropies [rows] or None where there is no formula.
    """
    if masks is not None or not _is_lean(policy):
        extra: dict[str, Any] = {} if masks is None else {"action_masks": masks}
        values, log_probs, entropies = policy.evaluate_actions(observations, actions, **extra)
        return full(log_probs), full(values.flatten()), _full_or_none(entropies)
    latent_pi, latent_vf = _latents(policy, observations)
    values = full(policy.value_net(latent_vf).flatten())
    if isinstance(policy.action_dist, CategoricalDistribution):
        every = torch.log_softmax(full(policy.action_net(latent_pi)), -1)
        log_probs = every.gather(1, actions[:, None]).squeeze(1)
        return log_probs, values, -(every * every.exp()).sum(-1)
    mean, scale = full(policy.action_net(latent_pi)), policy.log_std.exp()
    entropy = (0.5 + _LOG_SQRT_2_PI + scale.log()).sum()
    return _log_density(actions, mean, scale), values, entropy.expand(len(mean))


def _full_or_none(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else full(tensor)


def _is_lean(policy: BasePolicy) -> bool:
    """Whether we may go the short way: SB3's own methods, and a distribution that we know."""
    return (
        isinstance(policy, ActorCriticPolicy)
        and type(policy.action_dist) in (CategoricalDistribution, DiagGaussianDistribution)
        and all(
            getattr(type(policy), name) is getattr(ActorCriticPolicy, name)
            and name not in vars(policy)
            for name in _FOLLOWED
        )
    )


def _latents(
    policy: ActorCriticPolicy, observations: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the heads of actor and critic are given, as SB3's `forward` computes it."""
    features = policy.extract_features(observations)
    if policy.share_features_extractor:
        return policy.mlp_extractor(features)
    actor, critic = policy.mlp_extractor.forward_actor, policy.mlp_extractor.forward_critic
    return actor(features[0]), critic(features[1])


def _log_density(actions: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    densities = -((actions - mean) ** 2) / (2 * scale**2) - scale.log() - _LOG_SQRT_2_PI
    return densities.sum(1)


def as_seen(policy: BasePolicy, block: np.ndarray) -> np.ndarray:
    """What the policy is given: rows [rows, *shape] of a block [copies, agents, *shape].

    SB3 trains on images with channels first; where the world gives them last, they are moved.
    """
    rows = block.reshape(-1, *block.shape[2:])
    if rows.shape[1:] == (policy.observation_space.shape or ()):
        return rows
    return VecTransposeImage.transpose_image(rows)


def to_world(policy: ActorCriticPolicy, actions: np.ndarray) -> np.ndarray:
    """What the world is given: continuous actions scaled or clipped into their Box, as SB3 does."""
    space = policy.action_space
    if not isinstance(space, spaces.Box):
        return actions
    if policy.squash_output:
        return policy.unscale_action(actions)
    return np.clip(actions, space.low, space.high)
