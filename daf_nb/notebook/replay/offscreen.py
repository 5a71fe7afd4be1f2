"""The stage: one world at a time is built, stepped and drawn off screen, and none ends another's.

pygame has one display and one set of fonts for the whole process. A world that is closed ends all
of it, for other films and for worlds that train; and one that is drawn may open a window.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["opened", "stage"]

_DRIVER = "SDL_VIDEODRIVER"
_turn = threading.RLock()


class _Shared:
    """What all films of the process have in common.

    Attributes:
        worlds: how many are open on the stage.
        began: the display that there is was begun by one of them.
    """

    worlds = 0
    began = False


@contextmanager
def stage(*, beginning: bool = False) -> Iterator[None]:
    """Has the stage for oneself; what a world closes meanwhile is its own alone.

    Args:
        beginning: a world is built and drawn for the first time, which may begin pygame's display:
            one without a window, as SDL's environment variable says for as long as this lasts.
    """
    with _turn:
        idle = not _displaying()
        with _without_window(beginning and idle), _spared():
            try:
                yield
            finally:
                _Shared.began = _Shared.began or (idle and _displaying())


@contextmanager
def opened() -> Iterator[None]:
    """While a world is open on the stage; behind the last one a display of theirs is ended."""
    with _turn:
        _Shared.worlds += 1
    try:
        yield
    finally:
        with _turn:
            _Shared.worlds -= 1
            if _Shared.began and not _Shared.worlds:
                _Shared.began = False
                _display().quit()


def _display() -> Any:
    """The display module of pygame, where anything has loaded that."""
    return getattr(sys.modules.get("pygame"), "display", None)


def _displaying() -> bool:
    display = _display()
    return display is not None and bool(display.get_init())


@contextmanager
def _without_window(wanted: bool) -> Iterator[None]:
    before = os.environ.get(_DRIVER)
    if wanted:
        os.environ[_DRIVER] = "dummy"
    try:
        yield
    finally:
        if wanted and before is None:
            os.environ.pop(_DRIVER, None)
        elif wanted and before is not None:
            os.environ[_DRIVER] = before


@contextmanager
def _spared() -> Iterator[None]:
    """`pygame.quit`, which worlds call when they are closed, does nothing."""
    pygame: Any = sys.modules.get("pygame")
    if pygame is None:
        yield
        return
    quit_all, pygame.quit = pygame.quit, _nothing
    try:
        yield
    finally:
        pygame.quit = quit_all


def _nothing() -> None:
    pass
