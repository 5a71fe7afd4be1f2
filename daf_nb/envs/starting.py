"""The start of every episode: its setting and its instance; and what follows where one fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.accounts import Accounts
from daf_nb.envs.copy import Copy
from daf_nb.envs.guards import Guard
from daf_nb.envs.instances import Instances
from daf_nb.envs.layout import Layout
from daf_nb.envs.seat import Seat
from daf_nb.envs.seeds import EpisodeSeeds
from daf_nb.envs.settings import Setting
from daf_nb.errors import TaskGenerationError, TrainingEnvironmentError

__all__ = ["MOST_IN_A_ROW", "Starter"]

MOST_IN_A_ROW = 10
"""Episodes of one copy that may be dropped one after the other, before one has ended."""


class Starter:
    """Starts the copies' episodes, in the instances that their settings need.

    Args:
        instances: of the copies.
        layout: what settings must fit.
        guard: looks at what an episode begins with.
        envs: copy -> the instance in play; written here.
        accounts: what the copies play next, and who is asked where that fails.
        doing: int64 [3], told the copy, and last the number, of the episode that is to start.
    """

    def __init__(
        self,
        instances: Instances,
        layout: Layout,
        guard: Guard,
        envs: dict[int, ParallelEnv],
        accounts: Accounts,
        doing: np.ndarray,
    ) -> None:
        self._instances, self._layout, self._guard, self._envs = instances, layout, guard, envs
        self._accounts, self._doing = accounts, doing

    def reseed(self, seeds: EpisodeSeeds) -> None:
        """From now on episodes have these seeds."""
        self._seeds = seeds

    def prepare(self, copy: int, setting: Setting) -> None:
        """Sets what a copy's next episode and all later ones are played with; see `Copies`."""
        self._layout.refuse_goal(setting)
        self._instances.refuse_rebuilding(setting)
        self._accounts.settings[copy] = setting

    def seat(self, copy: int, setting: Setting) -> Seat:
        """The seat of a copy's instance for `setting`, and no other; it is in play now."""
        self.prepare(copy, setting)
        seat = self._instances.ready(copy, setting)
        self._envs[copy] = seat.env
        return seat

    def start(self, copy: Copy, options: Mapping[str, Any]) -> None:
        """Starts a copy's next episode; where that fails, and is to be dropped, the one after it.

        Raises:
            TrainingEnvironmentError: the world failed, and its episodes are not to be dropped, or
                too many were.
            TaskGenerationError: its setting cannot be played, and there is no other.
        """
        try:
            self._begin(copy, options)
        except TrainingEnvironmentError as error:
            self.prepare(copy.index, self._drop(copy, error))
            self._start_anew(copy)

    def start_next(self, copy: Copy) -> None:
        """As `start`, after an episode that has ended."""
        self._accounts.in_a_row[copy.index] = 0
        self.start(copy, {})

    def start_over(self, copy: Copy, error: TrainingEnvironmentError) -> None:
        """Drops a copy's episode, and starts its next one in a new instance; raises as `start`."""
        following = self._drop(copy, error)
        self._start_anew(copy)
        # What was prepared is played now, so this comes after it.
        self.prepare(copy.index, following)

    def _ready(self, copy: int) -> tuple[Seat, Setting]:
        """The copy's seat, prepared for its setting, or for another if that one fails."""
        while True:
            setting = self._accounts.settings[copy]
            try:
                return self._instances.ready(copy, setting), setting
            except TaskGenerationError as error:
                ask = self._accounts.on_task_failure
                other = ask and ask(copy, error)
                if other is None:
                    raise
                self.prepare(copy, other)

    def _begin(self, copy: Copy, options: Mapping[str, Any]) -> None:
        self._set_out(copy)
        seat, setting = self._ready(copy.index)
        if options:
            setting = replace(setting, options={**setting.options, **options})
        self._envs[copy.index] = seat.env
        copy.reset(seat, setting, self._next_seed(copy))
        self._guard.refuse_bad_start(copy.index)

    def _set_out(self, copy: Copy) -> None:
        """From now on it is the next episode that fails, which may be known to."""
        number = copy.number + 1
        self._doing[0], self._doing[2] = copy.index, number
        broken = self._accounts.broken
        if broken and (its := broken.get((copy.index, number))):
            copy.begin(self._accounts.settings[copy.index], self._next_seed(copy))
            raise its

    def _start_anew(self, copy: Copy) -> None:
        """In a new instance; as often as it may fail."""
        while True:
            try:
                self._set_out(copy)
                try:
                    self._instances.renew(copy.index)
                except TrainingEnvironmentError:
                    # The next episode is the one that it breaks.
                    copy.begin(self._accounts.settings[copy.index], self._next_seed(copy))
                    raise
                self._begin(copy, {})
            except TrainingEnvironmentError as error:
                self.prepare(copy.index, self._drop(copy, error))
            else:
                return

    def _next_seed(self, copy: Copy) -> int:
        return self._seeds(copy.index, copy.number + 1)

    def _drop(self, copy: Copy, error: TrainingEnvironmentError) -> Setting:
        """Leaves an episode out; what the copy is to play after what is prepared."""
        accounts = self._accounts
        if accounts.on_failure is None:
            raise error
        drop = copy.leave(error.what)
        accounts.in_a_row[copy.index] += 1
        if accounts.in_a_row[copy.index] > MOST_IN_A_ROW:
            raise TrainingEnvironmentError(
                f"{MOST_IN_A_ROW} episodes of copy {copy.index} were dropped one after the other, "
                f"and none has ended: the world does not work. The next failed too: {error}",
                what=error.what,
            ) from error.__cause__
        accounts.drops.append(drop)
        return accounts.on_failure(drop)
