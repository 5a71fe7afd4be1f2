"""How batched copies are cut into blocks, and what each block plays, one setting after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from daf_nb.envs.batched.block import Block
from daf_nb.envs.layout import Layout
from daf_nb.envs.plain_settings import setting_to_plain, to_setting
from daf_nb.envs.seeds import EpisodeSeeds
from daf_nb.envs.settings import Setting
from daf_nb.envs.watch import Watch
from daf_nb.envs.worlds import World
from daf_nb.errors import ConfigError, TaskGenerationError

__all__ = ["Ask", "Blocks", "Refused"]

Ask = Callable[[int], Setting]
"""Gives what a block plays next; asked once for each, one ahead."""
Refused = Callable[[int, TaskGenerationError], Setting | None]
"""Gives another setting in place of one that cannot be made; or None, to let the error rise."""


class Blocks:
    """Copies in blocks of nearly equal sizes.

    Args:
        world: what all of them are of.
        layout: which settings fit.
        num_envs: copies.
        count: blocks; None for one that plays the world as it is, and no tasks.
        device: of the worlds.
        seeds: run seed, and whether those are to be used that training never uses.
        watch: what the worlds' code is called through.
        ask, refused: where settings come from.

    Attributes:
        every: the blocks.
        of_copy: copy -> block.
        tasks: they play tasks, and copies wait for the last of their block.
    """

    def __init__(
        self,
        world: World,
        layout: Layout,
        *,
        num_envs: int,
        count: int | None,
        device: torch.device,
        seeds: tuple[int, bool],
        watch: Watch,
        ask: Ask,
        refused: Refused,
    ) -> None:
        self.tasks = count is not None
        self._layout, self._ask, self._refused = layout, ask, refused
        count = min(count or 1, num_envs)
        self._seeds = EpisodeSeeds(seeds[0], num_envs=count, held_out=seeds[1])
        edges = [num_envs * i // count for i in range(count + 1)]

        def maker(size: int) -> Callable[[Mapping[str, Any]], Any]:
            return lambda env_kwargs: world.changed(env_kwargs).build_batched(size, device)

        self.every = [
            Block(i, slice(start, stop), maker(stop - start), name=world.name, watch=watch)
            for i, (start, stop) in enumerate(pairwise(edges))
        ]
        self.of_copy = np.repeat(np.arange(count), np.diff(edges)).tolist()
        self._left = [0] * count

    @property
    def played(self) -> Sequence[tuple[Setting, int]]:
        """Of each block, the setting and the seed of now."""
        return [(block.setting, block.seed) for block in self.every]

    def next(self, block: Block) -> Mapping[str, torch.Tensor]:
        """A block's next setting begins in all its copies; what they see.

        Raises:
            TaskGenerationError: it cannot be played, and there was no other.
        """
        if block.lap < 0:
            block.upcoming = self._ask(block.index)
        while True:
            self._layout.refuse_goal(block.upcoming)
            try:
                block.seat(block.upcoming)
                break
            except TaskGenerationError as error:
                other = self._refused(block.index, error)
                if other is None:
                    raise
                block.upcoming = other
        block.lap += 1
        seen = block.reset(seed=self._seeds(block.index, block.lap))
        block.upcoming = self._ask(block.index)
        self._left[block.index] = block.size
        return seen

    def over(self, copies: Sequence[int]) -> list[Block]:
        """Copies wait from now on; the blocks all of whose copies do."""
        done = []
        indices, counts = np.unique([self.of_copy[copy] for copy in copies], return_counts=True)
        for index, count in zip(indices.tolist(), counts.tolist(), strict=True):
            self._left[index] -= count
            if not self._left[index]:
                done.append(self.every[index])
        return done

    def standing(self) -> dict[str, Any]:
        """What they play, as data for `as_data`.

        Raises:
            ConfigError: a setting is no plain data.
        """
        missing: list[str] = []
        blocks = [
            {
                "setting": setting_to_plain(block.setting, "setting", missing),
                "upcoming": setting_to_plain(block.upcoming, "setting", missing),
                "lap": block.lap,
                "seed": block.seed,
            }
            for block in self.every
        ]
        if missing:
            raise ConfigError(f"what is played is no plain data: {', '.join(missing)}.")
        return {"blocks": blocks, "left": list(self._left)}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Copies of the worlds' tensors."""
        return {
            f"block/{block.index}/{name}": one
            for block in self.every
            for name, one in block.world.state().items()
        }

    def restore(
        self,
        standing: Mapping[str, Any],
        tensors: Mapping[str, torch.Tensor],
        remade: Callable[[Setting], Setting],
    ) -> None:
        """Goes on from where `standing` and `tensors` were taken.

        Args:
            standing: what it gave.
            tensors: what it gave, perhaps among others.
            remade: a setting that has been through data, whole again.
        """
        self._left = list(standing["left"])
        for block, its in zip(self.every, standing["blocks"], strict=True):
            setting, upcoming = to_setting(its["setting"]), to_setting(its["upcoming"])
            assert setting is not None and upcoming is not None, "blocks have both"
            block.seat(remade(setting))
            block.upcoming, block.lap, block.seed = remade(upcoming), its["lap"], its["seed"]
            block.reset()
            start = f"block/{block.index}/"
            block.world.load_state(
                {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
            )

    def close(self) -> None:
        """Lets go of all worlds."""
        for block in self.every:
            block.close()
