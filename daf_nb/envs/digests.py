"""Digests: what a step brought, as one number, so that two playings of it can be compared.

A digest is a multilinear hash (Lemire and Kaser 2014, "Strongly universal string hashing is fast",
https://arxiv.org/abs/1202.4961): 32-bit words, each times a fixed random 64-bit weight, summed; the
high bits count. It depends on agents, observations, rewards and ends alone: not on the order or the
groups of agents, nor on padding and goals. It finds differences; it is no proof against forgery.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from daf_nb.envs.spaces import AgentSpaces, storage

__all__ = ["Digests", "differing", "stride_for"]

_WIDEST = 4096
"""Bytes of an agent's observation that are read; of larger ones, every n-th element is."""

_REWARD, _TERMINATED, _TRUNCATED = 1, 2, 3  # streams of weights; 0 is the observation's


def stride_for(spaces: Mapping[str, AgentSpaces]) -> int:
    """Which elements of observations are read: every one, or of large ones every n-th."""
    sizes = [storage(its.observation) for its in spaces.values()]
    largest = max(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize for shape, dtype in sizes)
    return max(1, -(-largest // _WIDEST))


def differing(one: np.uint64, other: np.uint64) -> list[str]:
    """What differs in the steps of two digests: "observations", "rewards", "ends"."""
    different = int(one) ^ int(other)
    parts = {"observations": different >> 32, "rewards": different >> 8 & 0xFFFFFF}
    return [name for name, bits in {**parts, "ends": different & 0xFF}.items() if bits]


class Digests:
    """Collects what a number of steps brought, plane by plane, and digests them together.

    Args:
        groups: group -> its agents, whose observations are written as one block.
        spaces: group -> the spaces its agents share.
        goal_size: how many numbers at the end of each observation are not the world's own.
        stride: read every so many elements of an observation.
        copies: rows of a plane.
        planes: how many steps are collected at most.
    """

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]],
        spaces: Mapping[str, AgentSpaces],
        *,
        goal_size: int = 0,
        stride: int = 1,
        copies: int = 1,
        planes: int = 1,
    ) -> None:
        self.planes = planes
        self._stride, self._goal_size = stride, goal_size
        agents = [agent for members in groups.values() for agent in members]
        self._words: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []
        self._typed: dict[str, np.ndarray] = {}
        for name, members in groups.items():
            shape, dtype = storage(spaces[name].observation)
            size = -(-(int(np.prod(shape, dtype=np.int64)) - goal_size) // stride)
            width = -(-size * dtype.itemsize // 4)
            raw = np.zeros((planes, copies, len(members), 4 * width), np.uint8)
            self._typed[name] = raw[..., : size * dtype.itemsize].view(dtype)
            self._words.append(raw.view(np.uint32).reshape(planes, copies, -1))
            self._weights.append(np.concatenate([_weights(a, 0, width) for a in members]))
        self._rewards = np.zeros((planes, copies, len(agents)), np.float32)
        self._ends = np.zeros((planes, copies, 2 * len(agents)), bool)
        self._reward_weights = np.concatenate([_weights(a, _REWARD, 1) for a in agents])
        kinds = (_TERMINATED, _TRUNCATED)
        self._end_weights = np.concatenate([_weights(a, k, 1) for k in kinds for a in agents])
        self._ended = False

    def views(self, observations: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """What is read of C-contiguous blocks, group -> [copies, agents, *shape]: views of them."""
        return [self._read(observations[name], 2) for name in self._typed]

    def write(self, plane: int, views: Sequence[np.ndarray]) -> None:
        """A plane's observations, as `views` gave them."""
        for typed, view in zip(self._typed.values(), views, strict=True):
            typed[plane] = view

    def write_rewards(self, plane: int, rewards: np.ndarray) -> None:
        """A plane's rewards: [copies, agents]."""
        self._rewards[plane] = rewards

    def write_ends(self, plane: int, terminated: np.ndarray, truncated: np.ndarray) -> None:
        """A plane's ends: two of bool [copies, agents]; without them, nobody ended."""
        half = terminated.shape[-1]
        self._ends[plane, :, :half], self._ends[plane, :, half:] = terminated, truncated
        self._ended = True

    def write_one(self, plane: int, row: int, group: str, place: int, seen: np.ndarray) -> None:
        """One agent's observation, in place of what its group's block said."""
        self._typed[group][plane, row, place] = self._read(seen, 0)

    def take(self, planes: int) -> np.ndarray:
        """Digests of the first planes, which may be written again: uint64 [planes, copies]."""
        sums = [
            np.einsum("kcw,w->kc", words[:planes], weights)
            for words, weights in zip(self._words, self._weights, strict=True)
        ]
        rewards = self._rewards[:planes].view(np.uint32)
        taken = np.add.reduce(sums) >> np.uint64(32) << np.uint64(32)
        taken |= np.einsum("kca,a->kc", rewards, self._reward_weights) >> np.uint64(40) << 8
        if self._ended:
            ends = self._ends[:planes]
            taken |= np.einsum("kce,e->kc", ends, self._end_weights) >> np.uint64(56)
            ends[...] = self._ended = False
        self._rewards[:planes] = 0.0
        return taken

    def _read(self, block: np.ndarray, keep: int) -> np.ndarray:
        """What counts of the observations in a block, whose first `keep` axes stay."""
        if self._goal_size:
            block = block[..., : -self._goal_size]
        if block.ndim != keep + 1:
            block = block.reshape(*block.shape[:keep], -1)
        return block if self._stride == 1 else block[..., :: self._stride]


@cache
def _weights(agent: str, stream: int, count: int) -> np.ndarray:
    """An agent's weights; a longer list begins with a shorter one, and 0 is never among them."""
    generator = np.random.PCG64(zlib.crc32(agent.encode("utf-8", "replace")) + (stream << 32))
    return generator.random_raw(count) | np.uint64(1)
