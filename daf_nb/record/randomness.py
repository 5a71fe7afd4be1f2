"""The global random generators, put back exactly as they were found."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable

import numpy as np

__all__ = ["saved_randomness", "seed_generators"]


def seed_generators(seed: int) -> None:
    """Seeds `random`, `numpy.random` and a loaded torch, its GPUs included.

    Args:
        seed: in [0, 2**32): numpy's legacy generator takes no more.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the one that cells use
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "manual_seed"):
        torch.manual_seed(seed)  # a CUDA that has not started yet keeps it for its start


def saved_randomness() -> Callable[[], None]:
    """Remembers `random`, `numpy.random` and a loaded torch; its result, called, restores them."""
    python_state = random.getstate()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - the user's, not ours
    restore_torch = _saved_torch()

    def restore() -> None:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002 - the user's, not ours
        restore_torch()

    return restore


def _saved_torch() -> Callable[[], None]:
    torch = sys.modules.get("torch")
    if torch is None:
        return lambda: None
    state, seed = torch.get_rng_state(), torch.initial_seed()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None

    def restore() -> None:
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        elif torch.cuda.is_available():
            # A CUDA that has not started yet keeps the last seed it was told for its start.
            torch.cuda.manual_seed_all(seed)
        torch.set_rng_state(state)

    return restore
