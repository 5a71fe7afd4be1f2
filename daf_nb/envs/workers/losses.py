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

__all__ = ["Losses"]

_log = logging.getLogger("daf_nb")


class Losses:
    """Counts a worker's losses since its last answer.

    Args:
        doing: int64 [...], in the first the copy that the worker plays, or -1.
    """

    def __init__(self, doing: np.ndarray) -> None:
        self._doing, self._in_a_row = doing, 0

    def answered(self) -> None:
        """The worker has answered."""
        self._in_a_row = 0

    def lost(
        self, process: Process, standing: Mapping[int, Standing], accounts: Accounts
    ) -> dict[int, TrainingEnvironmentError]:
        """The worker's process is gone: copy -> why its step is to count as broken.

        The first time nobody is to blame; the second time the copy that was played again.

        Raises:
            TrainingEnvironmentError: it is of no use to try again.
        """
        self._in_a_row += 1
        at, said = int(self._doing[0]), process.said_of_end()
        whose = f"copies {min(standing)} to {max(standing)}"
        if self._in_a_row == 1:
            _log.warning("The worker of %s %s; it is replaced, from the tapes.", whose, said)
            return {}
        what = f"the worker process {said}, twice in the same step"
        if at not in standing or self._in_a_row > 1 + len(standing):
            raise TrainingEnvironmentError(
                f"the worker of {whose} {said}, {self._in_a_row} times one after the other. {MEND}",
                what=what,
            )
        error = TrainingEnvironmentError(f"{_where(standing[at])}: {what}. {MEND}", what=what)
        return self._blamed(at, error, accounts)

    def stuck(self, hang: Hang, accounts: Accounts) -> dict[int, TrainingEnvironmentError]:
        """The worker stands in a call of C, and was ended: copy -> why its step is broken.

        Raises:
            TrainingEnvironmentError: broken episodes are not dropped.
        """
        self._in_a_row += 1
        what = "the world hangs, and its worker process was ended"
        error = TrainingEnvironmentError(f"{hang}\n{what}. {MEND}", what=what)
        return self._blamed(int(self._doing[0]), error, accounts)

    def _blamed(
        self, at: int, error: TrainingEnvironmentError, accounts: Accounts
    ) -> dict[int, TrainingEnvironmentError]:
        if accounts.on_failure is None or at < 0:
            raise error
        return {at: error}


def _where(standing: Standing) -> str:
    return f"copy {standing.index}, episode {standing.number} (seed {standing.seed})"
