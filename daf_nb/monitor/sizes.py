"""How much memory Python objects take, with all that they refer to."""

from __future__ import annotations

import gc
import logging
import sys
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["deep_bytes", "module_of"]

_SHARED = (
    *(type, logging.Handler, logging.Logger, np.dtype, weakref.ReferenceType),
    *(types.BuiltinFunctionType, types.CodeType, types.FrameType, types.FunctionType),
    *(types.GetSetDescriptorType, types.MemberDescriptorType, types.MethodType, types.ModuleType),
)
"""What belongs to a program and not to one of its objects, or leads away from it."""


def deep_bytes(
    *roots: object,
    leave: Callable[[object], bool] = lambda one: False,
    most: int = 300_000,
) -> int:
    """Bytes of objects and of all that they refer to, each counted once.

    NumPy's arrays and torch's tensors count with their data. Classes, modules, functions (with
    what they enclose), loggers and weak references are left out. What libraries in C hold behind
    an object, a physics engine's bodies or a drawing surface, cannot be seen: the sum is a least
    estimate.

    Args:
        roots: where to begin.
        leave: objects that are not of interest, nor what they refer to.
        most: objects to look at before the sum is given as it is.
    """
    waiting: list[object] = list(roots)
    seen: set[int] = set()
    total = 0
    while waiting and len(seen) < most:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, _SHARED) or leave(one):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one, 0) + _data(one, seen)
        if isinstance(one, np.ndarray):
            if one.base is not None:
                waiting.append(one.base)
            if one.dtype.hasobject:
                waiting.extend(one.flat)
        else:
            waiting.extend(gc.get_referents(one))
    return total


def module_of(one: object) -> str:
    """The module of an object's class; "" for classes in C that say none, such as Box2D's."""
    return str(getattr(type(one), "__module__", ""))


def _data(one: Any, seen: set[int]) -> int:
    """Bytes of a tensor's data, unless a tensor that shares them was counted."""
    # By its look, as torch need not be there.
    if not module_of(one).startswith("torch") or not hasattr(one, "untyped_storage"):
        return 0
    storage = one.untyped_storage()
    if storage.data_ptr() in seen:
        return 0
    seen.add(storage.data_ptr())
    return int(storage.nbytes())
