"""An SB3 model's parameters, optimiser and counters as tensors and data, and back."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from daf_nb.errors import ConfigError
from daf_nb.learn.buffer import buffer_of

__all__ = ["load_model", "load_shuffles", "model_state"]

_COUNTERS = ("num_timesteps", "_n_updates", "_current_progress_remaining")
_HISTORIES = ("ep_info_buffer", "ep_success_buffer")


def model_state(model: Any, group: str, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """What a model's next updates depend on, beside its rollout and its knobs.

    Args:
        model: one that `make_model` made.
        group: whose; the first part of the tensors' names.
        tensors: gets copies of the parameters and of the optimiser's tensors.
    """
    for name, tensor in model.policy.state_dict().items():
        tensors[f"{group}/policy/{name}"] = tensor.detach().clone()
    optimiser = model.policy.optimizer.state_dict()
    kept: dict[Any, dict[str, Any]] = {}
    for index, values in optimiser["state"].items():
        kept[index] = {}
        for name, value in values.items():
            if torch.is_tensor(value):
                tensors[f"{group}/optimizer/{index}/{name}"] = value.detach().clone()
            else:
                kept[index][name] = value
    shuffles = buffer_of(model).rng
    assert isinstance(shuffles, np.random.Generator), "made by make_model"
    return {
        "optimizer": {"state": kept, "param_groups": optimiser["param_groups"]},
        "counters": {name: getattr(model, name) for name in _COUNTERS},
        "histories": {name: list(getattr(model, name) or ()) for name in _HISTORIES},
        "shuffles": shuffles,
    }


def load_model(
    model: Any, group: str, state: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> None:
    """Puts parameters, optimiser and counters back into a model of the same make.

    Raises:
        ConfigError: the state is one of another policy or optimiser.
    """
    own, optimiser = f"{group}/policy/", model.policy.optimizer
    parameters = {k.removeprefix(own): v for k, v in tensors.items() if k.startswith(own)}
    kept = {index: dict(values) for index, values in state["optimizer"]["state"].items()}
    for name, tensor in tensors.items():
        if name.startswith(f"{group}/optimizer/"):
            index, _, field = name.removeprefix(f"{group}/optimizer/").partition("/")
            kept.setdefault(int(index), {})[field] = tensor
    try:
        model.policy.load_state_dict(parameters, strict=True)
        groups = state["optimizer"]["param_groups"]
        optimiser.load_state_dict({"state": kept, "param_groups": groups})
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(f"the state is one of another policy of {group!r}: {error}") from error
    for name in _COUNTERS:
        setattr(model, name, state["counters"][name])
    for name in _HISTORIES:
        setattr(model, name, deque(state["histories"][name], maxlen=100))


def load_shuffles(model: Any, state: Mapping[str, Any]) -> None:
    """Lets the minibatches be cut as they would have been."""
    buffer_of(model).rng = state["shuffles"]
