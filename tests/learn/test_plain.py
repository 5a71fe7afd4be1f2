"""What is taken for a plain network, and that nothing else is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from daf_nb.learn.plain import plain_net

SEES = spaces.Box(-1, 1, (3,), np.float32)
FIVE = spaces.Discrete(5)
TWO = spaces.Box(-1, 1, (2,), np.float32)


def make(sees: Any = SEES, acts: Any = FIVE, kind: Any = ActorCriticPolicy, **kwargs: Any) -> Any:
    return kind(sees, acts, lambda left: 1e-3, **kwargs)


@pytest.mark.parametrize(
    ("made", "actor", "critic", "rectified"),
    [
        ({}, [64, 64, 5], [64, 64, 1], False),
        ({"activation_fn": nn.ReLU}, [64, 64, 5], [64, 64, 1], True),
        ({"net_arch": {"pi": [7], "vf": [8, 9]}}, [7, 5], [8, 9, 1], False),
        ({"net_arch": []}, [5], [1], False),
        ({"share_features_extractor": False}, [64, 64, 5], [64, 64, 1], False),
        ({"acts": TWO}, [64, 64, 2], [64, 64, 1], False),
        ({"sees": spaces.Box(-1, 1, (2, 3), np.float64)}, [64, 64, 5], [64, 64, 1], False),
    ],
)
def test_sb3s_own_networks_are_plain(made, actor, critic, rectified):
    policy = make(**made)
    net = plain_net(policy)
    assert net is not None
    assert [len(bias) for _, bias in net.actor] == actor
    assert [len(bias) for _, bias in net.critic] == critic
    assert net.rectified is rectified
    assert {*map(id, net.parameters)} == {*map(id, policy.parameters())}


class Doubled(ActorCriticPolicy):
    """Someone's own."""

    def forward(self, obs: Any, deterministic: bool = False) -> Any:
        actions, values, log_probs = super().forward(obs, deterministic)
        return actions, 2 * values, log_probs


@pytest.mark.parametrize(
    "made",
    [
        {"kind": Doubled},
        {"activation_fn": nn.ELU},
        {"acts": spaces.MultiDiscrete([2, 3])},
        {"acts": spaces.MultiBinary(3)},
        {"sees": spaces.Discrete(4)},
        {"sees": spaces.Box(0, 255, (3,), np.uint8)},
        {"acts": TWO, "use_sde": True},
    ],
    ids=["subclass", "ELU", "MultiDiscrete", "MultiBinary", "numbers", "bytes", "gSDE"],
)
def test_others_are_not(made):
    assert plain_net(make(**made)) is None


def hook(policy: Any) -> Any:
    return policy.value_net.register_forward_hook(lambda module, given, out: out)


def hook_for_all(policy: Any) -> Any:
    return nn.modules.module.register_module_forward_hook(lambda module, given, out: None)


def listen(policy: Any) -> Any:
    return policy.action_net.weight.register_hook(lambda gradient: gradient)


def freeze(policy: Any) -> None:
    policy.value_net.bias.requires_grad_(False)


def add(policy: Any) -> None:
    policy.more = nn.Linear(2, 2)


def replace(policy: Any) -> None:
    policy.mlp_extractor.policy_net[1] = nn.Sequential(nn.Tanh(), nn.Dropout(0.1))


def patch(policy: Any) -> None:
    policy.evaluate_actions = lambda *args: None


def widen(policy: Any) -> None:
    policy.double()


@pytest.mark.parametrize("change", [hook, hook_for_all, listen, freeze, add, replace, patch, widen])
def test_a_network_that_someone_changed_is_not_plain(change):
    policy = make()
    assert plain_net(policy) is not None
    handle = change(policy)
    assert plain_net(policy) is None
    if handle is not None:
        handle.remove()
        assert plain_net(policy) is not None


def test_a_lone_parameter_is_noticed():
    policy = make()
    policy.register_parameter("scale", nn.Parameter(torch.ones(1)))
    assert plain_net(policy) is None
