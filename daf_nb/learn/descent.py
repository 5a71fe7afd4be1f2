"""Minibatches of PPO on a plain network, their gradient written out in place of autograd's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from daf_nb.learn.adam import stepping
from daf_nb.learn.buffer import buffer_of
from daf_nb.learn.plain import PlainNet
from daf_nb.learn.slopes import Weights, actor_slope, critic_slope, gaussian_slope
from daf_nb.learn.towers import Tower

__all__ = ["Descent"]


@dataclass(frozen=True)
class _Batch:
    """Memory for minibatches of one size."""

    seen: torch.Tensor
    actions: torch.Tensor
    planes: torch.Tensor
    actor: Tower
    critic: Tower


class Descent:
    """The minibatches of one update of one model.

    Args:
        model: a PPO whose policy has these parameters.
        net: the parameters.
        weights: what the update weighs.
    """

    def __init__(self, model: Any, net: PlainNet, weights: Weights) -> None:
        buffer = buffer_of(model)
        self._net, self._weights, self._limit = net, weights, float(model.max_grad_norm)
        data = buffer.flat()
        self._seen, actions = data["observations"].flatten(1).float(), data["actions"]
        self._actions = actions.long() if net.log_std is None else actions.float()
        self._planes = buffer.planes[:4].flatten(1)
        parameters = net.parameters
        flat = parameters[0].new_empty(sum(one.numel() for one in parameters)).detach()
        parts = flat.split([one.numel() for one in parameters])
        self._gradient = flat
        self._gradients: dict[nn.Parameter, torch.Tensor] = {
            one: part.view_as(one) for one, part in zip(parameters, parts, strict=True)
        }
        self._parts = [self._gradients[one] for one in model.policy.parameters()]
        self._step = stepping(model.policy.optimizer, self._gradients)
        self._batches: dict[int, _Batch] = {}

    @torch.no_grad()
    def differentiate(self, at: torch.Tensor) -> torch.Tensor:
        """The loss's gradient on these rows of the flattened rollout, for `step` to follow.

        Args:
            at: int64 [rows], on the device.

        Returns:
            [6]: loss, policy loss, value loss, entropy loss, KL, share of clipped ratios.
        """
        batch = self._batches.get(len(at))
        if batch is None:
            batch = self._batches[len(at)] = self._make(len(at))
        torch.index_select(self._seen, 0, at, out=batch.seen)
        torch.index_select(self._actions, 0, at, out=batch.actions)
        torch.index_select(self._planes, 1, at, out=batch.planes)
        old, advantages, returns, values = batch.planes.unbind()
        actor, critic, weights = batch.actor, batch.critic, self._weights
        actor.forward(batch.seen)
        if self._net.log_std is None:
            terms = actor_slope(
                actor.given, batch.actions, old, advantages, weights, out=actor.wanted
            )
        else:
            terms = gaussian_slope(
                actor.given,
                self._net.log_std,
                batch.actions,
                old,
                advantages,
                weights,
                out=actor.wanted,
                out_log_std=self._gradients[self._net.log_std],
            )
        actor.backward()
        critic.forward(batch.seen)
        errors = critic_slope(critic.given[:, 0], values, returns, weights, out=critic.wanted[:, 0])
        critic.backward()
        surrogate, kl, clipped, entropy, squares = torch.stack([*terms, errors]).mean(1).unbind()
        loss = -surrogate - weights.entropy * entropy + weights.value * squares
        return torch.stack([loss, -surrogate, squares, -entropy, kl, clipped])

    @torch.no_grad()
    def step(self) -> torch.Tensor:
        """Clips the gradient and lets the optimiser follow it; its norm before that."""
        parts = torch._foreach_norm(self._parts)  # type: ignore[attr-defined] - as clip_grad_norm_
        norm = torch.linalg.vector_norm(torch.stack(parts))
        self._gradient.mul_((self._limit / (norm + 1e-6)).clamp_(max=1.0))
        self._step()
        return norm

    def _make(self, size: int) -> _Batch:
        seen, actions, room = self._seen, self._actions, {}
        return _Batch(
            seen.new_empty((size, *seen.shape[1:])),
            actions.new_empty((size, *actions.shape[1:])),
            self._planes.new_empty((len(self._planes), size)),
            Tower(self._net.actor, self._net, size, self._gradients, room),
            Tower(self._net.critic, self._net, size, self._gradients, room),
        )
