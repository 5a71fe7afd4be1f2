"""A long series in few points, without losing what the eye looks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["thin"]


def thin(values: ArrayLike, *, most: int = 10_000) -> NDArray[np.intp]:
    """Indices of the points to keep, ascending.

    Short series are kept whole. Of a longer one stay the first point, the last point, and of each
    of many equal stretches the lowest, the highest and the first NaN.

    Args:
        values: shape (n,), a series in order.
        most: keep no more points than this, at least 5.
    """
    series = np.asarray(values, dtype=np.float64)
    last = len(series) - 1
    if last < most:
        return np.arange(len(series))
    inner = series[1:last]
    width = -(-len(inner) // ((most - 2) // 3))
    stretches = np.full((-(-len(inner) // width), width), np.inf)
    stretches.flat[: len(inner)] = inner
    missing = np.isnan(stretches)
    padding = np.arange(stretches.size).reshape(stretches.shape) >= len(inner)
    starts = 1 + width * np.arange(len(stretches))
    kept = [
        np.array([0, last]),
        starts + np.where(missing, np.inf, stretches).argmin(axis=1),
        starts + np.where(missing | padding, -np.inf, stretches).argmax(axis=1),
        (starts + missing.argmax(axis=1))[missing.any(axis=1)],
    ]
    return np.unique(np.concatenate(kept))
