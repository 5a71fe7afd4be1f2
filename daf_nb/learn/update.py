"""One PPO update on the live rows of a rollout: SB3's mathematics, our data path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from torch.nn import functional

from daf_nb.learn.actions import judge
from daf_nb.learn.breaking import BrokenOff
from daf_nb.learn.buffer import AgentRolloutBuffer, buffer_of
from daf_nb.learn.precision import lower_precision

__all__ = ["update"]

_STATS = (
    "loss",
    "policy_gradient_loss",
    "value_loss",
    "entropy_loss",
    "approx_kl",
    "clip_fraction",
)


def update(
    model: OnPolicyAlgorithm, going_on: Callable[[], bool] = lambda: True
) -> dict[str, float]:
    """Trains `model` on its full rollout buffer.

    PPO and MaskablePPO follow Schulman et al. 2017 (arXiv 1707.06347) exactly as SB3's `PPO.train`
    does; the parameters after ten updates agree to 1e-6 (promise 10). Any other algorithm runs its
    own `train`.

    Args:
        model: an SB3 on-policy model whose `rollout_buffer` is an `AgentRolloutBuffer`.
        going_on: asked before every minibatch of PPO.

    Returns:
        Means over the minibatches: SB3's statistics by SB3's names; `gradient_norm`, the norm
        before clipping (after clipping where the algorithm's own `train` ran);
        `gradient_clipped_share`, the minibatches whose gradient was longer than `max_grad_norm`
        (not where the algorithm's own ran); and where actions are counted, `entropy_share`, the
        entropy as a part of that of uniform actions.

    Raises:
        BrokenOff: `going_on` said so; the parameters are in between.
    """
    buffer = buffer_of(model)
    if not len(buffer.live):
        return {}
    if type(model).train in (PPO.train, MaskablePPO.train):
        stats = _ppo(model, buffer, going_on)
    else:
        model.train()
        stats = {
            name.removeprefix("train/"): float(value)
            for name, value in model.logger.name_to_value.items()
            if name.startswith("train/")
        }
        stats["gradient_norm"] = _gradient_norm(model)
    greatest = _greatest_entropy(model.action_space)
    if greatest and "entropy_loss" in stats:
        stats["entropy_share"] = -stats["entropy_loss"] / greatest
    for name, value in stats.items():
        model.logger.record(f"train/{name}", value)
    return stats


def _ppo(model: Any, buffer: AgentRolloutBuffer, asked: Callable[[], bool]) -> dict[str, float]:
    model.policy.set_training_mode(True)
    model._update_learning_rate(model.policy.optimizer)
    data = buffer.flat()
    clip = model.clip_range(model._current_progress_remaining)
    clip_vf = model.clip_range_vf
    if clip_vf is not None:
        clip_vf = clip_vf(model._current_progress_remaining)
    seen: list[torch.Tensor] = []
    norms: list[torch.Tensor] = []
    for _ in range(model.n_epochs):
        going_on = True
        for indices in buffer.minibatches(model.batch_size):
            if not asked():
                raise BrokenOff
            at = torch.as_tensor(indices, device=buffer.device)
            batch = {name: tensor[at] for name, tensor in data.items()}
            loss, stats = _loss(model, batch, clip, clip_vf, buffer.precision)
            if model.target_kl is not None and stats[4].item() > 1.5 * model.target_kl:
                going_on = False
                seen.append(stats)
                break
            model.policy.optimizer.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.policy.parameters(), model.max_grad_norm)
            model.policy.optimizer.step()
            seen.append(stats)
            norms.append(norm.detach())
        model._n_updates += 1
        if not going_on:
            break
    result = dict(zip(_STATS, torch.stack(seen).mean(0).tolist(), strict=True))
    lengths = torch.stack(norms) if norms else torch.full((1,), torch.nan)
    clipped = (lengths > model.max_grad_norm).float().mean() if norms else lengths
    result |= {
        "gradient_norm": float(lengths.mean()),
        "gradient_clipped_share": float(clipped),
        "explained_variance": _explained_variance(buffer),
        "n_updates": float(model._n_updates),
        "clip_range": float(clip),
        "learning_rate": float(model.policy.optimizer.param_groups[0]["lr"]),
    }
    if hasattr(model.policy, "log_std"):
        result["std"] = float(torch.exp(model.policy.log_std.detach()).mean())
    return result


def _loss(
    model: Any,
    batch: Mapping[str, torch.Tensor],
    clip: float,
    clip_vf: float | None,
    precision: torch.dtype | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """PPO's loss on one minibatch, and its statistics in the order of `_STATS`."""
    actions = batch["actions"]
    discrete = isinstance(model.action_space, spaces.Discrete)
    actions = actions.long().flatten() if discrete else actions.float()
    with lower_precision(model.device, precision):
        log_prob, values, entropy = judge(
            model.policy, batch["observations"], actions, batch.get("masks")
        )
    advantages = batch["advantages"]
    if model.normalize_advantage and len(advantages) > 1:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    log_ratio = log_prob - batch["log_probs"]
    ratio = torch.exp(log_ratio)
    policy_loss = -torch.min(
        advantages * ratio, advantages * torch.clamp(ratio, 1 - clip, 1 + clip)
    ).mean()
    if clip_vf is not None:
        values = batch["values"] + torch.clamp(values - batch["values"], -clip_vf, clip_vf)
    value_loss = functional.mse_loss(batch["returns"], values)
    entropy_loss = -torch.mean(-log_prob) if entropy is None else -torch.mean(entropy)
    loss = policy_loss + model.ent_coef * entropy_loss + model.vf_coef * value_loss
    with torch.no_grad():
        kl = torch.mean((ratio - 1) - log_ratio)  # http://joschu.net/blog/kl-approx.html
        clipped = torch.mean((torch.abs(ratio - 1) > clip).float())
        stats = torch.stack([loss, policy_loss, value_loss, entropy_loss, kl, clipped])
    return loss, stats


def _explained_variance(buffer: AgentRolloutBuffer) -> float:
    """1 - Var(returns - values) / Var(returns), over live rows; NaN where returns are constant."""
    alive = torch.as_tensor(buffer.alive)
    returns, values = (torch.as_tensor(one)[alive] for one in (buffer.returns, buffer.values))
    variance = float(returns.var(correction=0))
    rest = float((returns - values).var(correction=0))
    return float("nan") if variance == 0 else 1 - rest / variance


def _greatest_entropy(space: spaces.Space) -> float:
    """Entropy of uniform actions, in nats; 0 where there is no greatest one, or only one action."""
    if isinstance(space, spaces.MultiDiscrete):
        return float(np.log(space.nvec).sum())
    if isinstance(space, spaces.MultiBinary):
        return float(np.prod(space.shape) * np.log(2))
    return float(np.log(space.n)) if isinstance(space, spaces.Discrete) else 0.0


def _gradient_norm(model: OnPolicyAlgorithm) -> float:
    gradients = [p.grad for p in model.policy.parameters() if p.grad is not None]
    return float(torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients])))
