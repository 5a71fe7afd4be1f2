"""One PPO update on the live rows of a rollout: SB3's mathematics, our data path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.learn.backprop import Backprop
from daf_nb.learn.breaking import BrokenOff
from daf_nb.learn.buffer import AgentRolloutBuffer, buffer_of
from daf_nb.learn.descent import Descent
from daf_nb.learn.plain import plain_net
from daf_nb.learn.slopes import Weights

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
    clip = model.clip_range(model._current_progress_remaining)
    clip_vf = model.clip_range_vf
    if clip_vf is not None:
        clip_vf = clip_vf(model._current_progress_remaining)
    weights = Weights(clip, clip_vf, model.ent_coef, model.vf_coef, model.normalize_advantage)
    net = plain_net(model.policy) if buffer.precision is None and buffer.masks is None else None
    descent = Backprop(model, weights) if net is None else Descent(model, net, weights)
    seen: list[torch.Tensor] = []
    norms: list[torch.Tensor] = []
    for _ in range(model.n_epochs):
        going_on = True
        for at in buffer.shuffled(model.batch_size):
            if not asked():
                raise BrokenOff
            stats = descent.differentiate(at)
            seen.append(stats)
            if model.target_kl is not None and stats[4].item() > 1.5 * model.target_kl:
                going_on = False
                break
            norms.append(descent.step())
        model._n_updates += 1
        if not going_on:
            break
    return _told(model, torch.stack(seen).mean(0), norms, clip)


def _told(
    model: Any, means: torch.Tensor, norms: list[torch.Tensor], clip: float
) -> dict[str, float]:
    """What SB3 tells of an update and we of its gradients, fetched from the device at once."""
    lengths = torch.stack(norms) if norms else means.new_full((1,), torch.nan)
    clipped = (lengths > model.max_grad_norm).float() if norms else lengths
    log_std = getattr(model.policy, "log_std", None)
    deviation = means[:1] if log_std is None else log_std.detach().exp().flatten()
    numbers = [lengths.mean(), clipped.mean(), _explained_variance(model), deviation.mean()]
    *stats, norm, share, explained, std = torch.cat([means, torch.stack(numbers)]).tolist()
    result = dict(zip(_STATS, stats, strict=True)) | {
        "gradient_norm": norm,
        "gradient_clipped_share": share,
        "explained_variance": explained,
        "n_updates": float(model._n_updates),
        "clip_range": float(clip),
        "learning_rate": float(model.policy.optimizer.param_groups[0]["lr"]),
    }
    return result if log_std is None else result | {"std": std}


def _explained_variance(model: Any) -> torch.Tensor:
    """1 - Var(returns - values) / Var(returns), over live rows; NaN where returns are constant."""
    buffer = buffer_of(model)
    live = torch.as_tensor(buffer.live, device=buffer.device)
    data = buffer.flat()
    returns, values = data["returns"][live], data["values"][live]
    variance = returns.var(correction=0)
    explained = 1 - (returns - values).var(correction=0) / variance
    return explained.masked_fill(variance == 0, torch.nan)


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
