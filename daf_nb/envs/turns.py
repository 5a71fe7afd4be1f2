"""Any turn-based world's own way through a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["InTurns", "observed"]


class InTurns:
    """One episode in which every agent acts in turn, and rewards are summed.

    Args:
        raw: an AEC world, just reset.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        """Every live agent acts; returns agent -> reward."""
        raw = self._raw
        rewards: dict[str, float] = dict.fromkeys(raw.agents, 0)
        for action in actions:
            raw.step(action)
            for name, reward in raw.rewards.items():
                rewards[name] += reward
        return rewards

    def observe(self) -> dict[str, Any]:
        """Agent -> what it sees now."""
        return observed(self._raw)


def observed(raw: Any) -> dict[str, Any]:
    """Agent -> what an AEC world shows it now."""
    return {agent: raw.observe(agent) for agent in raw.agents}
