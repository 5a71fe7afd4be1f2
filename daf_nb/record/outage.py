"""A disk that refuses for a while: said once, remembered, and no reason to stop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from daf_nb.record.document import utc_now
from daf_nb.record.saying import say

__all__ = ["Outage"]

logger = logging.getLogger("daf_nb.record")


class Outage:
    """Tries what the disk may refuse.

    Args:
        folder: of the run.
        note: takes the record of an outage that begins; whether it is the run's first.

    Attributes:
        trouble: what the disk refuses at present; None where nothing.
    """

    def __init__(self, folder: Path, *, note: Callable[[Mapping[str, Any]], bool]) -> None:
        self.trouble: str | None = None
        self._folder, self._note = folder, note

    def attempt(self, action: Callable[[], Any]) -> bool:
        """Does something; False where that raised, which is remembered."""
        try:
            action()
        except Exception as error:
            first, self.trouble = self.trouble is None, str(error)
            if first:
                self._begin()
            return False
        return True

    def over(self) -> None:
        """All that was tried was taken."""
        if self.trouble is not None:
            logger.info("Run %s: the record can be written again.", self._folder)
            self.trouble = None

    def _begin(self) -> None:
        first = self._note({"time": utc_now(), "error": self.trouble})
        logger.error("Run %s cannot be recorded: %s", self._folder, self.trouble)
        if first:
            say(
                f"Run {self._folder} cannot be recorded at the moment: {self.trouble}. It goes on; "
                "what is missing is kept in memory and tried again every second. Free the disk, or "
                "make the folder writable."
            )
