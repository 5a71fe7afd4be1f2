"""Knights, archers and zombies by their own steps, with one state for all views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daf_nb.envs.turns import InTurns, observed

__all__ = ["KnightsInTurns"]


class KnightsInTurns:
    """One episode whose views are vectors of any kind.

    Args:
        raw: the innermost world, just reset; see `fits`.
    """

    def __init__(self, raw: Any) -> None:
        self._raw, self._turns = raw, InTurns(raw)

    @staticmethod
    def fits(raw: Any) -> bool:
        """Whether the world gives vectors."""
        return raw.vector_state

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        """Every live agent acts; returns agent -> reward."""
        return self._turns.cycle(actions)

    def observe(self) -> dict[str, Any]:
        """Everybody's view of one state, which the world would gather anew for each.

        A view sets to zero what is zero already, and no more, so that the next finds the same
        state.
        """
        raw = self._raw
        state = raw.get_vector_state()
        raw.get_vector_state = lambda: state
        try:
            return observed(raw)
        finally:
            del raw.get_vector_state
