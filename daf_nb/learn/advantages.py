"""What steps were worth: advantages of all rows at once, and episodes that are cut off."""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["cut_off", "estimate"]


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


def cut_off(
    broken: np.ndarray,
    worth: np.ndarray,
    at: int,
    alive: np.ndarray,
    ended: np.ndarray,
    rewards: np.ndarray,
) -> int:
    """Forgets a step of rows whose world broke in it.

    Their episodes end before it as by a limit: with the value of what was seen last in place of
    what would have come. So what was learned until then is neither thrown away nor taken for a
    failure of the policy. Throwing the whole episode away would be wrong: which steps train would
    then depend on what came after them, so that actions which lead to a failure a little later
    would be missing from the sample, and with them what they are worth. Cut like this, each step
    that trains was kept by what happened in it and before it alone, and its advantage is that of
    GAE at a stopping time (Pardo et al. 2018, arXiv 1712.00378, on time limits).

    Args:
        broken: bool [rows].
        worth: [rows], discounted values of what was seen in the step.
        at: the step.
        alive: bool [rows, steps]; changed.
        ended: bool [rows, steps]; changed.
        rewards: float [rows, steps]; changed.

    Returns:
        How many of these rows had acted in the step.
    """
    acted = broken & alive[:, at]
    alive[broken, at] = False
    if at:
        cut = acted & alive[:, at - 1] & ~ended[:, at - 1]
        rewards[cut, at - 1] += worth[cut]
        ended[cut, at - 1] = True
    return int(acted.sum())
