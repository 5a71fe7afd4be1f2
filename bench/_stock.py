"""The peer: PettingZoo worlds through SuperSuit's vector wrappers into SB3's PPO."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pettingzoo
import supersuit
import torch
from pettingzoo.utils.env import ParallelEnv
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import set_random_seed


def stock_world(world: str, env_kwargs: Mapping[str, Any]) -> ParallelEnv:
    """The world's own `parallel_env`: from PettingZoo's registry, or from a module."""
    if "/" in world:
        return pettingzoo.make("parallel", world, **env_kwargs)
    return importlib.import_module(world).parallel_env(**env_kwargs)


def stock_ppo(
    env: ParallelEnv,
    *,
    copies: int,
    processes: int = 0,
    black_death: bool = False,
    seed: int = 0,
    **ppo_kwargs: Any,
) -> PPO:
    """PPO on copies of a world, on one torch thread, which is fastest for networks this small.

    Args:
        env: the world.
        copies: how many copies SuperSuit makes of it.
        processes: worker processes; 0 steps the copies in this one.
        black_death: keep a row of zeros for each dead agent, without which SuperSuit refuses worlds
            whose agents die.
        seed: of the weights and the action noise. It is set globally, as `PPO(seed=...)` raises
            AttributeError on SuperSuit's vector worlds; these offer no way to seed their copies.
        **ppo_kwargs: PPO's own.
    """
    torch.set_num_threads(1)
    set_random_seed(seed)
    env.reset(seed=seed)
    world = supersuit.black_death_v3(env) if black_death else env
    rows = supersuit.concat_vec_envs_v1(
        supersuit.pettingzoo_env_to_vec_env_v1(world),
        copies,
        num_cpus=processes,
        base_class="stable_baselines3",
    )
    return PPO("MlpPolicy", rows, device="cpu", **ppo_kwargs)


class LiveRows(BaseCallback):
    """Counts the rows of each rollout that are not all zeros, hence not a dead agent's.

    It looks at whole rollouts, so it costs the steps nothing. The observation with which an agent
    died still counts: one row too many per death, in the peer's favour.
    """

    live = 0

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        seen: np.ndarray = self.locals["rollout_buffer"].observations
        self.live += int(seen.reshape(*seen.shape[:2], -1).any(-1).sum())
