"""The rollout buffer: advantages over live rows, and minibatches of nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer

from daf_nb.learn.buffer import AgentRolloutBuffer

SEES = spaces.Box(-np.inf, np.inf, (3,), np.float32)
ACTS = spaces.Discrete(4)


def make_buffer(rows, steps, *, sees=SEES, acts=ACTS, gamma=0.5, gae_lambda=0.5) -> Any:
    return AgentRolloutBuffer(
        steps, sees, acts, device="cpu", gamma=gamma, gae_lambda=gae_lambda, n_envs=rows
    )


def fill(buffer, *, rewards, values, ended, alive=None, seed=0):
    """Fills a buffer from arrays [rows, steps]; observations and actions are drawn."""
    rewards, values, ended = np.array(rewards), np.array(values), np.array(ended, bool)
    rows, steps = rewards.shape
    alive = np.ones((rows, steps), bool) if alive is None else np.array(alive, bool)
    rng = np.random.default_rng(seed)
    seen = rng.standard_normal((steps, rows, 3)).astype(np.float32)
    acted = rng.integers(0, 4, (steps, rows))
    for step in range(steps):
        log_probs = rng.standard_normal(rows)
        buffer.store(seen[step], alive[:, step], acted[step], values[:, step], log_probs)
        buffer.result(rewards[:, step], ended[:, step])
        buffer.advance()
    assert buffer.full
    return seen, acted


def test_advantages_of_a_row_that_goes_on():
    """By hand, gamma = lambda = 1/2: A_t = r_t + V_t+1 / 2 - V_t + A_t+1 / 4."""
    buffer = make_buffer(1, 3)
    fill(buffer, rewards=[[1, 2, 3]], values=[[0.5, 1, 1.5]], ended=[[0, 0, 0]])
    buffer.finish(np.array([2.0], np.float32))
    assert buffer.advantages.tolist() == [[1.59375, 2.375, 2.5]]
    assert buffer.returns.tolist() == [[2.09375, 3.375, 4.0]]


def test_advantages_with_a_death_a_truncation_and_an_absence():
    """By hand, as above. What a policy says of dead rows, here 99, counts nowhere.

    Row 0 dies in step 1; row 1 is cut off in step 2, its reward of 2 bootstrapped with half of its
    final observation's value of 4; row 2 stays away; row 3 comes with the next episode, at step 2.
    """
    buffer = make_buffer(4, 4)
    fill(
        buffer,
        rewards=[[1, 2, 0, 0], [1, 1, 2 + 0.5 * 4, 0], [0, 0, 0, 0], [0, 0, 1, 1]],
        values=[[0.5, 1, 99, 99], [1, 1, 1, 99], [99, 99, 99, 99], [99, 99, 1, 1]],
        ended=[[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
        alive=[[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 1, 1]],
    )
    buffer.finish(np.array([99, 99, 99, 2.0], np.float32))
    assert buffer.advantages.tolist() == [
        [1.25, 1, 0, 0],
        [0.8125, 1.25, 3, 0],
        [0, 0, 0, 0],
        [0, 0, 0.75, 1],
    ]
    assert np.array_equal(
        buffer.returns, np.where(buffer.alive, buffer.advantages + buffer.values, 0)
    )
    assert not buffer.values[~buffer.alive].any()


def test_an_end_in_the_last_step_takes_no_last_value():
    buffer = make_buffer(2, 1)
    fill(buffer, rewards=[[1], [1]], values=[[0], [0]], ended=[[1], [0]])
    buffer.finish(np.array([10.0, 10.0], np.float32))
    assert buffer.advantages.tolist() == [[1], [6]]


@pytest.mark.parametrize(("gamma", "gae_lambda"), [(0.99, 0.95), (0.9, 1.0), (1.0, 0.0)])
def test_advantages_equal_sb3s_bit_for_bit_where_everybody_lives(gamma, gae_lambda):
    rng = np.random.default_rng(3)
    rows, steps = 6, 40
    rewards, values = rng.standard_normal((2, rows, steps)).astype(np.float32)
    ended = rng.random((rows, steps)) < 0.1
    last = rng.standard_normal(rows).astype(np.float32)
    ours = make_buffer(rows, steps, gamma=gamma, gae_lambda=gae_lambda)
    fill(ours, rewards=rewards, values=values, ended=ended)
    ours.finish(last)
    theirs = RolloutBuffer(steps, SEES, ACTS, "cpu", gae_lambda, gamma, rows)
    starts = np.concatenate([np.zeros((rows, 1), bool), ended[:, :-1]], axis=1)
    for t in range(steps):
        theirs.add(
            ours.observations[:, t],
            ours.actions[:, t],
            rewards[:, t],
            starts[:, t],
            torch.from_numpy(values[:, t]),
            torch.from_numpy(ours.log_probs[:, t]),
        )
    theirs.compute_returns_and_advantage(torch.from_numpy(last), ended[:, -1])
    assert np.array_equal(ours.advantages, theirs.advantages.T)
    assert np.array_equal(ours.returns, theirs.returns.T)


def mortal(rows=5, steps=20, seed=0):
    """A full buffer in which about a third of the rows are not alive."""
    rng = np.random.default_rng(seed)
    buffer = make_buffer(rows, steps)
    alive = rng.random((rows, steps)) < 0.65
    zeros = np.zeros((rows, steps))
    fill(buffer, rewards=zeros, values=zeros, ended=zeros, alive=alive)
    buffer.finish(np.zeros(rows, np.float32))
    return buffer, np.flatnonzero(alive)


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("batch_size", [2, 7, 16, 64, 1000, None])
def test_minibatches_hold_every_live_row_exactly_once(batch_size, partial):
    buffer, live = mortal()
    buffer.partial = partial
    batches = buffer.minibatches(batch_size)
    assert np.array_equal(np.sort(np.concatenate(batches)), live)
    if batch_size and len(live) > batch_size:
        assert len(batches) == -(-len(live) // batch_size)


def test_minibatches_are_even_unless_a_partial_one_is_allowed():
    buffer, live = mortal()
    assert len(live) % 16
    even = [len(batch) for batch in buffer.minibatches(16)]
    assert max(even) - min(even) == 1
    assert max(even) <= 16
    buffer.partial = True
    *full, rest = (len(batch) for batch in buffer.minibatches(16))
    assert set(full) == {16}
    assert rest == len(live) % 16


def test_minibatches_are_shuffled_by_the_buffers_own_generator():
    buffer, live = mortal()

    def shuffled(seed):
        buffer.rng = np.random.default_rng(seed)
        return np.concatenate(buffer.minibatches(16)).tolist()

    assert shuffled(1) == shuffled(1)
    assert shuffled(1) != shuffled(2)
    assert shuffled(1) != live.tolist()


def test_get_gives_sb3_samples_of_live_rows():
    rows, steps = 3, 4
    buffer = make_buffer(rows, steps)
    alive = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]], bool)
    rng = np.random.default_rng(1)
    rewards, values = rng.standard_normal((2, rows, steps))
    seen, acted = fill(buffer, rewards=rewards, values=values, ended=~alive, alive=alive)
    buffer.finish(np.zeros(rows, np.float32))
    (samples,) = buffer.get()
    order = np.argsort(samples.old_log_prob.numpy())
    expected = np.argsort(buffer.log_probs[alive])
    assert len(order) == alive.sum() == 8
    assert np.array_equal(
        samples.observations.numpy()[order], seen.transpose(1, 0, 2)[alive][expected]
    )
    assert np.array_equal(samples.actions.numpy()[order, 0], acted.T[alive][expected])
    for given, kept in (
        (samples.old_values, buffer.values),
        (samples.advantages, buffer.advantages),
        (samples.returns, buffer.returns),
    ):
        assert np.array_equal(given.numpy()[order], kept[alive][expected])
    assert {part.dtype for part in samples} == {torch.float32}


def test_a_rollout_is_written_over_the_last_one_in_place():
    buffer, _ = mortal()
    arrays = (buffer.observations, buffer.actions, buffer.rewards, buffer.alive, buffer.advantages)
    pointers = [array.ctypes.data for array in arrays]
    buffer.reset()
    assert (buffer.pos, buffer.full) == (0, False)
    zeros = np.zeros((5, 20))
    fill(buffer, rewards=zeros + 1, values=zeros, ended=zeros)
    assert buffer.live.size == 100
    again = (buffer.observations, buffer.actions, buffer.rewards, buffer.alive, buffer.advantages)
    assert [array.ctypes.data for array in again] == pointers


def test_training_tensors_share_the_arrays_memory_on_a_cpu():
    buffer, _ = mortal()
    flat = buffer.flat()
    assert all(flat[name].data_ptr() == getattr(buffer, name).ctypes.data for name in flat)


@pytest.mark.parametrize(
    ("declared", "kept"),
    [(np.float64, np.float32), (np.float32, np.float32), (np.uint8, np.uint8)],
)
def test_observations_are_kept_as_policies_compute(declared, kept):
    """float64 numbers become float32; pictures stay bytes."""
    buffer = make_buffer(2, 1, sees=spaces.Box(0, 255, (3,), declared))
    seen = np.array([[1 / 3, 2, 3], [4, 5, 6]]).astype(declared)
    buffer.store(seen, np.ones(2, bool), np.zeros(2), np.zeros(2), np.zeros(2))
    assert buffer.observations.dtype == kept
    assert np.array_equal(buffer.observations[:, 0], seen.astype(kept))


def test_masks_are_kept_per_row_and_step():
    buffer = make_buffer(2, 2)
    buffer.keep_masks(4)
    masks = np.random.default_rng(0).random((2, 2, 4)) < 0.5
    for step in range(2):
        nothing = np.zeros(2)
        buffer.store(np.zeros((2, 3)), np.ones(2, bool), nothing, nothing, nothing, masks[:, step])
        buffer.result(nothing, nothing)
        buffer.advance()
    assert np.array_equal(buffer.masks, masks)
    assert np.array_equal(buffer.flat()["masks"].numpy(), masks.reshape(4, 4))


def test_ranges_of_rows_and_steps_may_be_written_in_any_order():
    """One range a step ahead of the other: what is kept is what writing all at once keeps."""
    rng = np.random.default_rng(0)
    seen, acted = rng.standard_normal((2, 4, 3)).astype(np.float32), rng.integers(0, 4, (2, 4))
    plane = rng.standard_normal((2, 4)).astype(np.float32)
    ended = rng.random((2, 4)) < 0.5

    def write(buffer, step, rows):
        alive = np.ones(4, bool)[rows]
        given = plane[step, rows]
        buffer.store(seen[step, rows], alive, acted[step, rows], given, given, rows=rows, step=step)

    def complete(buffer, step, rows):
        buffer.result(plane[step, rows], ended[step, rows], rows=rows, step=step)

    whole, parts = make_buffer(4, 2), make_buffer(4, 2)
    for step in range(2):
        write(whole, step, slice(None))
        complete(whole, step, slice(None))
        whole.advance()
    first, second = slice(0, 1), slice(1, 4)
    orders = [(write, 0, first), (write, 0, second), (complete, 0, first), (write, 1, first)]
    orders += [(complete, 0, second), (write, 1, second), (complete, 1, second)]
    for order, step, rows in [*orders, (complete, 1, first)]:
        order(parts, step, rows)
    parts.advance()
    parts.advance()
    assert parts.full and np.array_equal(parts.ended, whole.ended)
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, parts.tensors[name]), name
    assert parts.rewards.any() and parts.observations.any()
