"""The end of the process: films end before it.

A thread that is still in the midst of torch or pygame then would take the process down with an
error (https://github.com/python/cpython/issues/87135).
"""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Callable

__all__ = ["see_to"]

_LONGEST = 3.0
"""Seconds for all of them."""

_ends: list[weakref.WeakMethod[Callable[[float], object]]] = []


def see_to(end: Callable[[float], object]) -> None:
    """Has a method called before the process ends, with the seconds that it may take.

    Args:
        end: bound to an object, which it does not keep alive.
    """
    if not _ends:
        atexit.register(_end_all)
    _ends[:] = [one for one in _ends if one() not in (None, end)]
    _ends.append(weakref.WeakMethod(end))


def _end_all() -> None:
    until = time.monotonic() + _LONGEST
    for one in _ends:
        end = one()
        if end is not None:
            end(max(0.0, until - time.monotonic()))
