"""MettaGrid as a PettingZoo world that both stacks can train on; needs the extra `metta`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium.utils import EzPickle
from pettingzoo.utils.env import ParallelEnv


class MettaRoom(ParallelEnv, EzPickle):
    """An empty room with walls around it, through mettagrid's own PettingZoo class.

    That class lacks what is added here, for both stacks alike: agents with names in place of
    numbers; `metadata`, for which SuperSuit asks; pickling by arguments, by which it copies; and
    a reset that starts everything over, map included, under its seed.

    Args:
        agents: in the room.
        size: of the room, in cells.
        max_steps: of an episode.
    """

    metadata: dict[str, Any] = {"name": "mettagrid"}  # noqa: RUF012 - as in every world
    render_mode = None

    def __init__(self, *, agents: int = 8, size: int = 24, max_steps: int = 500) -> None:
        from mettagrid.config.mettagrid_config import (  # pyright: ignore[reportMissingImports]
            MettaGridConfig,
        )
        from mettagrid.envs.pettingzoo_env import (  # pyright: ignore[reportMissingImports]
            MettaGridPettingZooEnv,
        )
        from mettagrid.simulator import (  # pyright: ignore[reportMissingImports]
            Simulator,
        )

        EzPickle.__init__(self, agents=agents, size=size, max_steps=max_steps)
        config = MettaGridConfig.EmptyRoom(num_agents=agents, width=size, height=size)
        config.game.max_steps = max_steps
        self._config, self._simulator = config, Simulator
        self._grid = MettaGridPettingZooEnv(Simulator(), config)
        self._names = {number: f"agent_{number}" for number in self._grid.possible_agents}
        self._numbers = {name: number for number, name in self._names.items()}
        self.possible_agents = list(self._numbers)
        self.agents = []

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self._config.game.map_builder.seed = seed
        self._grid._simulator = self._simulator()  # one counts the maps that it has seeded
        observations, infos = self._grid.reset(seed=seed, options=options)
        self.agents = self._living()
        return self._named(observations), self._named(infos)

    def step(self, actions: Mapping[str, Any]) -> Any:
        numbered = {self._numbers[name]: action for name, action in actions.items()}
        told = self._grid.step(numbered)
        self.agents = self._living()
        return tuple(map(self._named, told))

    def observation_space(self, agent: str) -> Any:
        return self._grid.observation_space(self._numbers[agent])

    def action_space(self, agent: str) -> Any:
        return self._grid.action_space(self._numbers[agent])

    def close(self) -> None:
        self._grid.close()

    def _living(self) -> list[str]:
        return [self._names[number] for number in self._grid.agents]

    def _named(self, by_number: Mapping[int, Any]) -> dict[str, Any]:
        return {self._names[number]: value for number, value in by_number.items()}
