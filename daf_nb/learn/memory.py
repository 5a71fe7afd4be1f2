"""How much memory the parts of a training take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.learn.buffer import buffer_of
from daf_nb.monitor import available_bytes, deep_bytes, memory_share, memory_usage, module_of

if TYPE_CHECKING:
    from daf_nb.curriculum import CurriculumManager
    from daf_nb.learn.learner import Learner
    from daf_nb.learn.trainer import RlTrainer

__all__ = [
    "get_buffer_memory_usage",
    "get_curriculum_memory_usage",
    "get_environment_memory_usage",
    "get_policy_memory_usage",
    "left_bytes",
    "part_bytes",
    "taken_share",
]

_OTHERS = tuple(
    f"daf_nb.{package}." for package in ("control", "learn", "notebook", "record", "session")
)
"""Worlds and curricula may refer to who listens to them; that is no memory of theirs."""


def get_policy_memory_usage(trainer: RlTrainer) -> int:
    """Bytes of all policies: parameters, gradients and the optimisers' state, wherever they are."""
    return trainer.get_memory_usage()["policy"]


def get_environment_memory_usage(trainer: RlTrainer) -> int:
    """Bytes of the world's copies, at least; see `RlTrainer.get_memory_usage`."""
    return trainer.get_memory_usage()["worlds"]


def get_curriculum_memory_usage(trainer: RlTrainer) -> int:
    """Bytes of the curriculum, its tasks and outcomes; 0 without one."""
    return trainer.get_memory_usage()["curriculum"]


def get_buffer_memory_usage(trainer: RlTrainer) -> int:
    """Bytes of all rollout buffers."""
    return trainer.get_memory_usage()["buffers"]


def part_bytes(learner: Learner, curriculum: CurriculumManager | None) -> dict[str, int]:
    """Part -> bytes: policy, worlds, curriculum, buffers, and the process as a whole (resident).

    For the training thread at a boundary: worlds and curriculum are walked, object by object.
    """
    models = learner.models.values()
    return {
        "policy": sum(map(_policy_bytes, models)),
        "worlds": 0 if learner.copies.closed else deep_bytes(learner.copies, leave=_is_other),
        "curriculum": 0 if curriculum is None else deep_bytes(curriculum, leave=_is_other),
        "buffers": sum(buffer_of(model).nbytes for model in models),
        "process": memory_usage()["process_bytes"],
    }


def taken_share(device: torch.device) -> float:
    """How much of the memory there is, of the machine or of the policies' GPU, is taken."""
    share = memory_share()
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        share = max(share, 1.0 - free / total)
    return share


def left_bytes(device: torch.device) -> int:
    """How much more memory there is, for this process or on the policies' GPU."""
    left = available_bytes()
    return left if device.type != "cuda" else min(left, torch.cuda.mem_get_info(device)[0])


def _policy_bytes(model: OnPolicyAlgorithm) -> int:
    policy = model.policy
    tensors: list[Any] = [*policy.parameters(), *policy.buffers()]
    tensors += [one.grad for one in policy.parameters() if one.grad is not None]
    tensors += _tensors(policy.optimizer.state.values())
    return sum({one.data_ptr(): one.nbytes for one in tensors}.values())


def _tensors(states: Iterable[dict[str, Any]]) -> list[Any]:
    return [value for state in states for value in state.values() if torch.is_tensor(value)]


def _is_other(one: object) -> bool:
    return module_of(one).startswith(_OTHERS)
