"""What a world is that steps all its copies at once, as tensors on one device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from gymnasium import spaces

if TYPE_CHECKING:
    import torch

__all__ = ["BatchedWorld", "Outcome", "is_batched"]

Outcome: TypeAlias = "tuple[Mapping[str, torch.Tensor], torch.Tensor, torch.Tensor, torch.Tensor]"
"""Observations (agent -> [copies, *shape]), rewards, terminated and truncated."""


class BatchedWorld(Protocol):
    """PettingZoo's parallel API with all copies at once: tensors that have the copies in front.

    A class that names this one as its base, and whose constructor takes `num_envs` and `device` by
    keyword beside arguments of its own, can be trained on: `daf_nb.train(MyWorld, num_envs=4096)`.
    So can any callable with those arguments and an attribute `batched = True`.

    A world draws from a generator of its own, never from torch's global one, and keeps everything
    that its next steps depend on in `state`. Then seeds decide a run, and a checkpoint goes on
    exactly. It reads nothing back to the host inside `step` where it is to be fast on a GPU.

    Attributes:
        batched: True; by this the world is known.
        num_envs: copies.
        device: where its tensors are.
        agents: all agents, in the order of columns; the same ones in every copy.
    """

    batched: ClassVar[bool] = True
    num_envs: int
    device: torch.device
    agents: Sequence[str]

    def observation_space(self, agent: str) -> spaces.Space:
        """What one agent sees in one copy: a Box, Discrete or MultiBinary."""
        ...

    def action_space(self, agent: str) -> spaces.Space:
        """What one agent does in one copy: a Box, Discrete, MultiDiscrete or MultiBinary."""
        ...

    def reset(
        self, copies: torch.Tensor | None = None, *, seed: int | None = None
    ) -> Mapping[str, torch.Tensor]:
        """Starts episodes.

        Args:
            copies: bool [copies], which of them; None for all.
            seed: of all that is drawn from now on; None to draw on.

        Returns:
            Agent -> observations [copies, *shape], of all copies.
        """
        ...

    def step(self, actions: Mapping[str, torch.Tensor]) -> Outcome:
        """One step of every copy.

        Args:
            actions: agent -> [copies, *action shape], within its space; of agents that have ended
                too, whose actions are to have no effect.

        Returns:
            Agent -> observations [copies, *shape]; rewards, float [copies, agents]; terminated and
            truncated, bool [copies, agents], or [copies, 1] where agents end together only. A copy
            whose agents have all ended is reset before its next step. Observations are those before
            any reset.
        """
        ...

    def state(self) -> dict[str, torch.Tensor]:
        """All that the next steps and resets depend on, the generator included; copies of it."""
        ...

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Goes on from where `state` was taken, in a world made with the same arguments."""
        ...

    def close(self) -> None:
        """Lets go of what it holds."""


def is_batched(maker: Any) -> bool:
    """Whether what makes a world makes one that is stepped as tensors."""
    return getattr(maker, "batched", False) is True
