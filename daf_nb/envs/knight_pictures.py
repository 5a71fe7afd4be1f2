"""The pictures of knights, archers and zombies, read from their files once per process.

The world reads a file for every arrow, sword and zombie, and for every player at every reset.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import pygame

__all__ = ["SOURCE", "pictures_kept"]

SOURCE = "pettingzoo.butterfly.knights_archers_zombies.src"
"""The package in which the world's figures are."""

_lock = threading.Lock()
_inside: list[None] = []


@contextmanager
def pictures_kept() -> Iterator[None]:
    """Within it, the world's figures get copies of pictures that were read before."""
    with _lock:
        _inside.append(None)
        _put(_copied)
    try:
        yield
    finally:
        with _lock:
            _inside.pop()
            if not _inside:
                _put(_own())


def _put(reader: Callable[[str], pygame.Surface]) -> None:
    for module in _readers():
        module.get_image = reader


def _copied(path: str) -> pygame.Surface:
    return _read(path).copy()


@cache
def _read(path: str) -> pygame.Surface:
    return _own()(path)


@cache
def _own() -> Callable[[str], pygame.Surface]:
    return import_module(f"{SOURCE}.img").get_image


@cache
def _readers() -> tuple[Any, ...]:
    return tuple(import_module(f"{SOURCE}.{name}") for name in ("players", "weapons", "zombie"))
