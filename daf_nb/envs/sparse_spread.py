"""Sparse spread: mpe2's simple_spread with one shared reward, at success, and a difficulty.

A self-defined benchmark for curricula: usable by module path, as mpe2's own worlds are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.utils import EzPickle
from mpe2._mpe_utils.simple_env import make_env
from mpe2.simple_spread import simple_spread
from pettingzoo.utils.conversions import parallel_wrapper_fn

from daf_nb.errors import ConfigError

if TYPE_CHECKING:
    from mpe2._mpe_utils.core import World

__all__ = ["Scenario", "env", "parallel_env", "raw_env"]


class Scenario(simple_spread.Scenario):
    """Every landmark needs an agent within `CAPTURE_RADIUS`; nothing else counts.

    Attributes:
        difficulty: of the next start, in [0, 1]; at 1 it is simple_spread's own, bit for bit.
    """

    CAPTURE_RADIUS = 0.15

    def __init__(self) -> None:
        super().__init__(terminate_on_success=True)
        self.difficulty = 1.0

    def reset_world(
        self, world: simple_spread.ExtendedWorld, np_random: np.random.Generator
    ) -> None:
        super().reset_world(world, np_random)
        if self.difficulty == 1.0:
            return
        for agent, landmark in zip(world.agents, world.landmarks, strict=True):
            start, native = agent.state.p_pos, landmark.state.p_pos
            landmark.state.p_pos = start + self.difficulty * (native - start)

    def is_terminal(self, world: World) -> bool:
        # What mpe2 computes on arrays of two numbers: the same bits in a quarter of the time.
        places = [agent.state.p_pos.tolist() for agent in world.agents]
        for landmark in world.landmarks:
            x, y = landmark.state.p_pos.tolist()
            square = min((ax - x) * (ax - x) + (ay - y) * (ay - y) for ax, ay in places)
            if math.sqrt(square) >= self.CAPTURE_RADIUS:
                return False
        return True

    def reward(self, agent: Any, world: World) -> float:
        return 0.0

    def global_reward(self, world: World) -> float:
        return float(self.is_terminal(world))


class raw_env(simple_spread.raw_env):
    """simple_spread where all agents earn 1 and terminate once every landmark is covered, else 0.

    `reset` takes the option `difficulty` in [0, 1], 1 by default: landmark i starts at agent i plus
    `difficulty` times the way from there to its native place. Other options are ignored, as mpe2
    ignores them. At their last step the agents' infos say `is_success`, 1.0 or 0.0. Covering the
    landmarks at the very last cycle is a success too, though the episode counts as truncated.

    Args:
        N: agents, and landmarks.
        max_cycles: steps until the episode is truncated.
        continuous_actions: act in a Box, not in a Discrete.
        render_mode: "human", "rgb_array" or None.

    Raises:
        ConfigError: no agent or no cycle; or, at `reset`, a difficulty outside of [0, 1].
    """

    metadata: dict[str, Any] = {**simple_spread.raw_env.metadata}  # noqa: RUF012 - PettingZoo's way

    def __init__(
        self,
        N: int = 2,
        max_cycles: int = 25,
        continuous_actions: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if N < 1 or max_cycles < 1:
            raise ConfigError(f"N={N}, max_cycles={max_cycles}: at least 1 of each is needed.")
        chosen: dict[str, Any] = {
            "N": N,
            "max_cycles": max_cycles,
            "continuous_actions": continuous_actions,
            "render_mode": render_mode,
        }
        super().__init__(**chosen, local_ratio=0.0)  # the global reward and nothing else
        EzPickle.__init__(self, **chosen)
        self.scenario = self._scenario = Scenario()
        self.metadata["name"] = "sparse_spread"

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self._scenario.difficulty = _difficulty(options or {})
        super().reset(seed=seed, options=options)

    def _execute_world_step(self) -> None:
        super()._execute_world_step()
        success = self._scenario.is_terminal(self.world)
        if success or self.steps + 1 >= self.max_cycles:
            self.infos = {agent: {"is_success": float(success)} for agent in self.agents}


def _difficulty(options: Mapping[str, Any]) -> float:
    value = options.get("difficulty", 1.0)
    number = isinstance(value, (int, float, np.integer, np.floating))
    if not number or isinstance(value, bool) or not 0 <= value <= 1:
        raise ConfigError(f"difficulty={value!r}: a number in [0, 1] is needed.")
    return float(value)


env = make_env(raw_env)
parallel_env = parallel_wrapper_fn(env)
