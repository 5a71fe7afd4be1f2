"""One run seed becomes a distinct seed for every episode of every copy."""

from __future__ import annotations

import numpy as np

from daf_nb.errors import ConfigError

__all__ = ["MAX_SEED", "EpisodeSeeds", "checked_seed", "fresh_seed"]

MAX_SEED = 2**32 - 1  # numpy's legacy generators, which many worlds still use, take no more
_WORD = 2**32


def fresh_seed() -> int:
    """A run seed from the operating system's entropy, in [0, MAX_SEED]."""
    return int(np.random.SeedSequence().generate_state(1)[0])


def checked_seed(seed: int | None) -> int:
    """A run's seed; None draws one.

    Raises:
        ConfigError: one out of range.
    """
    if seed is None:
        return fresh_seed()
    if not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"seed={seed}: a seed is a non-negative integer up to {MAX_SEED}.")
    return seed


def _mix(word: int) -> int:
    """MurmurHash3's 32-bit finaliser (Appleby 2011, public domain): a bijection on 32-bit words."""
    word ^= word >> 16
    word = word * 0x85EBCA6B % _WORD
    word ^= word >> 13
    word = word * 0xC2B2AE35 % _WORD
    return word ^ word >> 16


class EpisodeSeeds:
    """Seeds for episodes: `seeds(copy, episode)`.

    The pair is numbered, and the number is scrambled by a keyed bijection of the 32-bit words. So
    no two episodes of a run share a seed (for fewer than 2**31 episodes), and the even numbers,
    used for training, never meet the odd ones, which are held out for evaluation.

    Args:
        run_seed: the run's seed, in [0, MAX_SEED]; it is the bijection's key.
        num_envs: copies of the world.
        held_out: take the seeds that training never uses.
        same: every episode gets the run's seed itself, to be played again by somebody else.

    Raises:
        ConfigError: a run's seed that is out of range.
    """

    def __init__(
        self, run_seed: int, *, num_envs: int, held_out: bool = False, same: bool = False
    ) -> None:
        self._keys = [
            int(key) for key in np.random.SeedSequence(checked_seed(run_seed)).generate_state(2)
        ]
        self._num_envs = num_envs
        self._stream = int(held_out)
        self._same = run_seed if same else None

    def __call__(self, copy: int, episode: int) -> int:
        if self._same is not None:
            return self._same
        number = 2 * (episode * self._num_envs + copy) + self._stream
        first, second = self._keys
        return _mix(_mix((number + first) % _WORD) ^ second)
