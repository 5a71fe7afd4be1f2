"""Batch sizes in effective numbers, arguments that belong elsewhere, and models that are SB3's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stable_baselines3 import A2C, PPO

from daf_nb.config import RlConfig
from daf_nb.errors import ConfigError
from daf_nb.learn import RlTrainer
from daf_nb.learn.models import check_batches, copy_policy, nearest_divisor
from tests import worlds
from tests.learn.helpers import Switches, config, make_trainer, weights


def refused(*args, **fields) -> str:
    with pytest.raises(ConfigError) as caught:
        make_trainer(*args, **fields)
    return str(caught.value)


def batch_size(trainer: RlTrainer) -> int:
    model: Any = trainer.policies["all"]
    return model.batch_size


def test_a_batch_size_that_does_not_divide_is_told_in_effective_numbers():
    message = refused(batch_size=20)
    assert "batch_size=20 does not divide the rollout of group 'all'" in message
    assert "8 steps x 2 copies x 2 agents = 32 rows" in message
    assert "nearest divisor is 16" in message
    assert "partial_minibatch=True" in message


def test_the_group_whose_rollout_does_not_divide_is_named():
    """2 wolves make 32 rows, one sheep 16: 32 divides the first alone."""
    message = refused(worlds.TwoKinds, batch_size=32)
    assert "group 'sheep': 8 steps x 2 copies x 1 agents = 16 rows" in message
    assert "nearest divisor is 16" in message


@pytest.mark.parametrize("size", [2, 4, 8, 16, 32])
def test_a_batch_size_that_divides_is_taken(size):
    assert batch_size(make_trainer(batch_size=size)) == size


@pytest.mark.parametrize(("size", "taken"), [(20, 20), (100, 32)])
def test_any_batch_size_is_taken_where_a_partial_minibatch_is_allowed(size, taken):
    trainer = make_trainer(batch_size=size, partial_minibatch=True)
    assert batch_size(trainer) == taken
    trainer.train()
    assert trainer.progress.updates == 2


def test_without_a_batch_size_it_is_a_quarter_of_the_rollout_or_near():
    assert batch_size(make_trainer()) == 8
    assert check_batches(config(algorithm_kwargs={"n_steps": 7}), {"g": ["a"]}) == {"g": 2}
    assert check_batches(config(algorithm_kwargs={"n_steps": 7}), {"g": ["a", "b"]}) == {"g": 7}


@pytest.mark.parametrize(
    ("rollout", "size", "nearest"),
    [(32, 20, 16), (32, 25, 32), (96, 40, 48), (60, 7, 6), (97, 10, 97), (97, 60, 97), (6, 1, 2)],
)
def test_the_nearest_divisor(rollout, size, nearest):
    assert nearest_divisor(rollout, size) == nearest


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("batch_size", "RlConfig.batch_size"),
        ("seed", "RlConfig.seed"),
        ("device", "RlConfig.device"),
        ("policy_kwargs", "RlConfig.policy_kwargs"),
        ("env", "RlTrainer(env=...)"),
        ("use_sde", "not supported"),
    ],
)
def test_an_argument_with_its_own_field_is_sent_there(name, where):
    message = refused(algorithm_kwargs={name: 1})
    assert f"algorithm_kwargs[{name!r}] belongs to " in message
    assert where in message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"algorithm_kwargs": {"learning_rat": 1e-3}}, "PPO refused its arguments"),
        ({"algorithm_kwargs": {"n_steps": 0}}, "n_steps=0"),
        ({"policy": "NoPolicy"}, "NoPolicy"),
        ({"policy_kwargs": {"width": 3}}, "width"),
        ({"num_envs": 1, "env_kwargs": {"agents": 1}, "algorithm_kwargs": {"n_steps": 1}}, "row"),
    ],
    ids=str,
)
def test_what_sb3_refuses_is_a_config_error(fields, words):
    assert words in refused(**fields)


@pytest.mark.parametrize("world", [worlds.Continuous, Switches])
def test_masks_are_for_discrete_actions(world):
    assert "MaskablePPO" in refused(world, algorithm="MaskablePPO")


def test_sb3s_own_parameters_reach_its_model():
    trainer = make_trainer(
        algorithm_kwargs={"gamma": 0.9, "gae_lambda": 0.8, "clip_range": 0.1, "vf_coef": 0.25},
        policy_kwargs={"net_arch": [7]},
    )
    model: Any = trainer.policies["all"]
    assert (model.gamma, model.gae_lambda, model.vf_coef) == (0.9, 0.8, 0.25)
    assert model.clip_range(1) == 0.1
    assert (model.rollout_buffer.gamma, model.rollout_buffer.gae_lambda) == (0.9, 0.8)
    assert model.policy.mlp_extractor.latent_dim_pi == 7


@pytest.mark.parametrize(("algorithm", "maker", "n_steps"), [("PPO", PPO, 128), ("A2C", A2C, 5)])
def test_a_model_is_sb3s_own_class_with_our_default_of_steps(algorithm, maker, n_steps):
    trainer = RlTrainer(RlConfig(num_envs=2, algorithm=algorithm), env=worlds.Counting)
    model = trainer.policies["all"]
    assert type(model) is maker
    assert model.n_steps == n_steps
    assert model.rollout_buffer_class is None  # what `save` writes names SB3's
    assert (trainer.config.algorithm_kwargs, model.n_envs) == ({}, 4)


def test_a_copied_policy_is_equal_and_its_own():
    trainer = make_trainer()
    trainer.train()
    model = trainer.policies["all"]
    copied = copy_policy(model.policy)
    before = np.concatenate([p.detach().numpy().ravel() for p in copied.parameters()])
    assert np.array_equal(before, weights(model))
    trainer.train_episodes(1)
    after = np.concatenate([p.detach().numpy().ravel() for p in copied.parameters()])
    assert np.array_equal(before, after)
    assert not np.array_equal(after, weights(model))
