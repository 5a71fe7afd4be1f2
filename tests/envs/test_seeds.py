"""Episode seeds: distinct within a run, never shared with evaluation, decided by the run seed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from daf_nb.envs import MAX_SEED, EpisodeSeeds, fresh_seed
from daf_nb.envs.seeds import _mix

RUN_SEEDS = [0, 1, 12345, MAX_SEED]


def drawn(run_seed: int, *, copies: int, episodes: int, held_out: bool = False) -> list[int]:
    seeds = EpisodeSeeds(run_seed, num_envs=copies, held_out=held_out)
    return [seeds(c, e) for e, c in itertools.product(range(episodes), range(copies))]


@pytest.mark.parametrize("run_seed", RUN_SEEDS)
def test_no_two_episodes_of_a_run_share_a_seed_with_evaluation_counted_in(run_seed):
    trained = drawn(run_seed, copies=20, episodes=5000)
    held_out = drawn(run_seed, copies=20, episodes=5000, held_out=True)
    assert len({*trained, *held_out}) == 200_000
    assert 0 <= min(trained + held_out) <= max(trained + held_out) <= MAX_SEED


def test_held_out_seeds_stay_held_out_under_another_number_of_copies():
    """Evaluation plays fewer copies than training does."""
    trained = set(drawn(7, copies=16, episodes=5000))
    assert trained.isdisjoint(drawn(7, copies=3, episodes=5000, held_out=True))


def test_the_scrambling_is_murmur_hash_3s_finaliser():
    """Known answers of fmix32, and a bijection: no word of any stretch collides."""
    assert [_mix(word) for word in (0, 1, 2)] == [0, 0x514E28B7, 0x30F4C306]
    assert _mix(MAX_SEED) == 0x81F16F39
    words = [*range(50_000), *range(MAX_SEED - 50_000, MAX_SEED + 1)]
    assert len({_mix(word) for word in words}) == len(words)


def test_seeds_are_a_function_of_run_seed_copy_and_episode_alone():
    seeds, again = EpisodeSeeds(3, num_envs=4), EpisodeSeeds(3, num_envs=4)
    pairs = list(itertools.product(range(4), range(50)))
    backwards = {pair: again(*pair) for pair in reversed(pairs)}
    assert {pair: seeds(*pair) for pair in pairs} == backwards


def test_runs_with_neighbouring_seeds_have_little_in_common():
    runs = [set(drawn(run_seed, copies=8, episodes=250)) for run_seed in range(20)]
    assert len(set.union(*runs)) > 20 * 2000 - 5


def test_seeds_of_consecutive_episodes_differ_in_half_of_their_bits():
    """Worlds that take few bits of their seed still get different episodes."""
    seeds = np.array(drawn(0, copies=4, episodes=5000), np.uint32)
    flipped = np.bitwise_count(seeds[1:] ^ seeds[:-1])
    assert 15.5 < flipped.mean() < 16.5
    low_byte = np.bincount(seeds & 0xFF, minlength=256)
    assert low_byte.min() > 40  # 78 expected in each


def test_a_run_without_a_seed_draws_one_that_can_be_used_again():
    seeds = {fresh_seed() for _ in range(50)}
    assert len(seeds) == 50
    assert all(isinstance(seed, int) and 0 <= seed <= MAX_SEED for seed in seeds)


def test_the_very_seed_can_be_had_for_every_episode():
    seeds = EpisodeSeeds(17, num_envs=2, same=True)
    assert {seeds(copy, episode) for copy in range(2) for episode in range(9)} == {17}
