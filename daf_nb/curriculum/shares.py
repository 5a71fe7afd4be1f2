"""Final shares: what a strategy wants, by weight and bias, mixed with uniform ones."""

from __future__ import annotations

import numpy as np

from daf_nb.curriculum.strategy import Strategy
from daf_nb.errors import ConfigError

__all__ = ["final_shares"]

_TILT = 4.0


def final_shares(
    strategy: Strategy,
    *,
    weights: np.ndarray,
    allowed: np.ndarray,
    bias: float,
    uniform_share: float,
) -> np.ndarray:
    """(1 - u) P + u / K over the allowed tasks, where P is the strategy's, weighed and tilted.

    Args:
        strategy: gives shares.
        weights: float [K], factors of its shares.
        allowed: bool [K], tasks that may be drawn; at least one.
        bias: in [-1, 1]; a factor of e^(4 bias d) for difficulty d.
        uniform_share: u, in [0, 1].

    Returns:
        Float [K] of sum 1; all allowed tasks alike where P has nothing for them.

    Raises:
        ConfigError: the strategy's shares are none.
        NotImplementedError: it has no shares.
    """
    wanted = _checked(strategy) * weights
    if not allowed.all():
        wanted *= allowed
    if bias:
        wanted *= np.exp(_TILT * bias * strategy.difficulties)
    total = wanted.sum()
    if not total > 0:
        return allowed / np.count_nonzero(allowed)
    wanted /= total
    wanted *= 1.0 - uniform_share
    if uniform_share:
        wanted += allowed * (uniform_share / np.count_nonzero(allowed))
    return wanted


def _checked(strategy: Strategy) -> np.ndarray:
    shares, count = np.asarray(strategy.shares()), len(strategy.names)
    if shares.shape != (count,) or not 0 <= shares.min() <= shares.max() < np.inf:
        raise ConfigError(
            f"{type(strategy).__name__}.shares: {count} finite numbers of 0 or more are needed, "
            f"one per task; {shares} came."
        )
    return shares
