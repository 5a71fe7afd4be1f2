"""The collection loop: who enters the batch, what a time limit is worth, where noise is from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from gymnasium import spaces

from daf_nb.learn.buffer import AgentRolloutBuffer
from daf_nb.learn.update import update
from daf_nb.testing import Scripted
from tests import worlds
from tests.learn.helpers import Pictures, endless, make_collector, weights

STEPS = 12


def collected(factory, steps=STEPS, **fields):
    fields.setdefault("algorithm_kwargs", {"n_steps": steps})
    collector, models = make_collector(factory, **fields)
    return collector, models, collector.collect(steps)


def test_dead_rows_never_enter_the_batch():
    """Agents die at steps 2, 4 and 6 of each episode of 6 steps."""
    _, models, rollout = collected(worlds.Staggered)
    buffer = models["all"].rollout_buffer
    lives = np.array([[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
    expected = np.tile(lives, (2, 2))  # two copies, two episodes
    assert np.array_equal(buffer.alive, expected)
    assert rollout.steps == {"all": 48}
    assert np.array_equal(np.sort(np.concatenate(buffer.minibatches(16))), buffer.live)
    assert np.array_equal(buffer.live, np.flatnonzero(expected))
    (samples,) = buffer.get()
    assert len(samples.advantages) == 48
    assert samples.observations.numpy().any(axis=1).all()  # a dead row's would be zeros


def test_an_ends_row_and_reward_are_the_agents_own():
    _, models, rollout = collected(worlds.Staggered)
    buffer = models["all"].rollout_buffer
    ends = np.zeros((6, STEPS), bool)
    ends[[0, 3], 1] = ends[[1, 4], 3] = ends[[2, 5], 5] = True
    ends[:, 6:] = ends[:, :6]
    assert np.array_equal(buffer.ended, ends)
    assert [(e.copy, e.agent, e.terminated) for e in rollout.ends["all"][:3]] == [
        (0, "agent_0", True),
        (1, "agent_0", True),
        (0, "agent_1", True),
    ]
    earned = np.tile([1.0, 2.0, 3.0], 2)[:, None] + 0.1 * buffer.actions[..., 0]
    np.testing.assert_allclose(buffer.rewards, np.where(buffer.alive, earned, 0), rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 0.99])
def test_a_time_limit_is_worth_its_final_observations_discounted_value(gamma):
    """Limits at steps 5 and, for agent_1 alone, 3; agent_2 dies in step 4."""
    _, models, rollout = collected(
        lambda: Scripted(limit=5, limits={1: 3}, deaths={2: 4}),
        algorithm_kwargs={"n_steps": STEPS, "gamma": gamma},
    )
    model = models["all"]
    buffer = model.rollout_buffer
    earned = np.tile([1.0, 2.0, 3.0], 2)[:, None] + 0.1 * buffer.actions[..., 0]
    expected = np.where(buffer.alive, earned, 0)
    cut = [end for end in rollout.ends["all"] if end.truncated]
    when = {"agent_0": (4, 9), "agent_1": (2, 7)}
    for copy, (agent, steps) in itertools.product(range(2), when.items()):
        finals = [end.observation for end in cut if (end.copy, end.agent) == (copy, agent)]
        row = 3 * copy + int(agent[-1])
        for step, final in zip(steps, finals, strict=True):
            with torch.no_grad():
                value = model.policy.predict_values(torch.as_tensor(final)[None]).item()
            assert abs(value) > 1e-4
            expected[row, step] += gamma * value
    np.testing.assert_allclose(buffer.rewards, expected, atol=1e-5)
    deaths = [end for end in rollout.ends["all"] if end.terminated]
    assert {end.agent for end in deaths} == {"agent_2"}


def test_all_time_limits_of_a_rollout_cost_one_forward_pass():
    collector, models = make_collector(
        lambda: worlds.Counting(limit=2), algorithm_kwargs={"n_steps": STEPS}
    )
    batches = []
    models["all"].policy.value_net.register_forward_hook(
        lambda module, given, result: batches.append(len(result))
    )
    collector.collect(STEPS)
    rows, limits = 4, 4 * STEPS // 2
    assert sorted(batches) == sorted([rows] * STEPS + [limits] + [rows])


@pytest.mark.parametrize(
    ("world", "policy"),
    [
        (worlds.Continuous, "MlpPolicy"),
        (lambda: Pictures(agents=2), "CnnPolicy"),
        (lambda: Pictures(agents=2), "MlpPolicy"),
    ],
    ids=["numbers", "pictures", "flattened pictures"],
)
def test_what_is_stored_is_what_the_policy_said_of_it(world, policy):
    """Values and log-probabilities, computed anew from what the buffer holds."""
    _, models, _ = collected(world, policy=policy, steps=4)
    model = models["all"]
    (samples,) = model.rollout_buffer.get()
    actions = samples.actions if world is worlds.Continuous else samples.actions.flatten()
    with torch.no_grad():
        values, log_prob, _ = model.policy.evaluate_actions(samples.observations, actions)
    np.testing.assert_allclose(samples.old_values, values.flatten(), atol=1e-5)
    np.testing.assert_allclose(samples.old_log_prob, log_prob, atol=1e-5)


def test_pictures_are_kept_with_their_channels_first():
    """What SB3's networks want, and what its `predict` makes of what the world shows."""
    collector, models, _ = collected(lambda: Pictures(agents=2, limit=None), steps=1)
    kept = models["all"].rollout_buffer.observations
    world = Pictures(agents=2, limit=None)
    shown, _ = world.reset(seed=collector.copies.tapes()[1].seed)
    assert kept.dtype == np.uint8
    assert np.array_equal(np.moveaxis(kept[3, 0], 0, -1), shown["agent_1"])


def test_the_world_is_given_clipped_actions_and_the_buffer_keeps_the_drawn_ones():
    """A reward has a tenth of the sum of the action that arrived."""
    _, models, _ = collected(
        lambda: endless(worlds.Continuous), policy_kwargs={"log_std_init": 1.0}
    )
    buffer = models["all"].rollout_buffer
    assert (np.abs(buffer.actions) > 1).mean() > 0.3
    arrived = np.clip(buffer.actions, -1, 1)
    base = np.tile([1.0, 2.0], 2)[:, None]
    np.testing.assert_allclose(buffer.rewards, base + 0.1 * arrived.sum(-1), atol=1e-5)


def test_float64_observations_are_kept_as_float32():
    class Precise(Scripted):
        def make_observation_space(self, agent):
            return spaces.Box(-np.inf, np.inf, (2,), np.float64)

        def observe(self, agent):
            return np.array([(1 + self.elapsed) / 3, self.index(agent)])

    _, models, _ = collected(lambda: Precise(agents=2, limit=None))
    kept = models["all"].rollout_buffer.observations
    assert kept.dtype == np.float32
    seen = (np.arange(STEPS, dtype=np.float64) + 1) / 3
    assert np.array_equal(kept[2, :, 0], seen.astype(np.float32))


def test_the_last_value_is_of_the_observation_behind_the_last_step():
    """By the definition of the return at lambda = 0: R_t = r_t + gamma V_t+1."""
    collector, models, _ = collected(
        lambda: worlds.Counting(limit=None),
        algorithm_kwargs={"n_steps": STEPS, "gae_lambda": 0.0, "gamma": 0.9},
    )
    model = models["all"]
    with torch.no_grad():
        seen = torch.as_tensor(collector.copies.arrays.observations["all"].reshape(4, 3))
        last = model.policy.predict_values(seen).flatten().numpy()
    np.testing.assert_allclose(model.rollout_buffer.returns[:, -1], 1 + 0.9 * last, atol=1e-5)


def test_rollouts_continue_where_the_last_one_ended():
    collector, models = make_collector(
        lambda: worlds.Counting(limit=7), algorithm_kwargs={"n_steps": 4}
    )
    elapsed = []
    for _ in range(3):
        collector.collect(4)
        elapsed += models["all"].rollout_buffer.observations[0, :, 1].tolist()
    assert elapsed == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4]


def test_action_noise_comes_from_the_collectors_generator_alone():
    def actions(disturbance):
        torch.manual_seed(disturbance)
        np.random.seed(disturbance)  # noqa: NPY002 - the state that must not matter
        _, models, _ = collected(worlds.Continuous)
        return models["all"].rollout_buffer.actions.copy()

    assert np.array_equal(actions(1), actions(2))


def test_groups_fill_their_own_buffers_from_one_world():
    """Wolves earn 1 and 2, the sheep 3; each policy sees its own agents only."""
    _, models, rollout = collected(worlds.TwoKinds)
    assert rollout.steps == {"wolf": 48, "sheep": 24}
    wolf, sheep = (models[group].rollout_buffer for group in ("wolf", "sheep"))
    assert wolf.observations.shape == (4, STEPS, 3)
    assert sheep.observations.shape == (2, STEPS, 5)
    # Where no limit strikes, rewards are the world's.
    plain = np.arange(STEPS) % 5 != 4
    np.testing.assert_allclose(
        wolf.rewards[:, plain],
        (np.tile([1, 2], 2)[:, None] + 0.1 * wolf.actions[..., 0])[:, plain],
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        sheep.rewards[:, plain], (3 + 0.1 * sheep.actions[..., 0])[:, plain], rtol=1e-6
    )
    assert len(rollout.episodes) == 4
    assert set(rollout.episodes[0].returns) == {"wolf_0", "wolf_1", "sheep_0"}


def test_masks_are_stored_beside_what_was_done():
    """In this world a forbidden action raises; before step t + 1 it is t modulo 4."""
    _, models, _ = collected(lambda: endless(worlds.Masked), algorithm="MaskablePPO")
    buffer = models["all"].rollout_buffer
    forbidden = np.arange(STEPS) % 4
    assert np.array_equal(
        buffer.masks, np.broadcast_to(np.arange(4) != forbidden[:, None], (4, STEPS, 4))
    )
    assert (buffer.actions[..., 0] != forbidden).all()


@pytest.mark.parametrize(
    "fields",
    [
        {"factory": lambda: Scripted(limit=5, limits={1: 3}, deaths={2: 4})},
        {"factory": worlds.Masked, "algorithm": "MaskablePPO"},
        {"factory": lambda: Pictures(agents=2), "policy": "CnnPolicy"},
    ],
    ids=["ends", "masks", "pictures"],
)
def test_a_buffer_that_is_not_in_the_hosts_memory_holds_the_same(fields, monkeypatch):
    """The way of another device, gone on this one: rewards are gathered, the rest is sent over."""

    def trained():
        _, models, _ = collected(**fields)
        model = models["all"]
        sent = {name: tensor.clone() for name, tensor in model.rollout_buffer.tensors.items()}
        names = ("observations", "rewards", "advantages")
        read = [getattr(model.rollout_buffer, name).copy() for name in names]
        update(model)
        return sent, read, weights(model)

    here, read, learned = trained()
    monkeypatch.setattr(AgentRolloutBuffer, "here", False)
    there, also, too = trained()
    for name, tensor in here.items():
        assert torch.equal(tensor, there[name]), name
    assert all(map(np.array_equal, read, also))
    assert np.array_equal(learned, too)
