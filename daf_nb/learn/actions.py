"""Actions, values and log-probabilities from an SB3 policy, with noise from our own generator.

SB3 draws from torch's global generator, which any other cell of a notebook may draw from too. Here
the noise of a run comes from one generator in a fixed order, so that a seed decides the run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib.common.maskable.distributions import (
    MaskableCategoricalDistribution,
    MaskableDistribution,
    MaskableMultiCategoricalDistribution,
)
from stable_baselines3.common.distributions import (
    BernoulliDistribution,
    CategoricalDistribution,
    DiagGaussianDistribution,
    MultiCategoricalDistribution,
    SquashedDiagGaussianDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.vec_env import VecTransposeImage
from torch.distributions import Categorical

from daf_nb.errors import ConfigError

__all__ = ["act", "as_seen", "to_world"]


def act(
    policy: ActorCriticPolicy,
    observations: torch.Tensor,
    generator: torch.Generator,
    masks: np.ndarray | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One stochastic forward pass.

    Args:
        policy: an actor-critic policy of SB3 or sb3-contrib.
        observations: [rows, *observation shape], on the policy's device.
        generator: where the noise comes from; on the policy's device.
        masks: bool [rows, number of actions], for maskable policies.

    Returns:
        actions [rows, *action shape], log-probabilities [rows], values [rows].

    Raises:
        ConfigError: the policy's distribution cannot be drawn from a generator (gSDE).
    """
    features = policy.extract_features(observations)
    if policy.share_features_extractor:
        latent_pi, latent_vf = policy.mlp_extractor(features)
    else:
        latent_pi = policy.mlp_extractor.forward_actor(features[0])
        latent_vf = policy.mlp_extractor.forward_critic(features[1])
    values = policy.value_net(latent_vf).flatten()
    if type(policy.action_dist) is CategoricalDistribution:
        return *_choose_discrete(policy.action_net(latent_pi), generator), values
    # SB3's own forward() goes the same way; its public get_distribution() would do the features
    # a second time.
    distribution: Any = policy._get_action_dist_from_latent(latent_pi)
    if masks is not None and isinstance(distribution, MaskableDistribution):
        distribution.apply_masking(masks)
    actions = _draw(distribution, generator)
    return actions, distribution.log_prob(actions), values


def _choose_discrete(
    logits: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """What torch's Categorical computes, without making and validating one at every step."""
    log_probs = logits - logits.logsumexp(-1, keepdim=True)
    actions = torch.multinomial(torch.softmax(log_probs, -1), 1, generator=generator)
    return actions.squeeze(1), log_probs.gather(1, actions).squeeze(1)


def _draw(distribution: Any, generator: torch.Generator) -> torch.Tensor:
    if isinstance(distribution, (CategoricalDistribution, MaskableCategoricalDistribution)):
        return _categorical(distribution.distribution, generator)
    if isinstance(
        distribution, (MultiCategoricalDistribution, MaskableMultiCategoricalDistribution)
    ):
        parts = (
            distribution.distribution
            if isinstance(distribution, MultiCategoricalDistribution)
            else distribution.distributions
        )
        return torch.stack([_categorical(part, generator) for part in parts], dim=1)
    if isinstance(distribution, DiagGaussianDistribution):
        normal = distribution.distribution
        noise = torch.randn(normal.mean.shape, generator=generator, device=normal.mean.device)
        actions = normal.mean + normal.stddev * noise
        if isinstance(distribution, SquashedDiagGaussianDistribution):
            distribution.gaussian_actions = actions
            return torch.tanh(actions)
        return actions
    if isinstance(distribution, BernoulliDistribution):
        return torch.bernoulli(distribution.distribution.probs, generator=generator)
    raise ConfigError(
        f"{type(distribution).__name__} draws its noise by itself; use_sde is not supported."
    )


def _categorical(distribution: Categorical, generator: torch.Generator) -> torch.Tensor:
    return torch.multinomial(distribution.probs, 1, generator=generator).squeeze(1)


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
