"""Networks in bfloat16 within an update, where the device is made for it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

__all__ = ["full", "lower_precision", "why_not"]


def lower_precision(
    device: torch.device, precision: torch.dtype | None
) -> AbstractContextManager[object]:
    """Within it, torch runs matrix products in `precision`; with None nothing is different.

    Parameters, gradients and the optimiser's state stay as they are (torch's autocast). bfloat16
    has float32's range, so that no loss needs to be scaled.
    """
    if precision is None:
        return nullcontext()
    return torch.autocast(device.type, dtype=precision)


def full(tensor: torch.Tensor) -> torch.Tensor:
    """What came of a network in lower precision, in float32; others as they are.

    Probabilities are computed from it: their ratios are compared with clip ranges of .1 or .2, and
    bfloat16 has three digits.
    """
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def why_not(device: torch.device) -> str:
    """Why networks cannot run in bfloat16 there; empty where they can."""
    if device.type != "cuda":
        return (
            f"the policies are on the {device.type}; bfloat16 is for GPUs. Train with "
            "device='cuda' where there is one."
        )
    if not torch.cuda.is_bf16_supported():
        return f"{torch.cuda.get_device_name(device)} has no bfloat16."
    return ""
