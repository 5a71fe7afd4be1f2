"""A world's own chance: it draws from its generators, whoever else draws from torch's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

__all__ = ["WorldNoise"]

_LIKE = {torch.rand_like: torch.rand, torch.randn_like: torch.randn}
_DRAWS = frozenset(
    {
        *(getattr(torch.Tensor, f"{name}_") for name in ("bernoulli", "normal", "uniform")),
        *(getattr(torch.Tensor, f"{name}_") for name in ("exponential", "log_normal", "random")),
        *(getattr(torch, name) for name in ("bernoulli", "multinomial", "normal")),
        *(getattr(torch, name) for name in ("rand", "randint", "randn", "randperm")),
        *_LIKE,
    }
)


class WorldNoise(TorchFunctionMode):
    """Within it, torch's random functions called by this thread draw from these generators.

    Torch's global generators are neither read nor written, so that a world that knows no others can
    be stepped in one thread while another thread draws.

    Args:
        device: of the world; what it draws on the CPU has a generator of its own.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        kinds = dict.fromkeys(("cpu", device.type))
        self._generators = {
            kind: torch.Generator(device if kind == device.type else "cpu") for kind in kinds
        }

    def seed(self, seed: int) -> None:
        """Draws from this seed on."""
        for generator in self._generators.values():
            generator.manual_seed(seed)

    def state(self) -> dict[str, torch.Tensor]:
        """Kind of device -> the state of its generator, uint8 on the CPU."""
        return {kind: one.get_state().clone() for kind, one in self._generators.items()}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Draws on from where `state` was taken."""
        for kind, generator in self._generators.items():
            generator.set_state(state[kind].cpu())

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in _DRAWS or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        given = next((one for one in args if isinstance(one, torch.Tensor)), None)
        where = kwargs.get("device") or ("cpu" if given is None else given.device)
        kwargs = {**kwargs, "generator": self._generators[torch.device(where).type]}
        if func in _LIKE:
            assert given is not None, "they are given a tensor to be like"
            kwargs = {"dtype": given.dtype, "device": given.device, **kwargs}
            return _LIKE[func](given.shape, **kwargs)
        return func(*args, **kwargs)
