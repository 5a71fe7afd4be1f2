"""Workers that were lost: whose fault it is, and when trying again is no use."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from daf_nb.envs.accounts import Accounts, Broken, Standing
from daf_nb.envs.failing import MEND
from daf_nb.envs.hangs import Hang
from daf_nb.envs.workers.process import Process
from daf_nb.errors import TrainingEnvironmentError

__all__ = ["Losses"]

_log = logging.getLogger("daf_nb")
_CHANCE = 3
"""Losses more, beside one of each copy, after which it cannot be chance any more."""


class Losses:
    """Counts a worker's losses since its last answer.

    Args:
        doing: int64 [...], which the worker writes; see `Plane`.
        standing: copy -> what it plays.
        accounts: say whether broken episodes are dropped.
    """

    def __init__(
        self, doing: np.ndarray, standing: Mapping[int, Standing], accounts: Accounts
    ) -> None:
        self._doing, self._standing, self._accounts = doing, standing, accounts
        self._in_a_row = self._in_steps = 0
        self._accused: set[tuple[int, int]] = set()

    def answered(self) -> None:
        """The worker has answered."""
        self._in_a_row = self._in_steps = 0
        self._accused.clear()

    def lost(self, process: Process, *, reviving: bool) -> Broken:
        """The worker's process is gone: which episode is to count as broken.

        The first time nobody is to blame; the second time what was played again. While a
        replacement is brought to where the lost one was (`reviving`) it was chance.

        Raises:
            TrainingEnvironmentError: it is of no use to try again.
        """
        self._in_a_row += 1
        self._in_steps += not reviving
        said = process.said_of_end()
        whose = f"copies {min(self._standing)} to {max(self._standing)}"
        hopeless = self._in_a_row > len(self._standing) + _CHANCE
        if not hopeless and (reviving or self._in_steps == 1):
            _log.warning("The worker of %s %s; it is replaced, from the tapes.", whose, said)
            return {}
        what = f"the worker process {said}, twice in the same step"
        if hopeless or self._place[0] not in self._standing:
            raise TrainingEnvironmentError(
                f"the worker of {whose} {said}, {self._in_a_row} times one after the other. {MEND}",
                what=what,
            )
        return self._blamed(TrainingEnvironmentError(f"{self.where}: {what}. {MEND}", what=what))

    def stuck(self, hang: Hang) -> Broken:
        """The worker stands in a call of C, and was ended: which episode is to count as broken.

        Raises:
            TrainingEnvironmentError: broken episodes are not dropped; or that did not help.
        """
        self._in_a_row += 1
        what = "the world hangs, and its worker process was ended"
        return self._blamed(TrainingEnvironmentError(f"{hang}\n{what}. {MEND}", what=what))

    @property
    def where(self) -> str:
        """Which episode the worker plays, in words."""
        at, number = self._place
        if at not in self._standing:
            return f"copies {min(self._standing)} to {max(self._standing)}"
        standing = self._standing[at]
        if number != standing.number:
            return f"copy {at}, the beginning of episode {number}"
        return f"copy {at}, episode {number} (seed {standing.seed})"

    @property
    def _place(self) -> tuple[int, int]:
        """The copy that is played, or -1, and which episode of it."""
        return int(self._doing[0]), int(self._doing[2])

    def _blamed(self, error: TrainingEnvironmentError) -> Broken:
        place = self._place
        if self._accounts.on_failure is None or place[0] < 0 or place in self._accused:
            raise error
        self._accused.add(place)
        self._in_a_row = 0
        return {place: error}
