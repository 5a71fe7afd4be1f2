"""Minibatches of PPO on any policy, differentiated by autograd."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from torch.nn import functional

from daf_nb.learn.actions import judge
from daf_nb.learn.buffer import buffer_of
from daf_nb.learn.precision import lower_precision
from daf_nb.learn.slopes import Weights

__all__ = ["Backprop"]


class Backprop:
    """The minibatches of one update of one model.

    Args:
        model: a PPO or MaskablePPO with a whole rollout in its buffer.
        weights: what the update weighs.
    """

    def __init__(self, model: Any, weights: Weights) -> None:
        self._model, self._weights, self._buffer = model, weights, buffer_of(model)
        self._data = self._buffer.flat()
        self._discrete = isinstance(model.action_space, spaces.Discrete)
        self._parameters = list(model.policy.parameters())

    def differentiate(self, at: torch.Tensor) -> torch.Tensor:
        """The loss's gradient on these rows of the flattened rollout, for `step` to follow.

        Args:
            at: int64 [rows], on the device.

        Returns:
            [6]: loss, policy loss, value loss, entropy loss, KL, share of clipped ratios.
        """
        batch = {name: tensor.index_select(0, at) for name, tensor in self._data.items()}
        loss, stats = self._loss(batch)
        self._model.policy.optimizer.zero_grad()
        loss.backward()
        return stats

    def step(self) -> torch.Tensor:
        """Clips the gradient and lets the optimiser follow it; its norm before that."""
        limit = self._model.max_grad_norm
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, limit)
        self._model.policy.optimizer.step()
        return norm.detach()

    def _loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        model, weights, actions = self._model, self._weights, batch["actions"]
        actions = actions.long().flatten() if self._discrete else actions.float()
        with lower_precision(model.device, self._buffer.precision):
            log_prob, values, entropy = judge(
                model.policy, batch["observations"], actions, batch.get("masks")
            )
        advantages = batch["advantages"]
        if weights.normalise and len(advantages) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        log_ratio = log_prob - batch["log_probs"]
        ratio, clip, clip_vf = torch.exp(log_ratio), weights.clip, weights.clip_vf
        policy_loss = -torch.min(
            advantages * ratio, advantages * torch.clamp(ratio, 1 - clip, 1 + clip)
        ).mean()
        if clip_vf is not None:
            values = batch["values"] + torch.clamp(values - batch["values"], -clip_vf, clip_vf)
        value_loss = functional.mse_loss(batch["returns"], values)
        entropy_loss = -torch.mean(-log_prob) if entropy is None else -torch.mean(entropy)
        loss = policy_loss + weights.entropy * entropy_loss + weights.value * value_loss
        with torch.no_grad():
            kl = torch.mean((ratio - 1) - log_ratio)  # http://joschu.net/blog/kl-approx.html
            clipped = torch.mean((torch.abs(ratio - 1) > clip).float())
            stats = torch.stack([loss, policy_loss, value_loss, entropy_loss, kl, clipped])
        return loss, stats
