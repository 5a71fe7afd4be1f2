"""Drawing from a policy: the policy's own distribution, and its own log-probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from daf_nb.errors import ConfigError
from daf_nb.learn.actions import act, to_world
from daf_nb.learn.actions import draw as noise_of
from tests import worlds
from tests.learn.helpers import Levers, Switches, make_trainer

ROWS = 20_000


def policy_of(world: Any, *, spread: float = 1.5, **fields: Any) -> Any:
    """A policy whose choices are not all alike: its last layer is drawn anew, wider."""
    policy: Any = make_trainer(world, **fields).policies["all"].policy
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        policy.action_net.bias.normal_(0, spread, generator=generator)
    return policy


def draw(policy: Any, masks: np.ndarray | None = None, seed: int = 0) -> Any:
    seen = torch.tensor([0.5, -1.0, 2.0]).expand(ROWS, 3)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(seed)
        noise = noise_of(policy, ROWS, generator, masked=masks is not None)
        actions, log_probs, values = act(policy, seen, noise, masks)
        extra = {} if masks is None else {"action_masks": masks}
        its_values, its_log_probs, _ = policy.evaluate_actions(seen, actions, **extra)
    np.testing.assert_allclose(log_probs, its_log_probs, atol=1e-5)
    np.testing.assert_allclose(values, its_values.flatten(), atol=1e-5)
    return actions.numpy(), policy.get_distribution(seen, **extra)


def test_discrete_actions_are_drawn_as_often_as_the_policy_says():
    actions, distribution = draw(policy_of(worlds.Counting))
    said = distribution.distribution.probs.detach().numpy()[0]
    assert said.max() - said.min() > 0.2
    np.testing.assert_allclose(np.bincount(actions, minlength=3) / ROWS, said, atol=0.015)


def test_masked_actions_are_never_drawn_and_the_others_as_often_as_left():
    masks = np.ones((ROWS, 4), bool)
    masks[:, 2] = False
    actions, distribution = draw(policy_of(worlds.Masked, algorithm="MaskablePPO"), masks)
    said = distribution.distribution.probs.detach().numpy()[0]
    counts = np.bincount(actions, minlength=4)
    assert counts[2] == 0
    np.testing.assert_allclose(counts / ROWS, said, atol=0.015)


def test_each_lever_is_drawn_by_itself():
    actions, distribution = draw(policy_of(Levers))
    assert actions.shape == (ROWS, 2)
    for lever, part in enumerate(distribution.distribution):
        said = part.probs.detach().numpy()[0]
        counts = np.bincount(actions[:, lever], minlength=len(said))
        np.testing.assert_allclose(counts / ROWS, said, atol=0.015)


def test_each_switch_is_drawn_by_itself():
    actions, distribution = draw(policy_of(Switches))
    said = distribution.distribution.probs.detach().numpy()[0]
    np.testing.assert_allclose(actions.mean(0), said, atol=0.015)


def test_continuous_actions_have_the_policys_mean_and_deviation():
    policy = policy_of(worlds.Continuous, policy_kwargs={"log_std_init": -1.0})
    actions, distribution = draw(policy)
    said = distribution.distribution
    np.testing.assert_allclose(actions.mean(0), said.mean.detach()[0], atol=0.015)
    np.testing.assert_allclose(actions.std(0), np.full(2, np.exp(-1)), atol=0.015)


def test_noise_is_the_generators():
    policy = policy_of(worlds.Continuous)
    (one, _), (same, _), (other, _) = (draw(policy, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_continuous_actions_are_clipped_into_their_box_for_the_world_alone():
    policy = policy_of(worlds.Continuous)
    actions = np.array([[-3, 0.25], [0.5, 9]], np.float32)
    assert to_world(policy, actions).tolist() == [[-1, 0.25], [0.5, 1]]
    assert actions.tolist() == [[-3, 0.25], [0.5, 9]]


def test_generalised_state_dependent_exploration_is_refused():
    """It draws its noise outside of the run's seed."""
    with pytest.raises(ConfigError, match="use_sde"):
        make_trainer(worlds.Continuous, algorithm_kwargs={"use_sde": True})
