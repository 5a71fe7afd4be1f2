"""All copies of a batched world: their agents, ends, episodes and settings, kept on the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from daf_nb.envs.batched.block import Block
from daf_nb.envs.batched.blocks import Ask, Blocks, Refused
from daf_nb.envs.batched.face import BatchedArrays
from daf_nb.envs.batched.told import Ended, EpisodeNotes
from daf_nb.envs.layout import Layout
from daf_nb.envs.seeds import fresh_seed
from daf_nb.envs.settings import Setting
from daf_nb.envs.watch import Watch
from daf_nb.envs.worlds import World
from daf_nb.errors import ConfigError

__all__ = ["BatchedCopies"]


class BatchedCopies:
    """`num_envs` copies in blocks, each block one batched world that plays one setting at a time.

    Where a block plays the world as it is, a copy whose agents have all ended begins anew within
    the same step. Where it plays tasks, each copy plays one episode of a task, and waits, not
    alive, until the block's last one has ended; then the whole block plays the next. So each
    episode counts, long or short, and none is broken off.

    Args:
        world: what the copies are of.
        groups: group -> its agents.
        layout: the agents and spaces of the tensors.
        num_envs: copies.
        seed: run seed; None draws one.
        device: where everything is.
        held_out: use the seeds that training never uses.
        watch: what the world's code is called through.

    Attributes:
        num_envs, seed, device: as given.
        arrays: the layout of rows and columns, as the bridge to SB3 reads it.
        observations: group -> [copies, agents of the group, *shape], overwritten by each step.
        alive: bool [copies, agents], the agent's next action counts.
        rewards, terminated, truncated: [copies, agents], of the last step.
        cuts: group -> (rows that a limit cut off in the last step, their final observations).
        envs: per copy, the world in play.
    """

    def __init__(
        self,
        world: World,
        *,
        groups: Mapping[str, Sequence[str]],
        layout: Layout,
        num_envs: int,
        seed: int | None,
        device: torch.device,
        held_out: bool = False,
        watch: Watch | None = None,
    ) -> None:
        self.num_envs, self.device, self.closed = num_envs, device, False
        self._of = world, layout
        self._held_out, self._watch = held_out, watch or Watch()
        self.arrays = BatchedArrays(self, groups, layout.spaces, layout.goal_size)
        agents = self.arrays.agents
        plane = (num_envs, len(agents))
        self.observations = self.arrays.blank_observations()
        self.alive = torch.zeros(plane, dtype=torch.bool, device=device)
        self.terminated, self.truncated = self.alive.clone(), self.alive.clone()
        self.rewards = torch.zeros(plane, device=device)
        self._returns = torch.zeros(plane, dtype=torch.float64, device=device)
        self._lengths = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self._present, self._died = self.alive.clone(), self.alive[:, 0].clone()
        self.cuts: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self.envs: list[Any] = [None] * num_envs
        self._blocks: Blocks | None = None
        self._notes = EpisodeNotes(agents, np.zeros(num_envs, np.int64))
        self.reseed(seed)

    def reseed(self, seed: int | None) -> None:
        """The next `begin` draws from this seed; None draws one."""
        self.seed = fresh_seed() if seed is None else seed

    @property
    def playing(self) -> bool:
        """Episodes are in progress."""
        return self._blocks is not None and not self.closed

    def begin(
        self, ask: Ask, *, blocks: int | None = None, refused: Refused = lambda *_: None
    ) -> None:
        """Begins an episode of every copy.

        Args:
            ask: gives what a block plays next.
            blocks: how many play tasks; None for one that plays the world as it is.
            refused: gives another setting in place of one that cannot be made.
        """
        self._blocks = cut = self._cut(blocks, ask, refused)
        for block in cut.every:
            self._next(cut, block)

    def _cut(self, count: int | None, ask: Ask, refused: Refused) -> Blocks:
        size = {"num_envs": self.num_envs, "count": count, "device": self.device}
        seeds = self.seed, self._held_out
        return Blocks(*self._of, **size, seeds=seeds, watch=self._watch, ask=ask, refused=refused)

    def _next(self, cut: Blocks, block: Block) -> None:
        """A block's next setting begins in all its copies."""
        seen, part = cut.next(block), block.part
        self._seated(block)
        self._present[part] = self.arrays.present(block).to(self.device)
        self._returns[part], self._lengths[part], self._died[part] = 0.0, 0, False
        self.arrays.see(block, seen)
        self.alive[part] = self._present[part]

    def _seated(self, block: Block) -> None:
        self.arrays.place(block)
        self.envs[block.part] = [block.world] * block.size

    @torch.no_grad()
    def step(self, actions: Mapping[str, torch.Tensor]) -> None:
        """One step of every copy, in which ended ones begin anew.

        Args:
            actions: group -> [copies, agents of the group, *action shape], within their space.

        Raises:
            TrainingEnvironmentError: a world raised, or gave something of other shapes.
        """
        cut, acted = self._blocks, self.alive
        assert cut is not None, "begin comes first"
        for block in cut.every:
            seen, *planes = block.step(self.arrays.actions_of(block, actions))
            self.arrays.spread(block, planes)
            self.arrays.see(block, seen)
        self.rewards = torch.where(acted, self.rewards, 0.0)
        self.terminated = self.terminated & acted
        self.truncated = self.truncated & acted & ~self.terminated
        self._returns += self.rewards
        self._lengths += acted.any(1)
        self._notes.step += 1
        self.cuts = {}
        ended = self.terminated | self.truncated
        if ended.any():  # the one question that is put to the device
            self._end(cut, acted, ended)

    def _end(self, cut: Blocks, acted: torch.Tensor, ended: torch.Tensor) -> None:
        for name, columns in self.arrays.groups.items():
            rows = self.truncated[:, columns].reshape(-1).nonzero().flatten()
            if len(rows):
                seen = self.observations[name]
                self.cuts[name] = rows, seen.reshape(-1, *seen.shape[2:])[rows]
        self._died |= self.terminated.any(1)
        self.alive = acted & ~ended
        over = ended.any(1) & ~self.alive.any(1)
        copies = over.nonzero().flatten()
        if not len(copies):
            return
        self._notes.add(
            copies,
            cut.played,
            lengths=self._lengths[copies],
            terminated=self._died[copies],
            returns=torch.where(self._present[copies], self._returns[copies], torch.nan),
        )
        if not cut.tasks:
            self._again(cut.every[0], over, None if len(copies) == self.num_envs else over)
            return
        for block in cut.over(copies.tolist()):
            self._next(cut, block)

    def _again(self, block: Block, over: torch.Tensor, only: torch.Tensor | None) -> None:
        """Copies that play the world as it is begin anew; `only` is None where all do."""
        self.arrays.see(block, block.reset(only), only=only)
        self._returns.masked_fill_(over[:, None], 0.0)
        self._lengths.masked_fill_(over, 0)
        self._died.masked_fill_(over, False)
        self.alive = self.alive | (over[:, None] & self._present)

    def read(self) -> list[Ended]:
        """The episodes that ended since the last call, with the steps since then."""
        return [] if self._blocks is None else self._notes.read(self._blocks.of_copy)

    def standing(self) -> dict[str, Any]:
        """What goes on depends on, beside `tensors`, as data for `as_data`; at a boundary only.

        Raises:
            ConfigError: no episodes are in progress, or a setting is no plain data.
        """
        if self._blocks is None:
            raise ConfigError("no episodes are in progress.")
        numbers = self._notes.numbers.copy()
        return {**self._blocks.standing(), "tasks": self._blocks.tasks, "numbers": numbers}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Copies of all tensors that what goes on depends on."""
        own = {name: one.clone() for name, one in self._own().items()}
        return own if self._blocks is None else own | self._blocks.tensors()

    def _own(self) -> dict[str, torch.Tensor]:
        seen = {f"observations/{name}": block for name, block in self.observations.items()}
        kept = {
            name: getattr(self, f"_{name}") for name in ("died", "lengths", "present", "returns")
        }
        return {"alive": self.alive, **kept, **seen}

    def restore(
        self,
        standing: Mapping[str, Any],
        tensors: Mapping[str, torch.Tensor],
        ask: Ask,
        *,
        remade: Callable[[Setting], Setting],
        refused: Refused = lambda *_: None,
    ) -> None:
        """Goes on from where `standing` and `tensors` were taken; other arguments as `begin`.

        Args:
            standing: what it gave.
            tensors: what it gave.
            ask: as in `begin`.
            remade: a setting that has been through data, whole again.
            refused: as in `begin`.

        Raises:
            ConfigError: they are not of such copies.
        """
        if self._blocks is not None:
            self._blocks.close()
        count = len(standing["blocks"]) if standing["tasks"] else None
        self._blocks = cut = self._cut(count, ask, refused)
        cut.restore(standing, tensors, remade)
        for block in cut.every:
            self._seated(block)
        self._notes = EpisodeNotes(self.arrays.agents, standing["numbers"].copy())
        for name, own in self._own().items():
            if name not in tensors or tensors[name].shape != own.shape:
                raise ConfigError(f"the state is one of other copies: {name} does not fit.")
            own.copy_(tensors[name])

    def close(self, *, left: bool = False) -> None:
        """Lets go of the worlds; with `left`, leaves them as they are, as one of them hangs."""
        if self._blocks is not None and not self.closed and not left:
            self._blocks.close()
        self.closed = True
