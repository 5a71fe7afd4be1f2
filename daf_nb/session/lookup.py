"""What a dotted name in a record stands for, and whether it may be looked up at all."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import reduce
from typing import Any

from daf_nb.errors import ConfigError

__all__ = ["finder"]

_LIBRARIES = ("torch.nn.", "torch.optim.", "stable_baselines3.", "sb3_contrib.")


def finder(trust: bool) -> Callable[[str, str], Any]:
    """A function of (field, dotted name) that gives what is meant.

    Args:
        trust: whether any code may be imported. Otherwise only modules and optimisers that torch
            and SB3 define themselves: what else can be reached through them is not harmless.
    """

    def find(field: str, path: str) -> Any:
        if path.startswith(_LIBRARIES):
            found = _lookup(field, path)
            if trust or _is_part(found):
                return found
        if not trust:
            raise ConfigError(
                f"{field} is {path!r}, code that the record holds by name only. Pass trust=True to "
                f"import it from there, or give it: {field}=..."
            )
        return _lookup(field, path)

    return find


def _is_part(found: Any) -> bool:
    from torch import nn, optim

    return (
        isinstance(found, type)
        and f"{found.__module__}.".startswith(_LIBRARIES)
        and issubclass(found, (nn.Module, optim.Optimizer))
    )


def _lookup(field: str, path: str) -> Any:
    """The longest part of the name that is a module, and the rest in it."""
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:count]))
            return reduce(getattr, parts[count:], module)
        except (AttributeError, ImportError):
            continue
    raise ConfigError(f"{field}: nothing is found under {path!r}; give it: {field}=...")
