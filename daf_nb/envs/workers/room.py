"""Memory that several processes see: an unnamed file, gone with the last of them."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Mapping, Sequence

import numpy as np

from daf_nb.envs.arrays import Arrays
from daf_nb.envs.layout import Layout
from daf_nb.envs.spaces import AgentSpaces

__all__ = ["Plane"]

_ALIGNED = 64
"""Arrays begin at cache lines, so that two processes do not write into one."""


class _Measure:
    """Adds up the room that arrays need."""

    def __init__(self) -> None:
        self.size = 0

    def __call__(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        array = np.zeros(shape, dtype)
        self.size += _rounded(array.nbytes)
        return array


class _Room:
    """Arrays in a mapped file, one after the other."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory, self._used = memory, 0

    def __call__(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(self._memory, dtype, count, self._used).reshape(shape)
        self._used += _rounded(array.nbytes)
        return array


class Plane:
    """The copies' arrays, their actions, and what workers are doing, in shared memory.

    Args:
        groups: group -> its agents.
        layout: of the arrays.
        num_envs: copies.
        num_workers: workers.
        file: of another process's plane, of the same arguments; None for a new one.

    Attributes:
        file: the descriptor of its memory, to be handed to other processes.
        arrays: what copies write and learners read.
        actions: group -> [copies, agents, *action shape], what is played next.
        close: closes the descriptor, once; the memory stays as long as somebody uses it.
        doing: int64 [workers, 8], of each worker: the copy that it plays, or -1; a number that
            counts up while Python runs there; and which episode of the copy it plays.
    """

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]],
        layout: Layout,
        *,
        num_envs: int,
        num_workers: int,
        file: int | None = None,
    ) -> None:
        needed = _Measure()
        plain = Arrays(groups, layout.spaces, num_envs=num_envs, room=needed)
        _others(plain, num_envs, num_workers, needed)
        attach = file is not None
        self.file = _unnamed(needed.size) if file is None else file
        self.close = weakref.finalize(self, _closed, None if attach else self.file)
        room = _Room(mmap.mmap(self.file, needed.size))
        by_agent: Mapping[str, AgentSpaces] = layout.spaces
        self.arrays = Arrays(groups, by_agent, num_envs=num_envs, room=room, attach=attach)
        self.actions, self.doing = _others(self.arrays, num_envs, num_workers, room)
        if not attach:
            self.doing[:] = -1


def _others(
    arrays: Arrays, num_envs: int, num_workers: int, room: _Measure | _Room
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    actions: dict[str, np.ndarray] = {}
    for name, columns in arrays.groups.items():
        space = arrays.spaces[name].action
        shape = (num_envs, columns.stop - columns.start, *(space.shape or ()))
        actions[name] = room(shape, np.dtype(space.dtype or np.float32))
    return actions, room((num_workers, _ALIGNED // 8), np.dtype(np.int64))


def _closed(file: int | None) -> None:
    if file is not None:
        os.close(file)


def _unnamed(size: int) -> int:
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("daf_nb", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.ftruncate(file, size)
    return file


def _rounded(size: int) -> int:
    return -(-max(1, size) // _ALIGNED) * _ALIGNED
