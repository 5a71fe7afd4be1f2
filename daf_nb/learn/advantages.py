"""Generalised advantage estimation for all rows at once, on the device of what it is given."""

from __future__ import annotations

import torch

__all__ = ["estimate"]


def estimate(
    rewards: torch.Tensor,
    values: torch.Tensor,
    ended: torch.Tensor,
    last_values: torch.Tensor,
    *,
    gamma: float,
    gae_lambda: float,
) -> torch.Tensor:
    """GAE(lambda) (Schulman et al. 2016, arXiv 1506.02438), by SB3's operations in their order.

    Args:
        rewards: float [rows, steps].
        values: float [rows, steps].
        ended: bool [rows, steps]; nothing flows back over an end.
        last_values: float [rows], of the observations after the last step.
        gamma: discount factor.
        gae_lambda: lambda.

    Returns:
        Advantages [rows, steps].
    """
    going_on = 1.0 - ended.float()
    following = torch.cat([values[:, 1:], last_values[:, None]], 1)
    deltas = (rewards + gamma * following * going_on - values).t().contiguous()
    carry = (gamma * gae_lambda * going_on).t().contiguous()
    steps, factors = deltas.unbind(), carry.unbind()
    for at in range(len(steps) - 2, -1, -1):
        steps[at].add_(factors[at] * steps[at + 1])
    return deltas.t()
