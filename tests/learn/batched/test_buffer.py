"""The buffer on the device holds what the one on the host does, in another order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from daf_nb.learn.batched.buffer import DeviceBuffer
from daf_nb.learn.buffer import AgentRolloutBuffer

ROWS, STEPS = 6, 9


def filled(kind: type[AgentRolloutBuffer]) -> Any:
    """The same rollout with deaths and rows that are not alive."""
    buffer = kind(
        STEPS,
        spaces.Box(-1, 1, (3,), np.float32),
        spaces.Box(-1, 1, (2,), np.float32),
        device="cpu",
        gamma=0.9,
        gae_lambda=0.8,
        n_envs=ROWS,
    )
    buffer.reset()
    rng = np.random.default_rng(3)
    give: Any = torch.from_numpy if kind is DeviceBuffer else np.asarray
    for _ in range(STEPS):
        alive = rng.random(ROWS) < 0.8
        floats = [rng.standard_normal((ROWS, *shape)).astype(np.float32) for shape in ((3,), (2,))]
        values, log_probs, rewards = rng.standard_normal((3, ROWS)).astype(np.float32)
        buffer.store(*map(give, (floats[0], alive, floats[1], values, log_probs)))
        buffer.result(give(rewards * alive), give((rng.random(ROWS) < 0.2) & alive))
        buffer.advance()
    buffer.finish(give(rng.standard_normal(ROWS).astype(np.float32)))
    buffer.rng = np.random.default_rng(0)
    return buffer


def test_planes_and_advantages_equal_those_on_the_host():
    ours, host = filled(DeviceBuffer), filled(AgentRolloutBuffer)
    assert ours.full
    for name in ("observations", "actions", "rewards", "log_probs", "alive", "ended"):
        assert np.array_equal(getattr(ours, name).transpose(0, 1).numpy(), getattr(host, name))
    for name in ("values", "advantages", "returns"):
        plane = getattr(ours, name).T.numpy()
        np.testing.assert_allclose(plane, getattr(host, name), atol=1e-6)


def test_minibatches_are_even_and_hold_every_live_row_once():
    buffer = filled(DeviceBuffer)
    live = int(buffer.alive.sum())
    drawn = buffer.minibatches(10)
    assert {len(one) for one in drawn} <= {live // len(drawn), live // len(drawn) + 1}
    together = torch.cat(drawn)
    assert together.unique().tolist() == sorted(buffer.live.tolist())
    assert len(together) == live
    assert buffer.alive.flatten()[together].all()
    assert [len(one) for one in buffer.minibatches(None)] == [live]
    buffer.partial = True
    assert len(buffer.minibatches(10)[-1]) == live % 10 or live % 10 == 0


def test_shuffles_follow_the_seed_and_differ_from_pass_to_pass():
    one, other = filled(DeviceBuffer), filled(DeviceBuffer)
    first, second = one.minibatches(None)[0], one.minibatches(None)[0]
    assert torch.equal(first, other.minibatches(None)[0])
    assert not torch.equal(first, second)


@pytest.mark.parametrize("plane", ["rewards", "observations"])
def test_what_is_not_finite_is_found_in_live_rows_only(plane: str):
    buffer = filled(DeviceBuffer)
    assert buffer.finite().all()
    step, row = buffer.alive.nonzero()[5].tolist()
    getattr(buffer, plane)[step, row] = torch.nan
    assert (~buffer.finite()).nonzero().flatten().tolist() == [row]
    buffer.alive[step, row] = False
    assert buffer.finite().all()


def test_it_makes_room_for_other_rollouts():
    buffer = filled(DeviceBuffer)
    before = buffer.nbytes
    buffer.resize(2 * STEPS)
    assert buffer.observations.shape == (2 * STEPS, ROWS, 3)
    assert buffer.pos == 0
    assert before < buffer.nbytes < 2 * before + 1
