"""Between the worlds of blocks, which know agents by name, and tensors of rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from daf_nb.envs.batched.block import Block
from daf_nb.envs.spaces import AgentSpaces, equal_spaces, storage
from daf_nb.errors import TrainingEnvironmentError

if TYPE_CHECKING:
    from daf_nb.envs.batched.copies import BatchedCopies

__all__ = ["BatchedArrays"]


class BatchedArrays:
    """The layout of batched copies: columns are agents, group by group.

    What `Arrays` is for host worlds, as far as the bridge to SB3 asks: `alive`, `terminated` and
    `truncated` are fetched when they are asked for.

    Args:
        owner: whose tensors are filled.
        groups: group -> its agents.
        by_agent: agent -> its spaces.
        goal_size: how many numbers of a setting's goal end each observation.

    Attributes:
        agents: column -> agent.
        column: agent -> column.
        groups: group -> slice of columns.
        spaces: group -> the spaces its agents share.
        masks: empty; batched worlds have no action masks.
    """

    def __init__(
        self,
        owner: BatchedCopies,
        groups: Mapping[str, Sequence[str]],
        by_agent: Mapping[str, AgentSpaces],
        goal_size: int = 0,
    ) -> None:
        self._owner, self._goal_size = owner, goal_size
        self.agents = [agent for members in groups.values() for agent in members]
        self.column = {agent: i for i, agent in enumerate(self.agents)}
        self.groups: dict[str, slice] = {}
        self.spaces: dict[str, AgentSpaces] = {}
        self.masks: dict[str, np.ndarray] = {}
        self._place = dict[str, tuple[str, int]]()
        start = 0
        for name, members in groups.items():
            self.groups[name] = slice(start, start + len(members))
            start += len(members)
            self.spaces[name] = equal_spaces(by_agent, members)
            self._place |= {agent: (name, i) for i, agent in enumerate(members)}
        self._columns: dict[int, torch.Tensor | None] = {}
        self._goals: dict[int, torch.Tensor] = {}

    @property
    def alive(self) -> np.ndarray:
        return self._owner.alive.cpu().numpy()

    @property
    def terminated(self) -> np.ndarray:
        return self._owner.terminated.cpu().numpy()

    @property
    def truncated(self) -> np.ndarray:
        return self._owner.truncated.cpu().numpy()

    def blank_observations(self) -> dict[str, torch.Tensor]:
        """Group -> zeros [copies, agents, *shape]; float32 for float64, as policies compute."""
        blank = {}
        for name, columns in self.groups.items():
            shape, dtype = storage(self.spaces[name].observation)
            kept = np.dtype(np.float32) if dtype == np.float64 else dtype
            like = torch.from_numpy(np.zeros(0, kept)).dtype
            size = (self._owner.num_envs, columns.stop - columns.start, *shape)
            blank[name] = torch.zeros(size, dtype=like, device=self._owner.device)
        return blank

    def present(self, block: Block) -> torch.Tensor:
        """Bool [agents]: who takes part in the block's world."""
        return torch.tensor([agent in block.world.agents for agent in self.agents])

    def place(self, block: Block) -> None:
        """Notes the columns of the agents of a block's world, and its goal."""
        goal = block.setting.goal
        goal = np.zeros(self._goal_size, np.float32) if goal is None else goal
        self._goals[block.index] = torch.as_tensor(goal, device=self._owner.device)
        columns = [self.column[agent] for agent in block.world.agents]
        straight = columns == list(range(len(self.agents)))
        at = None if straight else torch.tensor(columns, device=self._owner.device)
        self._columns[block.index] = at

    def actions_of(
        self, block: Block, actions: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Agent -> its actions in the block's copies."""
        given = {}
        for agent in block.world.agents:
            name, place = self._place[agent]
            given[agent] = actions[name][block.part, place]
        return given

    def spread(self, block: Block, planes: Sequence[torch.Tensor]) -> None:
        """Writes a block's rewards and ends into the columns of its agents."""
        owner, at = self._owner, self._columns[block.index]
        targets = (owner.rewards, owner.terminated, owner.truncated)
        for target, plane in zip(targets, planes, strict=True):
            if at is None:
                target[block.part] = plane
            else:
                target[block.part][:, at] = plane.to(target.dtype)

    def see(
        self, block: Block, seen: Mapping[str, torch.Tensor], *, only: torch.Tensor | None = None
    ) -> None:
        """Writes a block's observations, ended by its goal; zeros where a world's are shorter.

        Args:
            block: whose.
            seen: agent -> [copies of the block, *shape].
            only: bool [copies of the block], which are written; None for all.
        """
        tail = self._goal_size
        for name in self.groups:
            target = self._owner.observations[name][block.part]
            for agent in self.agents[self.groups[name]]:
                if agent in seen:
                    own = target[:, self._place[agent][1]]
                    self._write(own, seen[agent], only, tail, block, agent)
                    if tail:
                        own[:, -tail:] = self._goals[block.index]

    def _write(
        self,
        own: torch.Tensor,
        its: torch.Tensor,
        only: torch.Tensor | None,
        tail: int,
        block: Block,
        agent: str,
    ) -> None:
        try:
            if its.shape != own.shape:  # padded, or with a goal behind: flat, as layouts see to
                room = own[:, : own.shape[1] - tail]
                room[:, its.shape[1] :] = 0
                own = room[:, : its.shape[1]]
            if only is not None:
                its = torch.where(only.reshape(-1, *(1,) * (its.ndim - 1)), its, own)
            own.copy_(its)
        except (AttributeError, IndexError, RuntimeError) as error:
            raise TrainingEnvironmentError(
                f"{block}: {agent} was shown {tuple(getattr(its, 'shape', ()))}; "
                f"{tuple(own.shape)} is needed: copies first, as observation_space says."
            ) from error
