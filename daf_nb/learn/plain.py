"""Which policies are SB3's plain multilayer perceptrons, whose arithmetic can be written out.

What is not certainly one is none: a hook, a subclass, another extractor, a frozen or an additional
parameter, pictures. Such policies go the general way, through their own modules and autograd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import (
    CategoricalDistribution,
    DiagGaussianDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor, MlpExtractor
from torch import nn

__all__ = ["PlainNet", "plain_net"]

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_METHODS = frozenset(
    {
        *("_get_action_dist_from_latent", "evaluate_actions", "extract_features", "forward"),
        *("forward_actor", "forward_critic", "predict_values"),
    }
)
_ACTIVATIONS = (nn.Tanh, nn.ReLU)


@dataclass(frozen=True)
class PlainNet:
    """The parameters of a plain policy, in the order of its arithmetic.

    Attributes:
        actor: (weight, bias) of each layer up to the action net, which is the last.
        critic: likewise, up to the value net.
        rectified: ReLU between the layers; else Tanh.
        log_std: of a diagonal Gaussian; None for Discrete actions.
    """

    actor: tuple[tuple[nn.Parameter, nn.Parameter], ...]
    critic: tuple[tuple[nn.Parameter, nn.Parameter], ...]
    rectified: bool
    log_std: nn.Parameter | None

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All of them, the actor's first."""
        layers = [one for tower in (self.actor, self.critic) for layer in tower for one in layer]
        return layers if self.log_std is None else [*layers, self.log_std]


def plain_net(policy: Any) -> PlainNet | None:
    """The parameters of a policy whose whole arithmetic is known; None for any other."""
    if type(policy) is not ActorCriticPolicy or not _untouched(policy) or policy.use_sde:
        return None
    heads = {CategoricalDistribution: spaces.Discrete, DiagGaussianDistribution: spaces.Box}
    acts, sees = heads.get(type(policy.action_dist)), policy.observation_space
    if acts is None or type(policy.action_space) is not acts or policy.squash_output:
        return None
    if type(sees) is not spaces.Box or np.dtype(sees.dtype or np.uint8).kind != "f":
        return None
    extractors = {policy.features_extractor, policy.pi_features_extractor}
    extractors.add(policy.vf_features_extractor)
    if any(type(one) is not FlattenExtractor for one in extractors):
        return None
    if type(policy.mlp_extractor) is not MlpExtractor:
        return None
    middle = policy.mlp_extractor
    actor = _layers([*middle.policy_net, policy.action_net])
    critic = _layers([*middle.value_net, policy.value_net])
    kinds = {type(one) for part in (middle.policy_net, middle.value_net) for one in part}
    if actor is None or critic is None or set(_ACTIVATIONS) <= kinds:
        return None
    log_std = policy.log_std if acts is spaces.Box else None
    net = PlainNet(actor, critic, nn.ReLU in kinds, log_std)
    same = {*map(id, net.parameters)} == {*map(id, policy.parameters())}
    return net if same and all(map(_free, net.parameters)) else None


def _untouched(policy: nn.Module) -> bool:
    """No module has a hook or a method of its own, nor is there a hook for all modules."""
    if nn.modules.module._has_any_global_hook():
        return False
    return all(
        not _METHODS & vars(one).keys() and not any(getattr(one, name, None) for name in _HOOKS)
        for one in policy.modules()
    )


def _layers(
    modules: Sequence[nn.Module],
) -> tuple[tuple[nn.Parameter, nn.Parameter], ...] | None:
    """(weight, bias) of linear layers with one activation between each two; None for others."""
    linear, between = modules[::2], modules[1::2]
    if any(type(one) not in _ACTIVATIONS for one in between):
        return None
    if any(type(one) is not nn.Linear or one.bias is None for one in linear):
        return None
    return tuple((one.weight, one.bias) for one in linear)  # type: ignore[attr-defined] - Linear


def _free(parameter: nn.Parameter) -> bool:
    """It is trained, in float32, and nobody listens to its gradient."""
    hooked = parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None)
    return (
        parameter.requires_grad
        and parameter.dtype == torch.float32
        and parameter.is_contiguous()
        and not hooked
    )
