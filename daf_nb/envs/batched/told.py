"""Episodes that ended on the device, noted there, and told on the host once in a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from daf_nb.envs.arrays import Episode
from daf_nb.envs.settings import Setting

__all__ = ["Ended", "EpisodeNotes"]


class Ended(NamedTuple):
    """An episode, and how many steps had been played since the notes were read last."""

    step: int
    episode: Episode


@dataclass(frozen=True, eq=False)
class _Note:
    step: int
    copies: torch.Tensor
    lengths: torch.Tensor
    terminated: torch.Tensor
    returns: torch.Tensor
    played: Sequence[tuple[Setting, int]]


class EpisodeNotes:
    """Notes of what ended; nothing of them crosses to the host before `read`.

    Args:
        agents: of the columns.
        numbers: int64 [copies], the episodes that each copy has ended.

    Attributes:
        numbers: as given, counted on.
        step: steps since the last `read`.
    """

    def __init__(self, agents: Sequence[str], numbers: np.ndarray) -> None:
        self.numbers, self.step = numbers, 0
        self._agents, self._notes = list(agents), list[_Note]()

    def add(self, copies: torch.Tensor, played: Sequence[tuple[Setting, int]], **of: Any) -> None:
        """Notes the episodes that ended in this step.

        Args:
            copies: int64 [k], which.
            played: of each block: the setting, and the seed.
            **of: `lengths` [k], `terminated` [k], `returns` [k, agents], which is NaN for agents
                that took no part, and `blocks`, a function from copies to their blocks.
        """
        self._notes.append(_Note(self.step, copies, played=played, **of))

    def read(self, block_of: Sequence[int]) -> list[Ended]:
        """The episodes since the last call, by step and copy; one transfer for each kind.

        Args:
            block_of: copy -> block.
        """
        notes, self._notes, self.step = self._notes, [], 0
        if not notes:
            return []
        fetched = [
            torch.cat([getattr(note, name) for note in notes]).cpu()
            for name in ("copies", "lengths", "terminated")
        ]
        returns = torch.cat([note.returns for note in notes]).cpu().tolist()
        rows = zip(*(one.tolist() for one in fetched), returns, strict=True)
        told = []
        for note in notes:
            for _ in range(len(note.copies)):
                copy, length, terminated, sums = next(rows)
                setting, seed = note.played[block_of[copy]]
                earned = zip(self._agents, sums, strict=True)
                episode = Episode(
                    copy=copy,
                    number=int(self.numbers[copy]),
                    seed=seed,
                    setting=setting,
                    length=length,
                    returns={agent: total for agent, total in earned if total == total},
                    terminated=terminated,
                )
                self.numbers[copy] += 1
                told.append(Ended(note.step, episode))
        return told
