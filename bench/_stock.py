"""The peer: PettingZoo worlds through SuperSuit's vector wrappers into SB3's PPO."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pettingzoo
import supersuit
import torch
from pettingzoo.utils.env import ParallelEnv
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import set_random_seed


def stock_world(
    world: str,
    env_kwargs: Mapping[str, Any],
    wrappers: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> ParallelEnv:
    """The world's own `parallel_env`: from PettingZoo's registry, or from a module.

    Args:
        world: registry id, module, or `module:callable`.
        env_kwargs: its arguments.
        wrappers: SuperSuit's, by name and with their arguments, innermost first.
    """
    if "/" in world:
        env = pettingzoo.make("parallel", world, **env_kwargs)
    else:
        module, _, maker = world.partition(":")
        env = getattr(importlib.import_module(module), maker or "parallel_env")(**env_kwargs)
    for name, kwargs in wrappers:
        env = getattr(supersuit, name)(env, **kwargs)
    return env


def stock_ppo(
    env: ParallelEnv,
    *,
    copies: int,
    processes: int = 0,
    seed: int = 0,
    policy: str = "MlpPolicy",
    **ppo_kwargs: Any,
) -> PPO:
    """PPO on copies of a world, on one torch thread, which is fastest for networks this small.

    Args:
        env: the world. One whose agents die needs `black_death_v3`, which keeps a row of zeros for
            each dead agent; without it SuperSuit refuses such worlds.
        copies: how many copies SuperSuit makes of it.
        processes: worker processes; 0 steps the copies in this one.
        seed: of the weights and the action noise. It is set globally, as `PPO(seed=...)` raises
            AttributeError on SuperSuit's vector worlds; these offer no way to seed their copies.
        policy: SB3's.
        **ppo_kwargs: PPO's own.
    """
    torch.set_num_threads(1)
    set_random_seed(seed)
    env.reset(seed=seed)
    rows = supersuit.concat_vec_envs_v1(
        supersuit.pettingzoo_env_to_vec_env_v1(env),
        copies,
        num_cpus=processes,
        base_class="stable_baselines3",
    )
    return PPO(policy, rows, device="cpu", **ppo_kwargs)


class LiveRows(BaseCallback):
    """Counts the rows of each rollout that are not all zeros, hence not a dead agent's.

    It looks at whole rollouts, so it costs the steps nothing. The observation with which an agent
    died still counts: one row too many per death, in the peer's favour.

    Args:
        enough: live rows after which training ends, with the update that they are for; None for as
            long as it is told to.
    """

    def __init__(self, enough: int | None = None) -> None:
        super().__init__()
        self.live = 0
        self._enough = enough

    def _on_step(self) -> bool:
        return self._enough is None or self.live < self._enough

    def _on_rollout_end(self) -> None:
        seen: np.ndarray = self.locals["rollout_buffer"].observations
        self.live += int(seen.reshape(*seen.shape[:2], -1).any(-1).sum())
