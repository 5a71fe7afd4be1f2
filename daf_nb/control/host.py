"""What an adaptive controller may ask of the run that it steers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from daf_nb.control.controls import Controls

__all__ = ["Host"]


class Host(Protocol):
    """A run, as its adaptive controller sees it."""

    @property
    def controls(self) -> Controls:
        """The one door; its knobs are there before the controller is attached."""
        ...

    @property
    def looks(self) -> bool:
        """It calls `AdaptiveController.look` after every update by itself."""
        ...

    def status(self) -> Mapping[str, Any]:
        """How far it is, as data that JSON holds; `timesteps` among it, agent-steps so far."""
        ...

    def train(self) -> dict[str, Any]:
        """Trains until the end; the results."""
        ...

    def train_elsewhere(self, env: Any, env_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
        """Trains the same policies in another world until the end; the results."""
        ...

    def stop(self) -> None:
        """Training ends at the next boundary."""
        ...

    def pause(self) -> None:
        """Training waits at the next boundary."""
        ...

    def checkpoint(self) -> None:
        """The policies are saved at the next boundary; returns at once."""
        ...

    def tell(self, kind: str, data: Mapping[str, Any]) -> None:
        """Who listens to the run hears of it: "decision", "rules" or "logged"."""
        ...
