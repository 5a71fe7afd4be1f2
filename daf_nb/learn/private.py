"""What other users of torch in this process must neither disturb nor notice: noise and threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import init
from torch.overrides import TorchFunctionMode

__all__ = ["PrivateNoise", "torch_threads"]

_RANDOM = frozenset(
    {
        *(getattr(torch.Tensor, f"{name}_") for name in ("bernoulli", "normal", "uniform")),
        *(getattr(torch.Tensor, f"{name}_") for name in ("exponential", "log_normal", "random")),
        *(getattr(torch, name) for name in ("bernoulli", "multinomial", "normal")),
        *(getattr(torch, name) for name in ("rand", "randint", "randn", "randperm")),
        *(getattr(init, f"{name}_") for name in ("kaiming_normal", "kaiming_uniform", "normal")),
        *(getattr(init, f"{name}_") for name in ("orthogonal", "trunc_normal", "uniform")),
        *(getattr(init, f"{name}_") for name in ("xavier_normal", "xavier_uniform")),
    }
)


class PrivateNoise(TorchFunctionMode):
    """Within it, torch's random functions called by this thread draw from one generator.

    A generator seeded with s gives what the global one gives after `torch.manual_seed(s)`, so
    models made within it have the weights that SB3 draws for a seed; but the global one is neither
    read nor written.

    Args:
        generator: what they draw from.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in _RANDOM and kwargs.get("generator") is None:
            kwargs["generator"] = self._generator
        return func(*args, **kwargs)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Runs torch on `count` threads, and puts the setting back."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
