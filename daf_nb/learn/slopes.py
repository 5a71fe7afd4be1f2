"""PPO's loss on one minibatch and its gradient, written out for Discrete and Gaussian actions.

The loss is that of Schulman et al. 2017 (arXiv 1707.06347) as SB3's `PPO.train` writes it; where
autograd has a choice, at equal or clamped values, the gradient is the one that it takes; products
are formed in its order, so that they round alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

__all__ = ["Weights", "actor_slope", "critic_slope", "gaussian_slope", "surrogate"]

_LOG_SQRT_2_PI = math.log(math.sqrt(2 * math.pi))


@dataclass(frozen=True)
class Weights:
    """What an update weighs.

    Attributes:
        clip: PPO's clip range.
        clip_vf: the same for values; None for no clipping.
        entropy: weight of the entropy.
        value: weight of the value loss.
        normalise: advantages are normalised within the minibatch.
    """

    clip: float
    clip_vf: float | None
    entropy: float
    value: float
    normalise: bool


Terms = tuple[torch.Tensor, ...]


def surrogate(
    log_prob: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, weights: Weights
) -> tuple[torch.Tensor, Terms]:
    """The clipped surrogate.

    Args:
        log_prob: [rows], of the actions that were taken.
        old: [rows], when they were taken.
        advantages: [rows].
        weights: of the update.

    Returns:
        The loss's gradient of `log_prob`; then, row by row, the surrogate, an estimate of the KL
        divergence (http://joschu.net/blog/kl-approx.html), and whether the ratio was clipped.
    """
    rows = len(log_prob)
    if weights.normalise and rows > 1:
        deviation, mean = torch.std_mean(advantages)
        advantages = (advantages - mean) / (deviation + 1e-8)
    log_ratio = log_prob - old
    ratio = log_ratio.exp()
    plain = advantages * ratio
    clipped = advantages * ratio.clamp(1 - weights.clip, 1 + weights.clip)
    beyond = ratio - 1
    slope = (advantages * (-1 / rows) * ratio).masked_fill_(plain > clipped, 0)
    outside = (beyond.abs() > weights.clip).float()
    return slope, (torch.minimum(plain, clipped), beyond - log_ratio, outside)


def actor_slope(
    logits: torch.Tensor,
    actions: torch.Tensor,
    old: torch.Tensor,
    advantages: torch.Tensor,
    weights: Weights,
    *,
    out: torch.Tensor,
) -> Terms:
    """Discrete actions: writes the loss's gradient of the logits.

    Args:
        logits: [rows, number of actions].
        actions: int64 [rows, 1].
        old: [rows], log-probabilities when they were taken.
        advantages: [rows].
        weights: of the update.
        out: [rows, number of actions].

    Returns:
        Row by row: surrogate, KL, clipped, entropy.
    """
    every = torch.log_softmax(logits, -1)
    chances = every.exp()
    entropy = (every * chances).sum(-1).neg_()
    slope, terms = surrogate(every.gather(1, actions).squeeze(1), old, advantages, weights)
    flowing = torch.zeros_like(every).scatter_(1, actions, slope[:, None])
    if weights.entropy:
        flowing.add_(chances * (every + 1), alpha=weights.entropy / len(logits))
    # By torch's own kernel, so that it rounds as autograd does.
    backward = torch.ops.aten._log_softmax_backward_data.out
    backward(flowing, every, -1, torch.float32, out=out)
    return *terms, entropy


def gaussian_slope(
    means: torch.Tensor,
    log_std: torch.Tensor,
    actions: torch.Tensor,
    old: torch.Tensor,
    advantages: torch.Tensor,
    weights: Weights,
    *,
    out: torch.Tensor,
    out_log_std: torch.Tensor,
) -> Terms:
    """Continuous actions: writes the loss's gradient of means and log-deviations.

    Args:
        means: [rows, actions].
        log_std: [actions].
        actions: [rows, actions].
        old: [rows], log-densities when they were taken.
        advantages: [rows].
        weights: of the update.
        out: [rows, actions].
        out_log_std: [actions].

    Returns:
        Row by row: surrogate, KL, clipped, entropy.
    """
    # So small a part of the network that autograd may have it: its rounding is the reference.
    with torch.enable_grad():
        given, spread = means.detach().requires_grad_(), log_std.detach().requires_grad_()
        scale = spread.exp()
        off = -((actions - given) ** 2)
        log_prob = (off / (2 * scale**2) - scale.log() - _LOG_SQRT_2_PI).sum(1)
        entropy = (0.5 + _LOG_SQRT_2_PI + scale.log()).sum()
        slope, terms = surrogate(log_prob.detach(), old, advantages, weights)
        wanted = slope, torch.full_like(entropy, -weights.entropy)
        by_mean, by_spread = torch.autograd.grad((log_prob, entropy), (given, spread), wanted)
    out.copy_(by_mean)
    out_log_std.copy_(by_spread)
    return *terms, entropy.detach().expand(len(means))


def critic_slope(
    values: torch.Tensor,
    old: torch.Tensor,
    returns: torch.Tensor,
    weights: Weights,
    *,
    out: torch.Tensor,
) -> torch.Tensor:
    """Writes the loss's gradient of the values; returns the squared errors.

    Args:
        values: [rows].
        old: [rows], when they were given.
        returns: [rows].
        weights: of the update.
        out: [rows].
    """
    if weights.clip_vf is None:
        error = values - returns
        torch.mul(error, 2 * weights.value / len(values), out=out)
        return error.square_()
    moved = values - old
    error = old + moved.clamp(-weights.clip_vf, weights.clip_vf) - returns
    torch.mul(error, 2 * weights.value / len(values), out=out)
    out.masked_fill_(moved.abs() > weights.clip_vf, 0)
    return error.square_()
