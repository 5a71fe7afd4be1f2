"""The tensors and numbers that an object is made of, found by walking it, and put back."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import torch

from daf_nb.errors import ConfigError

__all__ = ["Slot", "read", "walk", "write"]

_LEAVES = (str, bytes, type, types.ModuleType, types.FunctionType, types.MethodType)
_NUMBERS = {bool: torch.bool, int: torch.int64, float: torch.float64}


class Slot(NamedTuple):
    """Where a value stands: in a dict or list, under a key."""

    holder: Any
    key: Any
    value: Any


def walk(root: object, *, leave: Collection[str] = ()) -> dict[str, Slot]:
    """Path -> slot of every tensor and number that can be reached through attributes.

    Paths depend on the order in which attributes were made and on nothing else, so that two objects
    made alike have the same ones. What can be reached twice is told of once.

    Args:
        root: what to walk.
        leave: attributes that are not looked into.
    """
    return dict(_walk(root, "", set(), frozenset(leave)))


def _walk(one: object, path: str, seen: set[int], leave: frozenset[str]) -> Iterator[Any]:
    if id(one) in seen:
        return
    seen.add(id(one))
    for key, name, holder, value in _parts(one):
        if name in leave:
            continue
        if isinstance(value, torch.Tensor) or type(value) in _NUMBERS:
            yield f"{path}{name}", Slot(holder, key, value)
        elif value is not None and not isinstance(value, _LEAVES):
            yield from _walk(value, f"{path}{name}.", seen, leave)


def _parts(one: object) -> Iterator[tuple[Any, str, Any, Any]]:
    """(key, name, holder, value) of what an object is made of, in the order it was made."""
    if isinstance(one, Mapping):
        for place, (key, value) in enumerate(one.items()):
            yield key, key if isinstance(key, str) else str(place), one, value
    elif isinstance(one, (list, tuple)):
        for place, value in enumerate(one):
            yield place, str(place), one, value
    elif hasattr(one, "__dict__") and not callable(one):
        held = vars(one)
        for name, value in list(held.items()):
            yield name, name, held, value


def read(slots: Mapping[str, Slot]) -> dict[str, torch.Tensor]:
    """Path -> a copy of each value; numbers as tensors of no dimension."""
    return {
        path: slot.value.detach().clone()
        if isinstance(slot.value, torch.Tensor)
        else torch.tensor(slot.value, dtype=_NUMBERS[type(slot.value)])
        for path, slot in slots.items()
        if type(slot.value) is not int or abs(slot.value) < 2**63
    }


def write(slots: Mapping[str, Slot], state: Mapping[str, torch.Tensor], *, what: str) -> None:
    """Puts values where `read` would find them: new tensors, as another slot may hold the old ones.

    Args:
        slots: those of now.
        state: path -> value; slots that it does not tell of stay as they are.
        what: what the error calls their owner.

    Raises:
        ConfigError: the state is one of another make.
    """
    if missing := sorted(state.keys() - slots.keys()):
        raise ConfigError(f"the state is not one of {what}: there is no {missing[0]}.")
    for path, value in state.items():
        slot = slots[path]
        if not isinstance(slot.value, torch.Tensor):
            if not isinstance(slot.holder, tuple):
                slot.holder[slot.key] = value.item()
        elif isinstance(slot.holder, tuple):
            slot.value.copy_(value)
        else:
            slot.holder[slot.key] = value.to(slot.value.device, copy=True)
