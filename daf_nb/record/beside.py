"""The observers beside the folder, loaded only where a run asked for some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daf_nb.record.sacred_api import RunObserver

__all__ = ["Beside"]

DELIVERY_TIMEOUT = 10.0  # seconds that the end of a run waits for them


class Beside:
    """Whoever else is told about a run.

    Args:
        wanted: names that `make_observers` knows, or Sacred's own observers.

    Raises:
        ConfigError: there is no such observer, or what it needs is not installed.
    """

    def __init__(self, wanted: Sequence[str | RunObserver]) -> None:
        self._wanted = tuple(wanted)
        self._open: list[RunObserver] = []
        if self._wanted:
            from daf_nb.record.observers import check_observers

            check_observers(self._wanted)

    def open(
        self,
        *,
        run_id: int,
        name: str,
        folder: Path,
        tags: Sequence[str],
        hide: Callable[[bytes], bytes],
    ) -> list[RunObserver]:
        """The observers, for Sacred. None of them raises or blocks; what they get is hidden too."""
        if self._wanted:
            from daf_nb.record.observers import make_observers

            self._open = make_observers(
                self._wanted, run_id=run_id, name=name, folder=folder, tags=tags, hide=hide
            )
        return self._open

    def close(self) -> None:
        """Waits for their deliveries, and says what was not delivered."""
        if self._open:
            from daf_nb.record.observers import close_observers

            close_observers(self._open, timeout=DELIVERY_TIMEOUT)
