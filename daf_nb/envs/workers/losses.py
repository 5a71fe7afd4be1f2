"""Workers that were lost: whose fault it is, and when trying again is no use."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from daf_nb.envs.accounts import Accounts, Standing
from daf_nb.envs.failing import MEND
from daf_nb.envs.hangs import Hang
from daf_nb.envs.workers.process import Process
from daf_nb.errors import TrainingEnvironmentError

__all__ = ["Broken", "Losses"]

_log = logging.getLogger("daf_nb")
_CHANCE = 3
"""Losses more, beside one of each copy, after which it cannot be chance any more."""

Broken = Mapping[int, TrainingEnvironmentError]
"""Copy -> why its step counts as broken."""


class Losses:
    """Counts a worker's losses since its last answer.

    Args:
        doing: int64 [...], in the first the copy that the worker plays, or -1.
        standing: copy -> what it plays.
        accounts: say whether broken episodes are dropped.
    """

    def __init__(
        self, doing: np.ndarray, standing: Mapping[int, Standing], accounts: Accounts
    ) -> None:
        self._doing, self._standing, self._accounts = doing, standing, accounts
        self._in_a_row = self._in_steps = 0

    def answered(self) -> None:
        """The worker has answered."""
        self._in_a_row = self._in_steps = 0

    def lost(self, process: Process, *, reviving: bool) -> Broken:
        """The worker's process is gone: copy -> why its step is to count as broken.

        The first time nobody is to blame; the second time the copy that was played again. While a
        replacement is brought to where the lost one was (`reviving`) it was chance.

        Raises:
            TrainingEnvironmentError: it is of no use to try again.
        """
        self._in_a_row += 1
        self._in_steps += not reviving
        at, said = int(self._doing[0]), process.said_of_end()
        whose = f"copies {min(self._standing)} to {max(self._standing)}"
        hopeless = self._in_a_row > len(self._standing) + _CHANCE
        if not hopeless and (reviving or self._in_steps == 1):
            _log.warning("The worker of %s %s; it is replaced, from the tapes.", whose, said)
            return {}
        what = f"the worker process {said}, twice in the same step"
        if at not in self._standing or hopeless:
            raise TrainingEnvironmentError(
                f"the worker of {whose} {said}, {self._in_a_row} times one after the other. {MEND}",
                what=what,
            )
        return self._blamed(
            at, TrainingEnvironmentError(f"{self.where(at)}: {what}. {MEND}", what=what)
        )

    def stuck(self, hang: Hang) -> Broken:
        """The worker stands in a call of C, and was ended: copy -> why its step is broken.

        Raises:
            TrainingEnvironmentError: broken episodes are not dropped.
        """
        self._in_a_row += 1
        what = "the world hangs, and its worker process was ended"
        error = TrainingEnvironmentError(f"{hang}\n{what}. {MEND}", what=what)
        return self._blamed(int(self._doing[0]), error)

    def where(self, at: int) -> str:
        """Which episode a copy plays, in words."""
        if at not in self._standing:
            return f"copies {min(self._standing)} to {max(self._standing)}"
        standing = self._standing[at]
        return f"copy {standing.index}, episode {standing.number} (seed {standing.seed})"

    def _blamed(self, at: int, error: TrainingEnvironmentError) -> Broken:
        if self._accounts.on_failure is None or at < 0:
            raise error
        return {at: error}
