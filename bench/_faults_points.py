"""A run that can be stopped at a chosen point of its life: there it says so, and becomes slow."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy
from torch.optim.optimizer import register_optimizer_step_post_hook

import daf_nb as daf
from daf_nb.testing import Scripted

__all__ = ["POINTS", "Paced", "Standing", "arm", "begin", "disarm", "trainer"]

POINTS = ("copies", "preflight", "timing", "rollout", "update", "save", "evaluation")
PACE = 0.01
"""Seconds that a step, a minibatch, ... takes from the chosen point on."""
SLOW = {"copies": 0.3, "timing": 0.3, "save": 0.5}
_FRAMES = {
    "Copies": "copies",
    "preflight": "preflight",
    "choose_threads": "timing",
    "collect": "rollout",
    "update": "update",
    "save": "save",
    "evaluate": "evaluation",
}
_trap: dict[str, Any] = {}


def arm(point: str, marker: str, *, skip: int = 0) -> None:
    """From the point on, once it was reached so often before, everything there is slow.

    Args:
        point: one of `POINTS`.
        marker: a file that says so.
        skip: times that it is passed before.
    """
    _trap.update(point=point, marker=Path(marker), left=skip)


def disarm() -> None:
    """Everything is fast again."""
    _trap.clear()


def _passing() -> None:
    if not _trap or _trap["point"] not in _here():
        return
    if _trap["left"]:
        _trap["left"] -= 1
        return
    if not _trap["marker"].exists():
        _trap["marker"].touch()
    time.sleep(SLOW.get(_trap["point"], PACE))


def _here() -> Iterator[str]:
    """The points that the caller is in, innermost first."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_name
        if name == "__init__" and type(frame.f_locals.get("self")).__name__ == "Copies":
            yield "copies"
        elif name in _FRAMES:
            yield _FRAMES[name]
        frame = frame.f_back


class Paced(Scripted):
    """A world that passes points when it is made, and at every step."""

    def __init__(self, *, limit: int = 10) -> None:
        super().__init__(agents=2, limit=limit)
        _passing()

    def step(self, actions: Any) -> Any:
        _passing()
        return super().step(actions)


class Standing(ActorCriticPolicy):
    """A policy that passes a point when it is saved."""

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        _passing()
        return super().state_dict(*args, **kwargs)


def _after_step(*_: Any) -> None:
    _passing()


register_optimizer_step_post_hook(_after_step)


def fields(**changes: Any) -> dict[str, Any]:
    """Of a run of eight cycles with a checkpoint and an evaluation each few of them."""
    return {
        "total_timesteps": 2_048,
        "num_envs": 2,
        "batch_size": 16,
        "seed": 0,
        "device": "cpu",
        "torch_threads": "auto",
        "checkpoint_interval": 512,
        "evaluation_interval": 1_024,
        "evaluation_episodes": 6,
        "algorithm_kwargs": {"n_steps": 64, "n_epochs": 4},
        **changes,
    }


def begin(root: str, *, observers: Sequence[Any] = (), **changes: Any) -> daf.Run:
    """The run, recorded there."""
    return daf.train(
        "_faults_points:Paced",
        policy=Standing,
        runs_dir=root,
        observers=observers,
        **fields(**changes),
    )


def trainer(**changes: Any) -> daf.RlTrainer:
    """Its trainer, for the calling thread."""
    return daf.RlTrainer(
        daf.RlConfig(**fields(**changes)), env="_faults_points:Paced", policy=Standing
    )
