"""An optimiser's step with as little around it as it allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

__all__ = ["stepping"]


def stepping(
    optimizer: torch.optim.Optimizer, gradients: dict[nn.Parameter, torch.Tensor]
) -> Callable[[], object]:
    """What makes a step of the optimiser with gradients that are always in the same place.

    For an ordinary Adam with torch's fused kernel it is that kernel; for any other its `step`.

    Args:
        optimizer: of a policy; its parameters' `grad` become these gradients.
        gradients: parameter -> its gradient.
    """
    for parameter, gradient in gradients.items():
        parameter.grad = gradient
    if type(optimizer) is not torch.optim.Adam or not _is_plain(optimizer):
        return optimizer.step
    (told,) = optimizer.param_groups
    parameters: list[Any] = told["params"]
    kept: list[list[torch.Tensor]] = []

    def step() -> None:
        if not kept:
            if not all(optimizer.state.get(one) for one in parameters):
                optimizer.step()  # it makes its state
                return
            states = [optimizer.state[one] for one in parameters]
            kept.extend([s[name] for s in states] for name in ("exp_avg", "exp_avg_sq", "step"))
        means, squares, steps = kept
        torch._foreach_add_(steps, 1)  # type: ignore[attr-defined] - the kernels behind `step`
        torch._fused_adam_(  # type: ignore[attr-defined]
            parameters,
            grads,
            means,
            squares,
            [],
            steps,
            lr=told["lr"],
            beta1=told["betas"][0],
            beta2=told["betas"][1],
            weight_decay=told["weight_decay"],
            eps=told["eps"],
            amsgrad=False,
            maximize=told["maximize"],
        )

    grads = [gradients[one] for one in parameters if one in gradients]
    return step if len(grads) == len(parameters) else optimizer.step


def _is_plain(optimizer: Any) -> bool:
    """One group, torch's fused kernel, no hooks."""
    if len(optimizer.param_groups) > 1:
        return False
    if optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
        return False
    (told,) = optimizer.param_groups
    odd = ("amsgrad", "differentiable", "capturable")
    return bool(told.get("fused")) and not any(told.get(name) for name in odd)
