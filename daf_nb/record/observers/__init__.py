"""Observers beside a run's folder: MongoDB, Weights & Biases, or any observer of Sacred's.

Names load on first use, so that asking what there is needs neither Sacred nor a database.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daf_nb.record.observers.again import deliver
    from daf_nb.record.observers.making import close_observers, make_observers
    from daf_nb.record.observers.wanted import check_observers

__all__ = ["check_observers", "close_observers", "deliver", "make_observers"]

_HOMES = {
    "check_observers": "wanted",
    "close_observers": "making",
    "deliver": "again",
    "make_observers": "making",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
