"""Threads and device by measurement: a few real passes of this policy on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.errors import ConfigError
from daf_nb.learn.models import copy_policy
from daf_nb.learn.private import torch_threads

__all__ = ["choose_device", "choose_threads"]

_WORTHWHILE = 0.005
"""Seconds per minibatch under which more threads cannot pay for waking them."""
_GAIN = 0.85
"""More threads, or another device, must take at most this share of the time."""


def choose_threads(model: OnPolicyAlgorithm, *, cores: int | None = None) -> int:
    """One thread, or all cores where they are faster and give the same bits.

    Small networks are fastest on one thread; a big minibatch may want more. A count is taken only
    if a trial minibatch leaves bit-equal parameters, so that timing never decides a result.

    Args:
        model: the model whose minibatch is tried, on copies of its policy.
        cores: what "all" means; the cores this process may use by default.
    """
    cores = cores or len(os.sched_getaffinity(0))
    if model.device.type != "cpu" or cores == 1:
        return 1
    with torch_threads(1):
        single = _trial(model)
    if single[0] < _WORTHWHILE:
        return 1
    with torch_threads(cores):
        several = _trial(model)
    same = all(torch.equal(a, b) for a, b in zip(single[1], several[1], strict=True))
    return cores if same and several[0] < _GAIN * single[0] else 1


def choose_device(device: str, make: Callable[[torch.device], OnPolicyAlgorithm]) -> torch.device:
    """The device asked for, or for "auto" the one on which a rollout step and an update are faster.

    Args:
        device: a torch device, or "auto".
        make: builds the model on a device, to be timed and thrown away.

    Raises:
        ConfigError: no such device here.
    """
    if device != "auto":
        try:
            chosen = torch.device(device)
            torch.empty(1, device=chosen)
        except (RuntimeError, AssertionError) as error:
            names = ["auto", "cpu", *(["cuda"] if torch.cuda.is_available() else [])]
            raise ConfigError(f"device={device!r}: {error} Here: {', '.join(names)}.") from None
        return chosen
    if not torch.cuda.is_available():
        return torch.device("cpu")
    seconds = {name: _seconds(make(torch.device(name))) for name in ("cpu", "cuda")}
    return torch.device("cuda" if seconds["cuda"] < _GAIN * seconds["cpu"] else "cpu")


def _seconds(model: OnPolicyAlgorithm) -> float:
    """A whole rollout's forward passes and one update's minibatches, from a few of each."""
    rows, steps = model.n_envs, model.n_steps
    minibatches = getattr(model, "n_epochs", 1) * steps * rows / _batch(model)
    observations = torch.as_tensor(_samples(model, rows))
    with torch.no_grad():
        forward = _best(lambda: _actions(model, observations))
    return steps * forward + minibatches * _trial(model)[0]


def _actions(model: OnPolicyAlgorithm, observations: torch.Tensor) -> torch.Tensor:
    return model.policy(observations.to(model.device))[0].cpu()


def _trial(model: OnPolicyAlgorithm, *, repeats: int = 4) -> tuple[float, list[torch.Tensor]]:
    """Seconds of one minibatch's forward, backward and optimiser step; the parameters after it."""
    policy = copy_policy(model.policy)
    observations = torch.as_tensor(_samples(model, _batch(model)), device=model.device)
    space = model.action_space
    actions = torch.as_tensor(
        np.zeros((len(observations), *(space.shape or ())), space.dtype), device=model.device
    )

    def step() -> None:
        values, log_prob, _ = policy.evaluate_actions(observations, actions)
        policy.optimizer.zero_grad()
        (values.square().mean() + log_prob.square().mean()).backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
        policy.optimizer.step()
        if model.device.type == "cuda":
            torch.cuda.synchronize()

    policy.optimizer = torch.optim.Adam(policy.parameters(), lr=1e-4)
    seconds = _best(step, repeats=repeats)
    return seconds, [parameter.detach().cpu() for parameter in policy.parameters()]


def _best(work: Callable[[], object], *, repeats: int = 4) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _batch(model: OnPolicyAlgorithm) -> int:
    return int(getattr(model, "batch_size", model.n_envs * model.n_steps))


def _samples(model: OnPolicyAlgorithm, count: int) -> np.ndarray:
    """`count` observations of fixed noise within the space."""
    space, rng = model.observation_space, np.random.default_rng(0)
    shape, dtype = (count, *(space.shape or ())), np.dtype(space.dtype or np.float32)
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(np.float32)
    return rng.integers(0, 2, shape).astype(dtype)
